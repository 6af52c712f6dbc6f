import { expect, test } from 'vitest'
import { bodyOf, emptyDraft, evenly, problemsOf, slug, withVariant } from './draft'

test('a new experiment compares two halves', () => {
    const body = bodyOf({ ...emptyDraft, name: ' Checkout ', flagKey: 'checkout' })
    expect(body).toMatchObject({ name: 'Checkout', feature_flag_key: 'checkout', parameters: { feature_flag_variants: [{ key: 'control', rollout_percentage: 50 }, { key: 'test', rollout_percentage: 50 }], rollout_percentage: 100 } })
})

test('equal shares add up to 100 whatever the number of variants', () => {
    for (let number = 2; number <= 20; number += 1) {
        const variants = Array.from({ length: number }, (_, index) => ({ id: String(index), key: `v${index}`, rollout: 0 }))
        const total = evenly(variants).reduce((sum, variant) => sum + Math.round(variant.rollout * 100), 0)
        expect(total).toBe(10_000)
        expect(problemsOf({ ...emptyDraft, name: 'x', flagKey: 'x', variants: evenly(variants) }).variants).toBeUndefined()
    }
})

test('another variant gets a key of its own', () => {
    const three = withVariant(emptyDraft.variants)
    expect(three.map((variant) => variant.key)).toEqual(['control', 'test', 'test-1'])
    expect(withVariant(three).map((variant) => variant.key)).toEqual(['control', 'test', 'test-1', 'test-2'])
})

test('a key is made from the name', () => {
    expect(slug('Größerer Knopf, 2. Versuch!')).toBe('gro-erer-knopf-2-versuch')
    expect(problemsOf(emptyDraft)).toMatchObject({ name: expect.any(String), flagKey: expect.any(String) })
})
