import { forQuery } from '@/api/property-filters'
import type { Behaviour, BehaviouralCriterion, CohortFilters, CriteriaGroup, Criterion, Join, TimeUnit } from '@/api/cohort-types'
import type { PropertyFilter } from '@/api/types'
import { filterProblem } from '@/features/filters/public'

type CriterionDraft = { id: number; criterion: Criterion }
export type GroupDraft = { id: number; join: Join; criteria: CriterionDraft[] }

/** The criteria as the editor holds them: groups of criteria, each joined by "and" or "or". */
export type CriteriaDraft = { join: Join; groups: GroupDraft[]; testAccounts: boolean }

/** What a behaviour is called in the editor; the same criterion negated has a name of its own. */
export const behaviours: { value: Behaviour | 'never'; label: string }[] = [
    { value: 'performed_event', label: 'Did' },
    { value: 'never', label: 'Did not do' },
    { value: 'performed_event_multiple', label: 'Did so many times' },
    { value: 'performed_event_first_time', label: 'Did for the first time' },
    { value: 'performed_event_regularly', label: 'Did regularly' },
    { value: 'performed_event_sequence', label: 'Did in sequence' },
    { value: 'stopped_performing_event', label: 'Stopped doing' },
    { value: 'restarted_performing_event', label: 'Did again after a pause' },
]

export const units: { value: TimeUnit; label: string; many: string }[] = [
    { value: 'minute', label: 'minute', many: 'minutes' },
    { value: 'hour', label: 'hour', many: 'hours' },
    { value: 'day', label: 'day', many: 'days' },
    { value: 'week', label: 'week', many: 'weeks' },
    { value: 'month', label: 'month', many: 'months' },
    { value: 'year', label: 'year', many: 'years' },
]

export const emptyBehaviour: BehaviouralCriterion = { type: 'behavioral', value: 'performed_event', key: '', event_type: 'events', time_value: 30, time_interval: 'day', negation: false }

export const emptyCriteria: CriteriaDraft = { join: 'OR', groups: [{ id: 1, join: 'AND', criteria: [{ id: 1, criterion: emptyBehaviour }] }], testAccounts: false }

export const nextId = (items: { id: number }[]): number => items.reduce((most, item) => Math.max(most, item.id), 0) + 1

const isGroup = (node: CriteriaGroup | Criterion): node is CriteriaGroup => 'values' in node && Array.isArray(node.values)

/** null for criteria that are nested deeper than the editor shows. */
export function criteriaFrom(filters: CohortFilters | null): CriteriaDraft | null {
    const testAccounts = filters?.['filterTestAccounts'] === true
    const root = filters?.properties
    if (!root || !Array.isArray(root.values) || root.values.length === 0) return { join: 'OR', groups: [], testAccounts }
    const leaves = root.values.every((node) => !isGroup(node))
    const groups: CriteriaGroup[] = leaves ? [{ type: root.type, values: root.values as Criterion[] }] : root.values.map((node) => (isGroup(node) ? node : { type: 'AND', values: [node] }))
    if (groups.some((group) => group.values.some((node) => isGroup(node as CriteriaGroup | Criterion)))) return null
    return { join: leaves ? 'OR' : root.type, testAccounts, groups: groups.map((group, at) => ({ id: at + 1, join: group.type, criteria: group.values.map((criterion, index) => ({ id: index + 1, criterion })) })) }
}

export function filtersFrom(draft: CriteriaDraft): CohortFilters {
    const values = draft.groups.map((group): CriteriaGroup => ({ type: group.join, values: group.criteria.map(({ criterion }) => stored(criterion)) }))
    const filters: CohortFilters = { properties: { type: draft.join, values } }
    if (draft.testAccounts) filters['filterTestAccounts'] = true
    return filters
}

function stored(criterion: Criterion): Criterion {
    if (criterion.type !== 'behavioral') return criterion.type === 'cohort' ? criterion : { ...criterion, ...(forQuery([criterion as PropertyFilter])[0] as typeof criterion) }
    const { event_filters: filters, ...rest } = criterion
    return filters?.length ? { ...rest, event_filters: forQuery(filters) } : rest
}

/** A behaviour chosen anew gets the fields that it needs; what fits of the old one stays. */
export function withBehaviour(old: BehaviouralCriterion, chosen: Behaviour | 'never'): BehaviouralCriterion {
    const { key, event_type, event_filters, time_value, time_interval } = old
    const base: BehaviouralCriterion = { type: 'behavioral', value: chosen === 'never' ? 'performed_event' : chosen, key, event_type, time_value: time_value ?? 30, time_interval: time_interval ?? 'day', negation: chosen === 'never', ...(event_filters ? { event_filters } : {}) }
    switch (chosen) {
        case 'performed_event':
        case 'never':
        case 'performed_event_first_time':
            return base
        case 'performed_event_multiple':
            return { ...base, operator: old.operator ?? 'gte', operator_value: old.operator_value ?? 3 }
        case 'performed_event_sequence':
            return { ...base, seq_event: old.seq_event ?? '', seq_event_type: old.seq_event_type ?? 'events', seq_time_value: old.seq_time_value ?? 7, seq_time_interval: old.seq_time_interval ?? 'day' }
        case 'stopped_performing_event':
        case 'restarted_performing_event':
            return { ...base, seq_time_value: old.seq_time_value ?? 7, seq_time_interval: old.seq_time_interval ?? 'day' }
        case 'performed_event_regularly':
            return { ...base, time_value: 1, time_interval: 'week', operator: old.operator ?? 'gte', operator_value: old.operator_value ?? 1, total_periods: old.total_periods ?? 4, min_periods: old.min_periods ?? 3 }
    }
}

/** A membership filter as a criterion, and back: "not in" is a negated criterion. */
export const asFilter = (criterion: Exclude<Criterion, BehaviouralCriterion>): PropertyFilter =>
    criterion.type === 'cohort' ? { type: 'cohort', key: 'id', operator: criterion.negation ? 'not_in' : 'in', value: criterion.value } : { type: criterion.type, key: criterion.key, operator: criterion.operator, value: criterion.value }

export const asCriterion = (filter: PropertyFilter): Criterion =>
    filter.type === 'cohort' ? { type: 'cohort', key: 'id', value: Number(filter.value), negation: filter.operator === 'not_in' } : { type: 'person', key: filter.key, operator: filter.operator, value: filter.value, negation: false }

function criterionProblem(criterion: Criterion): string | null {
    if (criterion.type !== 'behavioral') return filterProblem(asFilter(criterion))
    if (criterion.key === '') return 'Choose an event.'
    if (criterion.value === 'performed_event_sequence' && (criterion.seq_event ?? '') === '') return 'Choose the event that comes after.'
    if (criterion.value === 'performed_event_regularly' && (criterion.min_periods ?? 1) > (criterion.total_periods ?? 1)) return 'It cannot be in more periods than there are.'
    const wrong = (criterion.event_filters ?? []).map(filterProblem).find((problem) => problem !== null)
    return wrong ?? null
}

/** Why the criteria cannot be saved, for all and for each. */
export function criteriaProblems(draft: CriteriaDraft): { whole: string | null; each: Record<string, string> } {
    const each: Record<string, string> = {}
    for (const group of draft.groups) {
        for (const { id, criterion } of group.criteria) {
            const wrong = criterionProblem(criterion)
            if (wrong) each[`${group.id}-${id}`] = wrong
        }
    }
    const empty = draft.groups.length === 0 || draft.groups.every((group) => group.criteria.length === 0)
    return { whole: empty ? 'Add a criterion; without one everybody is a member.' : draft.groups.some((group) => group.criteria.length === 0) ? 'A group without criteria holds everybody: remove it.' : null, each }
}
