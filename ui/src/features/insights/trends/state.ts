import type { BreakdownSpec, Interval, PropertyFilter, TrendsDisplay, TrendsQuery } from '@/api/types'
import { readFilter } from '@/api/property-filters'
import { compact, flag, list, oneOf, text } from '@/lib/search'
import { between, breakdownQuery, breakdownsFrom, commonFrom, commonQuery, compareFrom, compareQuery, intervals, maxBreakdowns, plainCommon, readBreakdown, type Common } from '../common'
import { fromNodes, letter, maxSeries, plainSeries, readSeries, seriesProblem, toNode, type Series } from '../series'

export type Formula = { formula: string; name?: string }

export type TrendsState = Common & {
    kind: 'trends'
    series: Series[]
    formulas: Formula[]
    breakdowns: BreakdownSpec[]
    interval: Interval
    /** null: none; "previous": the period before; else a distance such as "-1y". */
    compare: string | null
    display: TrendsDisplay
}

export const initialState: TrendsState = {
    ...plainCommon,
    kind: 'trends',
    series: [plainSeries('$pageview')],
    formulas: [],
    breakdowns: [],
    interval: 'day',
    compare: null,
    display: 'ActionsLineGraph',
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

/** The question as the server takes it. Series and formulas that are not finished are left out by `askable`. */
export function toQuery(state: TrendsState): TrendsQuery {
    const query: TrendsQuery = {
        kind: 'TrendsQuery',
        series: state.series.map((series) => toNode(series)),
        interval: state.interval,
        trendsFilter: { display: state.display },
        ...commonQuery(state),
        ...breakdownQuery(state.breakdowns),
        ...compareQuery(state.compare),
    }
    if (state.formulas.length > 0) {
        query.trendsFilter = {
            ...query.trendsFilter,
            formulaNodes: state.formulas.map((formula) => (formula.name ? { formula: formula.formula, custom_name: formula.name } : { formula: formula.formula })),
        }
    }
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

/** Displays of other clients, as the one here that shows the same numbers. */
const likeness: Record<string, TrendsDisplay> = {
    ActionsAreaGraph: 'ActionsBar',
    ActionsUnstackedBar: 'ActionsBar',
    ActionsStackedBar: 'ActionsBar',
    SlopeGraph: 'ActionsLineGraph',
    Metric: 'ActionsLineGraph',
    ActionsPie: 'ActionsBarValue',
    WorldMap: 'ActionsTable',
}

/** A stored question back into the editor; null when it has parts that would be lost there. */
export function fromQuery(query: TrendsQuery): TrendsState | null {
    const filter = query.trendsFilter
    const series = fromNodes(query.series)
    const breakdowns = breakdownsFrom(query.breakdownFilter)
    const shown = filter?.display ?? 'ActionsLineGraph'
    const display = displays.find((known) => known === shown) ?? likeness[shown]
    if (!series || series.length === 0 || !breakdowns || !display) return null
    const formulas = filter?.formulaNodes?.map((formula) => ({ formula: formula.formula, name: formula.custom_name })) ?? (filter?.formula ? [{ formula: filter.formula }] : [])
    return { ...commonFrom(query), kind: 'trends', series, formulas, breakdowns, interval: query.interval ?? 'day', compare: compareFrom(query.compareFilter), display }
}

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
    groupType?: number
}

function readFormula(raw: unknown): Formula | null {
    if (typeof raw !== 'object' || raw === null) return null
    const fields = raw as Record<string, unknown>
    const formula = fields['formula']
    return typeof formula === 'string' ? { formula, name: text(fields, 'name') } : null
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
        groupType: between(raw, 'groupType', 0, 4),
    })
}

export function stateOf(search: TrendsSearch): TrendsState {
    return {
        kind: 'trends',
        series: search.series ?? initialState.series,
        formulas: search.formulas ?? [],
        filters: search.filters ?? [],
        testAccounts: search.test ?? false,
        breakdowns: search.by ?? [],
        range: search.from ? { from: search.from, to: search.to ?? null } : initialState.range,
        interval: search.interval ?? 'day',
        compare: search.compare ?? null,
        display: search.display ?? 'ActionsLineGraph',
        ...(search.groupType === undefined ? {} : { groupType: search.groupType }),
    }
}

export function searchOf(state: TrendsState): TrendsSearch {
    return compact({
        series: state.series.map((series) => compact(series) as Series),
        formulas: state.formulas.length > 0 ? state.formulas.map((formula) => compact(formula)) : undefined,
        filters: state.filters.length > 0 ? state.filters : undefined,
        test: state.testAccounts || undefined,
        by: state.breakdowns.length > 0 ? state.breakdowns : undefined,
        from: state.range.from,
        to: state.range.to ?? undefined,
        interval: state.interval === 'day' ? undefined : state.interval,
        compare: state.compare ?? undefined,
        display: state.display === 'ActionsLineGraph' ? undefined : state.display,
        groupType: state.groupType,
    })
}
