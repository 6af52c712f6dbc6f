import type { ComparedProperty, ComparedSource, Explanation, ExplainStep } from '@/api/flag-types'
import { propertyLabel } from '@/lib/known-names'

/** 0.72649 → "72.65%": where somebody falls, compared with a rollout. */
export const place = (hash: number): string => `${(hash * 100).toFixed(2)}%`

export const sources: Record<ComparedSource, string> = {
    stored: 'stored on the person',
    request: 'sent with the request',
    geoip: 'from the IP address',
    initial: 'from the first visit',
    group: 'stored on the group',
    cohort: 'cohort members',
    flag: 'the other flag',
}

export function answerText(evaluation: Explanation['evaluation']): string {
    if (evaluation.enabled && evaluation.variant) return evaluation.variant
    return evaluation.enabled ? 'On' : 'Off'
}

const codeOf = (evaluation: Explanation['evaluation']): string => (typeof evaluation.reason === 'string' ? evaluation.reason : evaluation.reason.code)
const indexOf = (evaluation: Explanation['evaluation']): number | null => (typeof evaluation.reason === 'string' ? null : (evaluation.reason.condition_index ?? null))

/** Why the flag answers what it answers, in a sentence. */
export function whyText(explanation: Pick<Explanation, 'evaluation' | 'steps'>): string {
    const { evaluation, steps } = explanation
    const index = indexOf(evaluation)
    const set = index === null ? 'a condition set' : `set ${index + 1}`
    switch (codeOf(evaluation)) {
        case 'condition_match':
            return `They match ${set}${evaluation.variant && steps.some((step) => step.condition_index === index && step.variant === evaluation.variant && step.hash === null) ? ', which always gives this variant' : ''}.`
        case 'out_of_rollout_bound':
            return `They match ${set}, but fall outside its rollout.`
        case 'no_condition_match':
            return 'They match no condition set.'
        case 'no_group_type':
            return 'The flag answers per group, and no group was named.'
        case 'super_condition_value':
            return evaluation.enabled ? 'They opted in to early access.' : 'They opted out of early access.'
        case 'holdout_condition_value':
            return 'They are in the holdout, which no experiment touches.'
        case 'flag_disabled':
            return 'The flag is disabled, so nobody gets it.'
        case 'missing_dependency':
            return 'A flag that it depends on is missing, or depends on it in turn.'
        default:
            return typeof evaluation.reason === 'string' ? evaluation.reason : (evaluation.reason.description ?? evaluation.reason.code)
    }
}

export function stepTitle(step: ExplainStep): string {
    switch (step.kind) {
        case 'enrollment':
            return 'Early access'
        case 'holdout':
            return 'Holdout'
        case 'dependency':
            return 'Other flags'
        case 'condition':
            return `Set ${(step.condition_index ?? 0) + 1}`
    }
}

/** What became of one step. */
export function stepText(step: ExplainStep): string {
    const failed = (step.properties ?? []).filter((property) => !property.matched)
    switch (step.reason) {
        case 'condition_match':
            return step.variant ? `matches, gives ${step.variant}` : 'matches'
        case 'out_of_rollout_bound':
            return 'matches, but is outside the rollout'
        case 'no_condition_match':
            return failed.length > 0 ? `does not match: ${failed.map((property) => (property.type === 'cohort' ? 'cohort' : property.type === 'flag' ? 'flag' : propertyLabel(property.key))).join(', ')}` : 'does not match'
        case 'no_group_type':
            return 'needs a group'
        case 'super_condition_value':
            return 'decides'
        case 'holdout_condition_value':
            return 'held out'
        default:
            return step.matched ? 'applies' : 'does not apply'
    }
}

export function foundText(property: ComparedProperty): string {
    if (property.type === 'cohort') return property.found === false || property.found === undefined ? 'not a member' : property.found === true ? 'member' : String(property.found)
    if (property.found === undefined) return 'not set'
    if (typeof property.found === 'string') return property.found === '' ? '(empty text)' : property.found
    return JSON.stringify(property.found)
}
