import { expect, test } from 'vitest'
import type { Survey } from '@/api/survey-types'
import { answersOf, bodyOf, draftOf, emptyDraft, freshQuestion, problemsOf, rearranged, withType } from './draft'

const stored: Survey = {
    id: 's',
    name: 'NPS',
    description: '',
    type: 'popover',
    schedule: 'once',
    questions: [{ id: 'a', type: 'open', question: 'Why?', validation: [{ type: 'min_length', value: 2 }] }],
    conditions: { url: '/pricing', urlMatchType: 'exact', deviceTypes: ['Desktop'], events: { repeatedActivation: true, values: [{ name: 'signed up', propertyFilters: { plan: { values: ['pro'], operator: 'exact' } } }] } },
    appearance: { backgroundColor: '#000000', maxWidth: '320px' },
    linked_flag_id: null,
    linked_flag: null,
    targeting_flag: { id: 1, key: 'survey-targeting-x', filters: { groups: [{ properties: [{ key: 'plan', type: 'person', operator: 'exact', value: ['pro'] }], rollout_percentage: 40 }] } },
    start_date: null,
    end_date: null,
    archived: false,
    responses_limit: 100,
    iteration_count: null,
    iteration_frequency_days: null,
    current_iteration: null,
    enable_partial_responses: false,
    created_by: null,
    created_at: '2026-01-01T00:00:00Z',
    updated_at: '2026-01-01T00:00:00Z',
}

test('what the editor does not show comes back as it was', () => {
    const body = bodyOf(draftOf(stored))
    expect(body.conditions).toEqual(stored.conditions)
    expect(body.appearance).toMatchObject({ backgroundColor: '#000000', maxWidth: '320px' })
    expect(body.questions).toEqual(stored.questions)
    expect(body.targeting_flag_filters).toEqual({ groups: [{ properties: stored.targeting_flag?.filters.groups?.[0]?.properties, rollout_percentage: 40 }] })
    expect(body.responses_limit).toBe(100)
})

test('a survey for everybody has no targeting flag', () => {
    expect(bodyOf(emptyDraft)).toMatchObject({ remove_targeting_flag: true, conditions: null, iteration_count: null })
    expect(bodyOf(emptyDraft)).not.toHaveProperty('targeting_flag_filters')
})

test('problems are said at the question that has them', () => {
    const empty = freshQuestion('open', ' ', 'e')
    const twice = { ...freshQuestion('single_choice', 'Which?', 't'), choices: ['A', 'A '] }
    const link = { ...freshQuestion('link', 'See', 'l'), link: 'javascript:alert(1)' }
    const problems = problemsOf({ ...emptyDraft, questions: [empty, twice, link] })
    expect(problems.name).toBeDefined()
    expect(Object.keys(problems.questions)).toEqual(['e', 't', 'l'])
})

test('branches follow their questions when these move, and end with them', () => {
    const [a, b, c] = [freshQuestion('open', 'A', 'a'), freshQuestion('open', 'B', 'b'), freshQuestion('open', 'C', 'c')]
    const first = { ...a, branching: { type: 'specific_question' as const, index: 2 } }
    const choosing = { ...b, branching: { type: 'response_based' as const, responseValues: { 0: 2, 1: 'end' as const, 2: 0 } } }
    const before = [first, choosing, c]
    const moved = rearranged(before, [c, first, choosing])
    expect(moved[1]?.branching).toEqual({ type: 'specific_question', index: 0 })
    expect(moved[2]?.branching).toEqual({ type: 'response_based', responseValues: { 0: 0, 1: 'end', 2: 1 } })
    const without = rearranged(before, [first, choosing])
    expect(without[0]?.branching).toBeNull()
    expect(without[1]?.branching).toEqual({ type: 'response_based', responseValues: { 1: 'end', 2: 0 } })
})

test('answers that may branch are those that SDKs tell apart', () => {
    expect(answersOf({ ...freshQuestion('rating', 'R', 'r'), scale: 10 }).map((answer) => answer.key)).toEqual(['detractors', 'passives', 'promoters'])
    expect(answersOf({ ...freshQuestion('rating', 'R', 'r'), scale: 5 }).map((answer) => answer.label)).toEqual(['1 to 2', '3', '4 to 5'])
    expect(answersOf({ ...freshQuestion('rating', 'R', 'r'), scale: 7 }).map((answer) => answer.label)).toEqual(['1 to 3', '4', '5 to 7'])
    expect(answersOf({ ...freshQuestion('rating', 'R', 'r'), scale: 3 }).map((answer) => answer.label)).toEqual(['1', '2', '3'])
    expect(answersOf(freshQuestion('multiple_choice', 'M', 'm'))).toEqual([])
})

test('another type keeps the words and the choices, under a new id', () => {
    const one = { ...freshQuestion('single_choice', 'Which?', 'one'), choices: ['A', 'B'] }
    const many = withType(one, 'multiple_choice')
    expect(many).toMatchObject({ type: 'multiple_choice', question: 'Which?', choices: ['A', 'B'] })
    expect(many.id).not.toBe('one')
})
