/** A new experiment while it is being described. */

import type { FlagVariant } from '@/api/flag-types'

export type VariantDraft = { id: string; key: string; rollout: number }

export type ExperimentDraft = {
    name: string
    description: string
    flagKey: string
    /** A key that was typed stays; until then it follows the name. */
    ownKey: boolean
    variants: VariantDraft[]
    rollout: number
    groupType: number | null
    holdout: number | null
}

export const maxVariants = 20

export const emptyDraft: ExperimentDraft = {
    name: '',
    description: '',
    flagKey: '',
    ownKey: false,
    variants: [
        { id: 'control', key: 'control', rollout: 50 },
        { id: 'test', key: 'test', rollout: 50 },
    ],
    rollout: 100,
    groupType: null,
    holdout: null,
}

export const slug = (name: string): string =>
    name
        .toLowerCase()
        .normalize('NFD')
        .replace(/[^a-z0-9]+/g, '-')
        .replace(/^-+|-+$/g, '')
        .slice(0, 100)

/** Equal shares with two decimals that add up to 100. */
export function evenly(variants: VariantDraft[]): VariantDraft[] {
    const share = Math.floor(10_000 / variants.length) / 100
    const last = Math.round((100 - share * (variants.length - 1)) * 100) / 100
    return variants.map((variant, index) => ({ ...variant, rollout: index === variants.length - 1 ? last : share }))
}

export function withVariant(variants: VariantDraft[]): VariantDraft[] {
    const names = new Set(variants.map((variant) => variant.key))
    let number = variants.length - 1
    while (names.has(number === 0 ? 'test' : `test-${number}`)) number += 1
    return evenly([...variants, { id: crypto.randomUUID(), key: number === 0 ? 'test' : `test-${number}`, rollout: 0 }])
}

export type Problems = { name?: string; flagKey?: string; variants?: string }

export function problemsOf(draft: ExperimentDraft): Problems {
    const problems: Problems = {}
    if (draft.name.trim() === '') problems.name = 'Give it a name to find it by.'
    if (!/^[A-Za-z0-9_-]{1,400}$/.test(draft.flagKey)) problems.flagKey = 'Letters, digits, - and _ only.'
    const keys = draft.variants.map((variant) => variant.key)
    const total = Math.round(draft.variants.reduce((sum, variant) => sum + variant.rollout, 0) * 100) / 100
    if (keys.some((key) => !/^[A-Za-z0-9_-]+$/.test(key))) problems.variants = 'Each variant needs a key of letters, digits, - and _.'
    else if (new Set(keys).size < keys.length) problems.variants = 'Two variants have the same key.'
    else if (total !== 100) problems.variants = `The shares add up to ${total}%, not 100%.`
    return problems
}

export const hasProblems = (problems: Problems): boolean => Object.keys(problems).length > 0

export function bodyOf(draft: ExperimentDraft): Record<string, unknown> {
    const variants: FlagVariant[] = draft.variants.map((variant) => ({ key: variant.key, rollout_percentage: variant.rollout }))
    return {
        name: draft.name.trim(),
        description: draft.description,
        type: 'product',
        feature_flag_key: draft.flagKey,
        parameters: { feature_flag_variants: variants, rollout_percentage: draft.rollout, ...(draft.groupType === null ? {} : { aggregation_group_type_index: draft.groupType }) },
        holdout_id: draft.holdout,
        metrics: [],
        metrics_secondary: [],
    }
}
