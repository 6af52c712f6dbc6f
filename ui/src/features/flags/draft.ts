import { filterProblem } from '@/features/filters/public'
import { forQuery } from '@/api/property-filters'
import type { FeatureFlag, FlagBucketing, FlagCondition, FlagFilters, FlagRecord, FlagRuntime, FlagVariant } from '@/api/flag-types'
import type { PropertyFilter } from '@/api/types'

export type FlagKind = 'boolean' | 'multivariate' | 'remote_config'

/** A condition set, with an identity of its own so that it can be moved. */
export type ConditionDraft = { id: number; rest: FlagCondition; properties: PropertyFilter[]; rollout: number; variant: string | null; description: string }

export type VariantDraft = { id: number; key: string; name: string; rollout: number }

/** A flag as the editor holds it. What the editor does not know stays in `rest`, so that saving loses nothing. */
export type FlagDraft = {
    key: string
    description: string
    active: boolean
    kind: FlagKind
    conditions: ConditionDraft[]
    variants: VariantDraft[]
    /** JSON as typed, under `true` or a variant's identity. */
    payloads: Record<string, string>
    encrypted: boolean
    groupType: number | null
    continuity: boolean
    bucketing: FlagBucketing
    runtime: FlagRuntime
    contexts: string[]
    tags: string[]
    earlyExit: boolean
    rest: FlagFilters
}

const maxKey = 400
export const maxConditions = 100
export const maxVariants = 20

export const kindOf = (flag: Pick<FeatureFlag, 'is_remote_configuration' | 'filters'>): FlagKind =>
    flag.is_remote_configuration ? 'remote_config' : (flag.filters.multivariate?.variants.length ?? 0) > 0 ? 'multivariate' : 'boolean'

export const freshId = (items: { id: number }[]): number => items.reduce((most, item) => Math.max(most, item.id), 0) + 1

export const emptyCondition = (id: number): ConditionDraft => ({ id, rest: {}, properties: [], rollout: 100, variant: null, description: '' })

export const emptyDraft: FlagDraft = {
    key: '',
    description: '',
    active: true,
    kind: 'boolean',
    conditions: [emptyCondition(1)],
    variants: [],
    payloads: {},
    encrypted: false,
    groupType: null,
    continuity: false,
    bucketing: 'distinct_id',
    runtime: 'all',
    contexts: [],
    tags: [],
    earlyExit: false,
    rest: {},
}

function conditionDraft(condition: FlagCondition, id: number): ConditionDraft {
    const { properties, rollout_percentage, variant, description, ...rest } = condition
    return { id, rest, properties: properties ?? [], rollout: rollout_percentage ?? 100, variant: variant ?? null, description: description ?? '' }
}

export function draftOf(flag: FlagRecord): FlagDraft {
    const { groups, multivariate, payloads, aggregation_group_type_index, early_exit, ...rest } = flag.filters
    const variants = (multivariate?.variants ?? []).map((variant, index) => ({ id: index + 1, key: variant.key, name: variant.name ?? '', rollout: variant.rollout_percentage }))
    const byId = Object.entries(payloads ?? {}).map(([key, text]) => [variants.find((variant) => variant.key === key)?.id ?? key, pretty(text)])
    return {
        key: flag.key,
        description: flag.name,
        active: flag.active,
        kind: kindOf(flag),
        conditions: (groups ?? []).map((condition, index) => conditionDraft(condition, index + 1)),
        variants,
        payloads: Object.fromEntries(byId) as Record<string, string>,
        encrypted: flag.has_encrypted_payloads,
        groupType: aggregation_group_type_index ?? null,
        continuity: flag.ensure_experience_continuity,
        bucketing: flag.bucketing_identifier ?? 'distinct_id',
        runtime: flag.evaluation_runtime ?? 'all',
        contexts: flag.evaluation_contexts ?? [],
        tags: flag.tags ?? [],
        earlyExit: early_exit ?? false,
        rest,
    }
}

function pretty(text: string): string {
    try {
        return JSON.stringify(JSON.parse(text), null, 2)
    } catch {
        return text
    }
}

export function conditionOf(draft: ConditionDraft): FlagCondition {
    const condition: FlagCondition = { ...draft.rest, properties: forFlag(draft.properties), rollout_percentage: draft.rollout, variant: draft.variant }
    if (draft.description !== '' || 'description' in draft.rest) condition.description = draft.description
    return condition
}

/** Stored as sent: what queries leave out, such as a dependency on a flag, belongs to flags. */
const forFlag = (filters: PropertyFilter[]): PropertyFilter[] => filters.map((filter) => (filter.type === 'cohort' || filter.type === 'flag' || filter.type === 'person_metadata' ? filter : (forQuery([filter])[0] ?? filter)))

export const variantsOf = (draft: FlagDraft): FlagVariant[] => draft.variants.map((variant) => ({ key: variant.key.trim(), name: variant.name, rollout_percentage: variant.rollout }))

export function filtersOf(draft: FlagDraft): FlagFilters {
    const filters: FlagFilters = { ...draft.rest, groups: draft.conditions.map(conditionOf), multivariate: draft.kind === 'multivariate' ? { variants: variantsOf(draft) } : null, payloads: payloadsOf(draft) }
    filters.aggregation_group_type_index = draft.groupType
    if (draft.earlyExit) filters.early_exit = true
    // A remote configuration is the same for everybody.
    if (draft.kind === 'remote_config') filters.groups = [{ properties: [], rollout_percentage: 100, variant: null }]
    return filters
}

function payloadsOf(draft: FlagDraft): Record<string, string> {
    const wanted: [string, string | undefined][] = draft.kind === 'multivariate' ? draft.variants.map((variant) => [variant.key.trim(), draft.payloads[variant.id]]) : [['true', draft.payloads['true']]]
    return Object.fromEntries(wanted.flatMap(([key, text]) => (text === undefined || text.trim() === '' ? [] : [[key, text.trim()]])))
}

/** What is sent to save the flag; `version` lets the server refuse to overwrite somebody else's change. */
export function bodyOf(draft: FlagDraft): Record<string, unknown> {
    return {
        key: draft.key.trim(),
        name: draft.description,
        active: draft.active,
        filters: filtersOf(draft),
        ensure_experience_continuity: draft.kind === 'remote_config' ? false : draft.continuity,
        bucketing_identifier: draft.bucketing === 'distinct_id' ? null : draft.bucketing,
        evaluation_runtime: draft.runtime,
        evaluation_contexts: draft.contexts,
        is_remote_configuration: draft.kind === 'remote_config',
        has_encrypted_payloads: draft.kind === 'remote_config' && draft.encrypted,
        tags: draft.tags,
    }
}

export const sameDraft = (a: FlagDraft, b: FlagDraft): boolean => JSON.stringify(bodyOf(a)) === JSON.stringify(bodyOf(b))

export type Problems = { key?: string; variants?: string; variant: Record<number, string>; payload: Record<string, string>; condition: Record<number, string>; conditions?: string }

export const hasProblems = (problems: Problems): boolean =>
    Boolean(problems.key ?? problems.variants ?? problems.conditions) || [problems.variant, problems.payload, problems.condition].some((part) => Object.keys(part).length > 0)

/** Everything that would be refused, said beside its field before anything is sent. */
export function problemsOf(draft: FlagDraft): Problems {
    const problems: Problems = { variant: {}, payload: {}, condition: {} }
    problems.key = keyProblem(draft.key)
    if (draft.kind === 'multivariate') {
        const total = sum(draft.variants.map((variant) => variant.rollout))
        if (draft.variants.length < 2) problems.variants = 'Add at least two variants.'
        else if (total !== 100) problems.variants = `The weights add up to ${total}%, not 100%.`
        for (const variant of draft.variants) {
            const wrong = variantProblem(variant, draft.variants)
            if (wrong) problems.variant[variant.id] = wrong
        }
    }
    for (const [key, text] of Object.entries(draft.payloads)) {
        const wrong = payloadProblem(text)
        if (wrong) problems.payload[key] = wrong
    }
    if (draft.kind !== 'remote_config') {
        if (draft.conditions.length === 0) problems.conditions = 'Add a condition set; without one nobody gets the flag.'
        for (const condition of draft.conditions) {
            const wrong = condition.properties.map(filterProblem).find((problem) => problem !== null)
            if (wrong) problems.condition[condition.id] = wrong
            else if (draft.kind === 'multivariate' && condition.variant !== null && !draft.variants.some((variant) => variant.key === condition.variant)) problems.condition[condition.id] = `There is no variant “${condition.variant}”.`
        }
    }
    return problems
}

export function keyProblem(key: string): string | undefined {
    const trimmed = key.trim()
    if (trimmed === '') return 'A flag needs a key, which is what your code asks for.'
    if (!/^[A-Za-z0-9_-]+$/.test(trimmed)) return 'Use only letters, digits, “-” and “_”.'
    return trimmed.length > maxKey ? `Use at most ${maxKey} characters.` : undefined
}

function variantProblem(variant: VariantDraft, all: VariantDraft[]): string | null {
    const key = variant.key.trim()
    if (key === '') return 'A variant needs a key.'
    if (!/^[A-Za-z0-9_-]+$/.test(key)) return 'Use only letters, digits, “-” and “_”.'
    if (all.some((other) => other.id !== variant.id && other.key.trim() === key)) return `Two variants are called “${key}”.`
    return null
}

/** Where JSON breaks, in words. */
export function payloadProblem(text: string): string | null {
    if (text.trim() === '') return null
    try {
        JSON.parse(text)
        return null
    } catch (error) {
        const said = error instanceof Error ? error.message.replace(/^JSON\.parse: |,? ?"[\s\S]*" is not valid JSON$|in JSON /g, '') : ''
        return `This is not JSON${said ? `: ${said.charAt(0).toLowerCase()}${said.slice(1)}` : ''}. Text needs quotes.`
    }
}

/** Hundredths are exact this way; 33.33 + 33.33 + 33.34 is 100. */
export const sum = (weights: number[]): number => Math.round(weights.reduce((total, weight) => total + Math.round(weight * 100), 0)) / 100

/** Equal whole weights; what does not divide goes to the first ones. */
export function distribute(count: number): number[] {
    const each = Math.floor(100 / count)
    return Array.from({ length: count }, (_, index) => each + (index < 100 - each * count ? 1 : 0))
}

/** A new variant takes its place beside the others, all with equal weight. */
export function withVariant(variants: VariantDraft[]): VariantDraft[] {
    const taken = new Set(variants.map((variant) => variant.key))
    const offered = ['control', 'test', ...Array.from({ length: maxVariants }, (_, index) => `variant-${index + 1}`)]
    const key = offered.find((name) => !taken.has(name)) ?? ''
    return evenly([...variants, { id: freshId(variants), key, name: '', rollout: 0 }])
}

export function evenly(variants: VariantDraft[]): VariantDraft[] {
    const weights = distribute(Math.max(1, variants.length))
    return variants.map((variant, index) => ({ ...variant, rollout: weights[index] ?? 0 }))
}

/** Another kind keeps what the editor already holds, so that switching back loses nothing. */
export function withKind(draft: FlagDraft, kind: FlagKind): FlagDraft {
    const variants = kind === 'multivariate' && draft.variants.length === 0 ? withVariant(withVariant([])) : draft.variants
    return { ...draft, kind, variants, conditions: draft.conditions.length === 0 ? [emptyCondition(1)] : draft.conditions }
}
