import type { FlagCondition, FlagFilters, FlagRecord } from '@/api/flag-types'
import type { PropertyFilter } from '@/api/types'
import { describeValue, operatorLabels } from '@/features/filters/public'
import { propertyLabel } from '@/lib/known-names'
import { formatNumber } from '@/lib/numbers'
import { kindOf } from './draft'

/** Names of what is stored by id. */
export type Names = { cohorts: Record<string, string>; flags: Record<string, string>; groups: Record<string, string> }

export const noNames: Names = { cohorts: {}, flags: {}, groups: {} }

/** "50%" or "2 sets, 10% to 50%": how far a flag is rolled out, at a glance. */
export function rolloutText(filters: FlagFilters): string {
    const groups = filters.groups ?? []
    if (groups.length === 0) return 'nobody'
    const rollouts = groups.map((group) => group.rollout_percentage ?? 100)
    const [least, most] = [Math.min(...rollouts), Math.max(...rollouts)]
    const share = least === most ? `${formatNumber(most)}%` : `${formatNumber(least)}–${formatNumber(most)}%`
    const targeted = groups.every((group) => (group.properties ?? []).length > 0)
    if (groups.length === 1) return targeted ? `${share} of some` : share
    return `${share} in ${groups.length} sets`
}

export function filterText(filter: PropertyFilter, names: Names): string {
    if (filter.type === 'cohort') return `${filter.operator === 'not_in' ? 'not in' : 'in'} cohort ${names.cohorts[String(filter.value)] ?? String(filter.value)}`
    if (filter.type === 'flag') return `flag ${names.flags[filter.key] ?? filter.key} is ${filter.value === true ? 'on' : filter.value === false ? 'off' : String(filter.value)}`
    // All values, however many: what is left out here is a change that nobody sees.
    const value = Array.isArray(filter.value) && filter.value.length > 3 ? filter.value.join(', ') : describeValue(filter)
    return `${propertyLabel(filter.key)} ${operatorLabels[filter.operator ?? 'exact']} ${value}`.trim()
}

function setText(condition: FlagCondition, index: number, names: Names): string {
    const who = (condition.properties ?? []).map((filter) => filterText(filter, names)).join(' and ') || 'everyone'
    const variant = condition.variant ? `, always ${condition.variant}` : ''
    return `Set ${index + 1}: ${condition.rollout_percentage ?? 100}% of ${who}${variant}${condition.description ? ` (${condition.description})` : ''}`
}

const kindNames = { boolean: 'on or off', multivariate: 'variants', remote_config: 'remote config' }
const runtimeNames: Record<string, string> = { all: 'everywhere', client: 'in browsers and apps', server: 'on servers' }

/** A flag as lines that can be compared with those of another version. */
export function linesOf(flag: FlagRecord, names: Names = noNames): string[] {
    const { filters } = flag
    const group = filters.aggregation_group_type_index
    const lines = [`Key: ${flag.key}`, flag.active ? 'Enabled' : 'Disabled']
    if (flag.deleted) lines.push('Deleted')
    if (flag.name) lines.push(`Description: ${flag.name}`)
    lines.push(`Answers: ${kindNames[kindOf({ filters, is_remote_configuration: flag.is_remote_configuration })]}`)
    if (group !== null && group !== undefined) lines.push(`The same for each ${names.groups[String(group)] ?? 'group'}`)
    for (const variant of filters.multivariate?.variants ?? []) lines.push(`Variant ${variant.key}: ${variant.rollout_percentage}%${variant.name ? ` (${variant.name})` : ''}`)
    for (const [key, payload] of Object.entries(filters.payloads ?? {})) lines.push(`Payload${key === 'true' ? '' : ` of ${key}`}: ${payload}`)
    if (!flag.is_remote_configuration) lines.push(...(filters.groups ?? []).map((condition, index) => setText(condition, index, names)))
    if (filters.feature_enrollment) lines.push('Open to early access')
    if (filters.holdout) lines.push(`Holdout ${filters.holdout.id}: ${filters.holdout.exclusion_percentage}%`)
    if (filters.early_exit) lines.push('Stops at the first set that fits')
    if (flag.ensure_experience_continuity) lines.push('Keeps the answer through login')
    if (flag.bucketing_identifier === 'device_id') lines.push('The same for each device')
    if (flag.evaluation_runtime !== 'all') lines.push(`Evaluated ${runtimeNames[flag.evaluation_runtime] ?? flag.evaluation_runtime}`)
    if (flag.evaluation_contexts?.length) lines.push(`Contexts: ${flag.evaluation_contexts.join(', ')}`)
    if (flag.has_encrypted_payloads) lines.push('Encrypted')
    if (flag.tags?.length) lines.push(`Tags: ${flag.tags.join(', ')}`)
    return lines
}

export type DiffLine = { kind: 'same' | 'added' | 'removed'; text: string }

/** The shortest way from one list of lines to the other. */
export function diff(before: string[], after: string[]): DiffLine[] {
    const common: number[][] = Array.from({ length: before.length + 1 }, () => Array.from({ length: after.length + 1 }, () => 0))
    for (let i = before.length - 1; i >= 0; i -= 1) {
        for (let j = after.length - 1; j >= 0; j -= 1) common[i]![j] = before[i] === after[j] ? common[i + 1]![j + 1]! + 1 : Math.max(common[i + 1]![j]!, common[i]![j + 1]!)
    }
    const lines: DiffLine[] = []
    let [i, j] = [0, 0]
    while (i < before.length || j < after.length) {
        if (i < before.length && j < after.length && before[i] === after[j]) {
            lines.push({ kind: 'same', text: before[i]! })
            i += 1
            j += 1
        } else if (i < before.length && (j >= after.length || common[i + 1]![j]! >= common[i]![j + 1]!)) {
            lines.push({ kind: 'removed', text: before[i]! })
            i += 1
        } else {
            lines.push({ kind: 'added', text: after[j]! })
            j += 1
        }
    }
    return lines
}
