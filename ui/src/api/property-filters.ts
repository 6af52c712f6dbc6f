import { propertyOperators, type FilterValue, type PropertyFilter, type PropertyFilterType, type PropertyOperator } from './types'

const types: PropertyFilterType[] = ['event', 'person', 'group', 'session', 'cohort', 'flag', 'person_metadata', 'element', 'event_metadata', 'hogql']

function value(raw: unknown): FilterValue | undefined {
    if (raw === null || typeof raw === 'string' || typeof raw === 'number' || typeof raw === 'boolean') return raw
    if (!Array.isArray(raw)) return undefined
    return raw.filter((item): item is string | number | boolean => ['string', 'number', 'boolean'].includes(typeof item))
}

/** A property filter out of an address or an older saved query; null when it is none. */
export function readFilter(raw: unknown): PropertyFilter | null {
    if (typeof raw !== 'object' || raw === null) return null
    const { type, key, operator, value: given, group_type_index: index } = raw as Record<string, unknown>
    if (!types.includes(type as PropertyFilterType) || (typeof key !== 'string' && typeof key !== 'number')) return null
    const filter: PropertyFilter = { type: type as PropertyFilterType, key: String(key) }
    if (propertyOperators.includes(operator as PropertyOperator)) filter.operator = operator as PropertyOperator
    const parsed = value(given)
    if (parsed !== undefined && parsed !== null) filter.value = parsed
    if (typeof index === 'number' && index >= 0 && index <= 4) filter.group_type_index = index
    return filter
}

/** The query form of filters: `is set` wants its own name as value, nothing undefined travels. */
export function forQuery(filters: PropertyFilter[]): PropertyFilter[] {
    return filters.map((filter) => {
        if (filter.type === 'hogql') return { type: 'hogql', key: filter.key }
        const operator = filter.operator ?? 'exact'
        const done: PropertyFilter = { type: filter.type, key: filter.key, operator }
        if (operator === 'is_set' || operator === 'is_not_set') done.value = operator
        else if (filter.value !== undefined) done.value = filter.value
        if (filter.type === 'group') done.group_type_index = filter.group_type_index ?? 0
        return done
    })
}
