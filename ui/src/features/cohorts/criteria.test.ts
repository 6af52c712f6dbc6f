import { describe, expect, it } from 'vitest'
import type { CohortFilters } from '@/api/cohort-types'
import { asCriterion, asFilter, criteriaFrom, criteriaProblems, emptyBehaviour, emptyCriteria, filtersFrom, withBehaviour } from './criteria'

const filters: CohortFilters = {
    properties: {
        type: 'OR',
        values: [
            {
                type: 'AND',
                values: [
                    { type: 'person', key: 'email', operator: 'icontains', value: '@acme.com', negation: false },
                    { type: 'cohort', key: 'id', value: 12, negation: true },
                ],
            },
        ],
    },
}

describe('criteria', () => {
    it('are the same after a round trip', () => expect(filtersFrom(criteriaFrom(filters)!)).toEqual(filters))
    it('that lie flat become one group', () => {
        const flat = { properties: { type: 'AND' as const, values: [{ ...emptyBehaviour, key: 'a' }, { ...emptyBehaviour, key: 'b' }] } }
        expect(criteriaFrom(flat)?.groups.map((group) => [group.join, group.criteria.length])).toEqual([['AND', 2]])
    })
    it('nested deeper than the editor shows are not touched', () => {
        const deep = { properties: { type: 'OR', values: [{ type: 'AND', values: [{ type: 'OR', values: [] }] }] } } as unknown as CohortFilters
        expect(criteriaFrom(deep)).toBeNull()
    })
    it('say what is missing', () => {
        expect(criteriaProblems(emptyCriteria).each).toEqual({ '1-1': 'Choose an event.' })
        expect(criteriaProblems({ ...emptyCriteria, groups: [] }).whole).toContain('everybody')
    })
})

describe('a criterion', () => {
    it('keeps its event when it becomes another', () => {
        const sequence = withBehaviour({ ...emptyBehaviour, key: 'signed_up' }, 'performed_event_sequence')
        expect(sequence).toMatchObject({ key: 'signed_up', value: 'performed_event_sequence', seq_time_value: 7 })
        expect(withBehaviour(sequence, 'never')).toEqual({ ...emptyBehaviour, key: 'signed_up', negation: true })
    })
    it('of a cohort negates by "not in"', () => {
        const criterion = asCriterion({ type: 'cohort', key: 'id', operator: 'not_in', value: 3 })
        expect(criterion).toEqual({ type: 'cohort', key: 'id', value: 3, negation: true })
        expect(asFilter({ type: 'cohort', key: 'id', value: 3, negation: true }).operator).toBe('not_in')
    })
})
