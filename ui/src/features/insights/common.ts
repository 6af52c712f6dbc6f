import { forQuery, readFilter } from '@/api/property-filters'
import type { BreakdownFilter, CompareFilter, InsightQueryBase } from '@/api/insight-types'
import type { BreakdownSpec, Interval, PropertyFilter } from '@/api/types'
import type { DateRange } from '@/lib/date-range'
import { compact, flag, list, text } from '@/lib/search'

/** What every kind of question has: over whom, and when. */
export type Common = {
    filters: PropertyFilter[]
    testAccounts: boolean
    range: DateRange
    /** Counts groups of this type instead of persons. */
    groupType?: number
}

export const plainCommon: Common = { filters: [], testAccounts: false, range: { from: '-7d', to: null } }

export const maxBreakdowns = 3
export const intervals = ['minute', 'hour', 'day', 'week', 'month'] as const satisfies Interval[]

export function commonQuery(state: Common): InsightQueryBase {
    const query: InsightQueryBase = { dateRange: state.range.to === null ? { date_from: state.range.from } : { date_from: state.range.from, date_to: state.range.to } }
    if (state.filters.length > 0) query.properties = forQuery(state.filters)
    if (state.testAccounts) query.filterTestAccounts = true
    if (state.groupType !== undefined) query.aggregation_group_type_index = state.groupType
    return query
}

export function flatten(properties: InsightQueryBase['properties']): PropertyFilter[] {
    if (!properties) return []
    const all = Array.isArray(properties) ? properties : properties.values.flatMap((group) => ('values' in group ? group.values : [group as unknown as PropertyFilter]))
    return all.flatMap((filter) => readFilter(filter) ?? [])
}

/** Filters that are joined by "or" would mean something else as the editor's flat list. */
export const isFlat = (properties: InsightQueryBase['properties']): boolean => {
    if (!properties || Array.isArray(properties)) return true
    const filled = properties.values.filter((group) => !('values' in group) || group.values.length > 0)
    if (properties.type === 'OR' && filled.length > 1) return false
    return filled.every((group) => !('values' in group) || group.type === 'AND' || group.values.length < 2)
}

export function commonFrom(query: InsightQueryBase): Common {
    return compact({
        filters: flatten(query.properties),
        testAccounts: query.filterTestAccounts ?? false,
        range: { from: query.dateRange?.date_from ?? '-7d', to: query.dateRange?.date_to ?? null },
        groupType: query.aggregation_group_type_index ?? undefined,
    }) as Common
}

export const breakdownQuery = (breakdowns: BreakdownSpec[]): { breakdownFilter?: BreakdownFilter } => (breakdowns.length > 0 ? { breakdownFilter: { breakdowns } } : {})

/** null for breakdowns that the editor does not know, such as cohorts. */
export function breakdownsFrom(filter: BreakdownFilter | undefined): BreakdownSpec[] | null {
    const known: (string | undefined)[] = ['event', 'person', 'group', 'session', 'hogql']
    if (filter?.breakdowns) return filter.breakdowns.every((spec) => known.includes(spec.type ?? 'event')) ? filter.breakdowns.slice(0, maxBreakdowns) : null
    const single = filter?.breakdown
    if (single === undefined || single === null) return []
    const type = filter?.breakdown_type ?? 'event'
    const properties = Array.isArray(single) ? single : [single]
    if (!known.includes(type) || properties.some((property) => typeof property !== 'string')) return null
    return properties.slice(0, maxBreakdowns).map((property) => ({ type: type as BreakdownSpec['type'], property: String(property) }))
}

export const compareQuery = (compare: string | null): { compareFilter?: CompareFilter } => {
    if (compare === null) return {}
    return { compareFilter: compare === 'previous' ? { compare: true } : { compare: true, compare_to: compare } }
}

export const compareFrom = (filter: CompareFilter | undefined): string | null => (filter?.compare ? (filter.compare_to ?? 'previous') : null)

export function readBreakdown(raw: unknown): BreakdownSpec | null {
    if (typeof raw !== 'object' || raw === null) return null
    const fields = raw as Record<string, unknown>
    const property = text(fields, 'property')
    const types = ['event', 'person', 'group', 'session', 'hogql'] as const
    const type = types.find((known) => known === fields['type'])
    if (!property || !type) return null
    const index = fields['group_type_index']
    const bins = fields['histogram_bin_count']
    return compact({
        type,
        property,
        group_type_index: typeof index === 'number' ? index : undefined,
        normalize_url: flag(fields, 'normalize_url'),
        histogram_bin_count: typeof bins === 'number' ? bins : undefined,
    })
}

export type Raw = Record<string, unknown>

export function readCommon(raw: Raw): Common {
    const from = text(raw, 'from')
    const group = raw['groupType']
    return compact({
        filters: list(raw, 'filters', readFilter) ?? [],
        testAccounts: flag(raw, 'test') ?? false,
        range: from ? { from, to: text(raw, 'to') ?? null } : plainCommon.range,
        groupType: typeof group === 'number' && group >= 0 && group <= 4 ? group : undefined,
    }) as Common
}

/** A whole number in an address that has to lie within bounds; 0 counts as well. */
export function between(raw: Raw, key: string, min: number, max: number): number | undefined {
    const value = typeof raw[key] === 'string' && raw[key] !== '' ? Number(raw[key]) : raw[key]
    return typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max ? value : undefined
}

/** A state as search parameters: what differs from the kind's start, under the names that addresses have used from the beginning. */
export function searchFrom<S extends Common & { kind: string }>(state: S, initial: S): Raw {
    const { kind, filters, testAccounts, range, groupType, ...own } = state as S & Record<string, unknown>
    const search: Raw = { kind }
    for (const [key, value] of Object.entries(own)) {
        if (JSON.stringify(value) === JSON.stringify((initial as Raw)[key])) continue
        search[key === 'breakdowns' ? 'by' : key] = value
    }
    return compact({
        ...search,
        filters: filters.length > 0 ? filters : undefined,
        test: testAccounts || undefined,
        from: range.from,
        to: range.to ?? undefined,
        groupType,
    })
}
