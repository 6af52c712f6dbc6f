import { describe, expect, it } from 'vitest'
import type { FlagRecord } from '@/api/flag-types'
import { diff, linesOf, rolloutText } from './describe'

const record: FlagRecord = {
    key: 'beta',
    name: '',
    active: true,
    deleted: false,
    ensure_experience_continuity: false,
    bucketing_identifier: null,
    evaluation_runtime: 'all',
    is_remote_configuration: false,
    has_encrypted_payloads: false,
    filters: { groups: [{ properties: [{ type: 'person', key: 'plan', operator: 'exact', value: ['pro'] }], rollout_percentage: 50 }] },
}

describe('a flag in words', () => {
    it('names its sets', () => expect(linesOf(record)).toContain('Set 1: 50% of plan is pro'))
    it('shows every value, so that no change is hidden', () => {
        const withPlans = (last: string): FlagRecord => ({ ...record, filters: { groups: [{ properties: [{ type: 'person', key: 'plan', operator: 'exact', value: ['a', 'b', 'c', 'd', last] }], rollout_percentage: 12.345 }] } })
        expect(linesOf(withPlans('e'))).toContain('Set 1: 12.345% of plan is a, b, c, d, e')
        expect(linesOf(withPlans('e'))).not.toEqual(linesOf(withPlans('f')))
    })
    it('calls cohorts and flags by name where it is known', () => {
        const filters = { groups: [{ properties: [{ type: 'cohort' as const, key: 'id', operator: 'in' as const, value: 7 }, { type: 'flag' as const, key: '3', operator: 'flag_evaluates_to' as const, value: true }] }] }
        const names = { cohorts: { 7: 'Power users' }, flags: { 3: 'checkout' }, groups: {} }
        expect(linesOf({ ...record, filters }, names)).toContain('Set 1: 100% of in cohort Power users and flag checkout is on')
    })
    it('says how far it is rolled out', () => {
        expect(rolloutText({ groups: [{ rollout_percentage: 30 }] })).toBe('30%')
        expect(rolloutText(record.filters)).toBe('50% of some')
        expect(rolloutText({ groups: [{ rollout_percentage: 10 }, { rollout_percentage: null }] })).toBe('10–100% in 2 sets')
        expect(rolloutText({ groups: [] })).toBe('nobody')
    })
})

describe('diff', () => {
    it('keeps what is the same and tells what went and what came', () => {
        expect(diff(['a', 'b', 'c'], ['a', 'x', 'c'])).toEqual([
            { kind: 'same', text: 'a' },
            { kind: 'removed', text: 'b' },
            { kind: 'added', text: 'x' },
            { kind: 'same', text: 'c' },
        ])
    })
    it('is empty of changes for the same lines', () => expect(diff(['a'], ['a']).every((line) => line.kind === 'same')).toBe(true))
    it('knows a first version', () => expect(diff([], ['a']).map((line) => line.kind)).toEqual(['added']))
})
