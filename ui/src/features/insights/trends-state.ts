import type { BreakdownSpec, EventsNode, Interval, PropertyFilter, TrendsDisplay, TrendsQuery } from '@/api/types'
import { forQuery, readFilter } from '@/api/property-filters'
import type { DateRange } from '@/lib/date-range'
import { compact, flag, list, oneOf, text } from '@/lib/search'

export type Series = {
    event: string | null
    name?: string
    math: string
    property?: string
    propertyOf?: 'event' | 'person' | 'session'
    expression?: string
    group?: number
    filters: PropertyFilter[]
}

export type Formula = { formula: string; name?: string }

export type TrendsState = {
    series: Series[]
    formulas: Formula[]
    filters: PropertyFilter[]
    testAccounts: boolean
    breakdowns: BreakdownSpec[]
    range: DateRange
    interval: Interval
    /** null: none; "previous": the period before; else a distance such as "-1y". */
    compare: string | null
    display: TrendsDisplay
}

export const maxSeries = 12
export const maxBreakdowns = 3

export const initialState: TrendsState = {
    series: [{ event: '$pageview', math: 'total', filters: [] }],
    formulas: [],
    filters: [],
    testAccounts: false,
    breakdowns: [],
    range: { from: '-7d', to: null },
    interval: 'day',
    compare: null,
    display: 'ActionsLineGraph',
}

export type MathKind = { value: string; label: string; short: string; needs?: 'property' | 'expression' | 'group' }

export const maths: { label: string; maths: MathKind[] }[] = [
    {
        label: 'Count',
        maths: [
            { value: 'total', label: 'Total count', short: 'Total' },
            { value: 'dau', label: 'Unique persons', short: 'Unique persons' },
            { value: 'weekly_active', label: 'Weekly active persons', short: 'Weekly active' },
            { value: 'monthly_active', label: 'Monthly active persons', short: 'Monthly active' },
            { value: 'unique_session', label: 'Unique sessions', short: 'Sessions' },
            { value: 'first_time_for_user', label: 'First time ever', short: 'First time' },
            { value: 'first_matching_event_for_user', label: 'First time matching the filters', short: 'First matching' },
        ],
    },
    {
        label: 'Of a property',
        maths: [
            { value: 'sum', label: 'Sum', short: 'Sum', needs: 'property' },
            { value: 'avg', label: 'Average', short: 'Average', needs: 'property' },
            { value: 'min', label: 'Minimum', short: 'Minimum', needs: 'property' },
            { value: 'max', label: 'Maximum', short: 'Maximum', needs: 'property' },
            { value: 'median', label: 'Median', short: 'Median', needs: 'property' },
            { value: 'p75', label: '75th percentile', short: 'P75', needs: 'property' },
            { value: 'p90', label: '90th percentile', short: 'P90', needs: 'property' },
            { value: 'p95', label: '95th percentile', short: 'P95', needs: 'property' },
            { value: 'p99', label: '99th percentile', short: 'P99', needs: 'property' },
        ],
    },
    {
        label: 'Events per person',
        maths: [
            { value: 'avg_count_per_actor', label: 'Average per person', short: 'Average per person' },
            { value: 'median_count_per_actor', label: 'Median per person', short: 'Median per person' },
            { value: 'p90_count_per_actor', label: '90th percentile per person', short: 'P90 per person' },
            { value: 'max_count_per_actor', label: 'Most per person', short: 'Most per person' },
        ],
    },
    {
        label: 'Other',
        maths: [
            { value: 'unique_group', label: 'Unique groups', short: 'Groups', needs: 'group' },
            { value: 'hogql', label: 'Expression', short: 'Expression', needs: 'expression' },
        ],
    },
]

const everyMath = maths.flatMap((group) => group.maths)

export const mathOf = (value: string): MathKind => everyMath.find((math) => math.value === value) ?? everyMath[0]!

/** Series are known by letters, in charts and in formulas. */
export const letter = (index: number): string => String.fromCharCode(65 + index)

/** What still has to be chosen before this series can be asked, or null. */
export function seriesProblem(series: Series): string | null {
    const { needs } = mathOf(series.math)
    if (needs === 'property' && !series.property) return 'Choose a property'
    if (needs === 'expression' && !series.expression?.trim()) return 'Write an expression'
    return null
}

/** Formulas may use only the letters of existing series; null when fine. */
export function formulaProblem(formula: string, seriesCount: number): string | null {
    if (formula.trim() === '') return 'Write a formula, for example A / B'
    if (!/^[A-Za-z0-9+\-*/%().\s]+$/.test(formula)) return 'Use letters of series, numbers and + − * / % ( )'
    const letters = formula.toUpperCase().match(/[A-Z]+/g) ?? []
    if (letters.length === 0) return 'Name at least one series by its letter'
    const unknown = letters.find((name) => name.length !== 1 || name.charCodeAt(0) - 65 >= seriesCount)
    if (unknown) return `There is no series ${unknown}`
    let depth = 0
    for (const char of formula) {
        if (char === '(') depth += 1
        if (char === ')') depth -= 1
        if (depth < 0) return 'A bracket is closed but never opened'
    }
    return depth === 0 ? null : 'A bracket is never closed'
}

function node(series: Series): EventsNode {
    const { needs } = mathOf(series.math)
    const done: EventsNode = { kind: 'EventsNode', event: series.event, math: series.math }
    if (series.event !== null) done.name = series.event
    if (series.name) done.custom_name = series.name
    if (needs === 'property' && series.property) {
        done.math_property = series.property
        done.math_property_type = `${series.propertyOf ?? 'event'}_properties`
    }
    if (needs === 'expression') done.math_hogql = series.expression ?? ''
    if (needs === 'group') done.math_group_type_index = series.group ?? 0
    if (series.filters.length > 0) done.properties = forQuery(series.filters)
    return done
}

/** The question as the server takes it. Series and formulas that are not finished are left out by `askable`. */
export function toQuery(state: TrendsState): TrendsQuery {
    const query: TrendsQuery = {
        kind: 'TrendsQuery',
        series: state.series.map(node),
        interval: state.interval,
        dateRange: state.range.to === null ? { date_from: state.range.from } : { date_from: state.range.from, date_to: state.range.to },
        trendsFilter: { display: state.display },
    }
    if (state.formulas.length > 0) {
        query.trendsFilter = {
            ...query.trendsFilter,
            formulaNodes: state.formulas.map((formula) => (formula.name ? { formula: formula.formula, custom_name: formula.name } : { formula: formula.formula })),
        }
    }
    if (state.filters.length > 0) query.properties = forQuery(state.filters)
    if (state.testAccounts) query.filterTestAccounts = true
    if (state.breakdowns.length > 0) query.breakdownFilter = { breakdowns: state.breakdowns }
    if (state.compare !== null) query.compareFilter = state.compare === 'previous' ? { compare: true } : { compare: true, compare_to: state.compare }
    return query
}

/** Why the question cannot be asked as it stands, or null. */
export function problemOf(state: TrendsState): string | null {
    for (const [index, series] of state.series.entries()) {
        const problem = seriesProblem(series)
        if (problem) return `Series ${letter(index)}: ${problem.toLowerCase()}`
    }
    for (const formula of state.formulas) {
        const problem = formulaProblem(formula.formula, state.series.length)
        if (problem) return `Formula: ${problem.charAt(0).toLowerCase()}${problem.slice(1)}`
    }
    return null
}

function flatten(properties: TrendsQuery['properties']): PropertyFilter[] {
    if (!properties) return []
    const all = Array.isArray(properties) ? properties : properties.values.flatMap((group) => group.values)
    return all.flatMap((filter) => readFilter(filter) ?? [])
}

/** A stored question back into the editor. */
export function fromQuery(query: TrendsQuery): TrendsState {
    const breakdown = query.breakdownFilter
    const breakdowns: BreakdownSpec[] =
        breakdown?.breakdowns ?? (typeof breakdown?.breakdown === 'string' ? [{ type: (breakdown.breakdown_type as BreakdownSpec['type']) ?? 'event', property: breakdown.breakdown }] : [])
    const filter = query.trendsFilter
    const formulas = filter?.formulaNodes?.map((formula) => ({ formula: formula.formula, name: formula.custom_name })) ?? (filter?.formula ? [{ formula: filter.formula }] : [])
    return {
        series: query.series.map((series) => ({
            event: series.event ?? null,
            name: series.custom_name,
            math: series.math ?? 'total',
            property: series.math_property,
            propertyOf: (series.math_property_type?.replace('_properties', '') as Series['propertyOf']) ?? undefined,
            expression: series.math_hogql,
            group: series.math_group_type_index,
            filters: flatten(series.properties),
        })),
        formulas,
        filters: flatten(query.properties),
        testAccounts: query.filterTestAccounts ?? false,
        breakdowns: breakdowns.slice(0, maxBreakdowns),
        range: { from: query.dateRange?.date_from ?? '-7d', to: query.dateRange?.date_to ?? null },
        interval: query.interval ?? 'day',
        compare: query.compareFilter?.compare ? (query.compareFilter.compare_to ?? 'previous') : null,
        display: filter?.display ?? 'ActionsLineGraph',
    }
}

const intervals = ['minute', 'hour', 'day', 'week', 'month'] as const
const displays = ['ActionsLineGraph', 'ActionsBar', 'BoldNumber', 'ActionsTable', 'ActionsBarValue', 'ActionsLineGraphCumulative'] as const

export type TrendsSearch = {
    series?: Series[]
    formulas?: Formula[]
    filters?: PropertyFilter[]
    test?: boolean
    by?: BreakdownSpec[]
    from?: string
    to?: string
    interval?: Interval
    compare?: string
    display?: TrendsDisplay
}

function readSeries(raw: unknown): Series | null {
    if (typeof raw !== 'object' || raw === null) return null
    const fields = raw as Record<string, unknown>
    const event = fields['event'] === null ? null : text(fields, 'event')
    if (event === undefined) return null
    const group = fields['group']
    return {
        event,
        name: text(fields, 'name'),
        math: everyMath.some((math) => math.value === fields['math']) ? String(fields['math']) : 'total',
        property: text(fields, 'property'),
        propertyOf: oneOf(fields, 'propertyOf', ['event', 'person', 'session'] as const),
        expression: text(fields, 'expression'),
        group: typeof group === 'number' && group >= 0 && group <= 4 ? group : undefined,
        filters: list(fields, 'filters', readFilter) ?? [],
    }
}

function readFormula(raw: unknown): Formula | null {
    if (typeof raw !== 'object' || raw === null) return null
    const fields = raw as Record<string, unknown>
    const formula = fields['formula']
    return typeof formula === 'string' ? { formula, name: text(fields, 'name') } : null
}

function readBreakdown(raw: unknown): BreakdownSpec | null {
    if (typeof raw !== 'object' || raw === null) return null
    const fields = raw as Record<string, unknown>
    const property = text(fields, 'property')
    const type = oneOf(fields, 'type', ['event', 'person', 'group', 'session', 'hogql'] as const)
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

export function readTrendsSearch(raw: Record<string, unknown>): TrendsSearch {
    return compact({
        series: list(raw, 'series', readSeries, maxSeries),
        formulas: list(raw, 'formulas', readFormula, 8),
        filters: list(raw, 'filters', readFilter),
        test: flag(raw, 'test'),
        by: list(raw, 'by', readBreakdown, maxBreakdowns),
        from: text(raw, 'from'),
        to: text(raw, 'to'),
        interval: oneOf(raw, 'interval', intervals),
        compare: text(raw, 'compare'),
        display: oneOf(raw, 'display', displays),
    })
}

export function stateOf(search: TrendsSearch): TrendsState {
    return {
        series: search.series ?? initialState.series,
        formulas: search.formulas ?? [],
        filters: search.filters ?? [],
        testAccounts: search.test ?? false,
        breakdowns: search.by ?? [],
        range: search.from ? { from: search.from, to: search.to ?? null } : initialState.range,
        interval: search.interval ?? 'day',
        compare: search.compare ?? null,
        display: search.display ?? 'ActionsLineGraph',
    }
}

function tidySeries(series: Series): Series {
    return compact({ ...series, filters: series.filters }) as Series
}

export function searchOf(state: TrendsState): TrendsSearch {
    return compact({
        series: state.series.map(tidySeries),
        formulas: state.formulas.length > 0 ? state.formulas.map((formula) => compact(formula)) : undefined,
        filters: state.filters.length > 0 ? state.filters : undefined,
        test: state.testAccounts || undefined,
        by: state.breakdowns.length > 0 ? state.breakdowns : undefined,
        from: state.range.from,
        to: state.range.to ?? undefined,
        interval: state.interval === 'day' ? undefined : state.interval,
        compare: state.compare ?? undefined,
        display: state.display === 'ActionsLineGraph' ? undefined : state.display,
    })
}
