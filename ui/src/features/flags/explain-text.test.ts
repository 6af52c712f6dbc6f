import { describe, expect, it } from 'vitest'
import { answerText, foundText, place, stepText, whyText } from './explain-text'

const evaluation = (code: string, index: number | null, enabled = false, variant: string | null = null) => ({ enabled, variant, payload: null, reason: { code, condition_index: index } })

describe('an explanation', () => {
    it('names the answer', () => {
        expect(answerText(evaluation('condition_match', 0, true))).toBe('On')
        expect(answerText(evaluation('condition_match', 0, true, 'test'))).toBe('test')
        expect(answerText(evaluation('no_condition_match', 0))).toBe('Off')
    })
    it('says why with the set as the editor counts it', () => {
        expect(whyText({ evaluation: evaluation('out_of_rollout_bound', 1), steps: [] })).toBe('They match set 2, but fall outside its rollout.')
        expect(whyText({ evaluation: evaluation('super_condition_value', 0, false), steps: [] })).toContain('opted out')
    })
    it('names the properties that did not match', () => {
        const properties = [
            { type: 'person' as const, key: 'plan', matched: false },
            { type: 'person' as const, key: '$geoip_country_name', matched: true },
        ]
        expect(stepText({ kind: 'condition', condition_index: 0, matched: false, reason: 'no_condition_match', properties })).toBe('does not match: plan')
    })
    it('tells not set from empty', () => {
        expect(foundText({ type: 'person', key: 'plan', matched: false })).toBe('not set')
        expect(foundText({ type: 'person', key: 'plan', matched: false, found: '' })).toBe('(empty text)')
        expect(foundText({ type: 'person', key: 'plan', matched: false, found: null })).toBe('null')
        expect(foundText({ type: 'cohort', key: 'id', matched: false, found: false })).toBe('not a member')
    })
    it('shows where somebody falls as a share', () => expect(place(0.7264912549260886)).toBe('72.65%'))
})
