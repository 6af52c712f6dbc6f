import { describe, expect, it } from 'vitest'
import type { FeatureFlag } from '@/api/flag-types'
import { bodyOf, distribute, draftOf, emptyDraft, filtersOf, hasProblems, keyProblem, payloadProblem, problemsOf, sameDraft, sum, withKind, withVariant } from './draft'

const flag: FeatureFlag = {
    id: 1,
    key: 'beta',
    name: 'Beta things',
    active: true,
    deleted: false,
    filters: {
        groups: [{ properties: [{ type: 'cohort', key: 'id', operator: 'in', value: 7 }], rollout_percentage: 12.5, variant: 'b', sort_key: 'kept' }],
        multivariate: { variants: [{ key: 'a', rollout_percentage: 50 }, { key: 'b', rollout_percentage: 50 }] },
        payloads: { b: '{"x":1}' },
        feature_enrollment: true,
    },
    ensure_experience_continuity: false,
    bucketing_identifier: null,
    evaluation_runtime: 'all',
    is_remote_configuration: false,
    has_encrypted_payloads: false,
    version: 3,
    last_called_at: null,
    created_by: null,
    created_at: '2026-01-01T00:00:00Z',
}

describe('a draft', () => {
    it('keeps what the editor does not know', () => {
        const filters = filtersOf(draftOf(flag))
        expect(filters.feature_enrollment).toBe(true)
        expect(filters.groups?.[0]).toMatchObject({ sort_key: 'kept', rollout_percentage: 12.5, variant: 'b', properties: [{ type: 'cohort', value: 7 }] })
        expect(JSON.parse(filters.payloads?.['b'] ?? '')).toEqual({ x: 1 })
    })
    it('is the same after a round trip, and not after a change', () => {
        const draft = draftOf(flag)
        expect(sameDraft(draft, draftOf(flag))).toBe(true)
        expect(sameDraft(draft, { ...draft, continuity: true })).toBe(false)
    })
    it('lets a payload follow its variant when the variant is renamed', () => {
        const draft = draftOf(flag)
        const renamed = { ...draft, variants: draft.variants.map((variant) => (variant.key === 'b' ? { ...variant, key: 'c' } : variant)) }
        expect(Object.keys(filtersOf(renamed).payloads ?? {})).toEqual(['c'])
    })
    it('sends a remote configuration to everybody, with no variants', () => {
        const body = bodyOf(withKind(draftOf(flag), 'remote_config'))
        expect(body['filters']).toMatchObject({ groups: [{ properties: [], rollout_percentage: 100 }], multivariate: null })
        expect(body['is_remote_configuration']).toBe(true)
    })
})

describe('problems', () => {
    it('are none for a good flag', () => expect(hasProblems(problemsOf(draftOf(flag)))).toBe(false))
    it('are said for keys', () => {
        expect(keyProblem(' ')).toContain('needs a key')
        expect(keyProblem('new checkout')).toContain('letters')
        expect(keyProblem('x'.repeat(401))).toContain('400')
        expect(keyProblem('new-checkout_2')).toBeUndefined()
    })
    it('are said for weights that are not 100', () => {
        const draft = withKind({ ...emptyDraft, key: 'k' }, 'multivariate')
        expect(problemsOf(draft).variants).toBeUndefined()
        expect(problemsOf({ ...draft, variants: draft.variants.map((variant) => ({ ...variant, rollout: 30 })) }).variants).toContain('60%')
    })
    it('are said for a set that wants a variant which is gone', () => {
        const draft = draftOf(flag)
        expect(problemsOf({ ...draft, variants: withVariant([draft.variants[0]!]) }).condition[1]).toContain('“b”')
    })
    it('say where JSON breaks', () => {
        expect(payloadProblem('{"a": 1}')).toBeNull()
        expect(payloadProblem('')).toBeNull()
        expect(payloadProblem('hello')).toMatch(/^This is not JSON/)
    })
})

it('weights are spread evenly and always sum to 100', () => {
    for (let count = 1; count <= 20; count += 1) expect(sum(distribute(count))).toBe(100)
    expect(distribute(3)).toEqual([34, 33, 33])
    expect(sum([33.33, 33.33, 33.34])).toBe(100)
    expect(sum([0.1, 0.2])).toBe(0.3)
})
