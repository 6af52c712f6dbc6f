import type { StickinessOperator, StickinessQuery } from '@/api/insight-types'
import type { Interval } from '@/api/types'
import { flag, list, oneOf, text } from '@/lib/search'
import { between, commonFrom, commonQuery, compareFrom, compareQuery, intervals, plainCommon, readCommon, searchFrom, type Common, type Raw } from '../common'
import { fromNodes, letter, maxSeries, plainSeries, readSeries, seriesProblem, toNode, type Series } from '../series'

export type StickinessState = Common & {
    kind: 'stickiness'
    series: Series[]
    interval: Interval
    /** Counts everyone who was active in this many periods or more. */
    cumulative: boolean
    /** How many events make a period count. */
    criteria: { operator: StickinessOperator; value: number } | null
    compare: string | null
    display: 'ActionsBar' | 'ActionsLineGraph'
}

export const operators: { value: StickinessOperator; label: string }[] = [
    { value: 'gte', label: 'at least' },
    { value: 'lte', label: 'at most' },
    { value: 'exact', label: 'exactly' },
]

export const initialStickiness: StickinessState = { ...plainCommon, kind: 'stickiness', series: [plainSeries('$pageview')], interval: 'day', cumulative: false, criteria: null, compare: null, display: 'ActionsBar' }

export function stickinessQuery(state: StickinessState): StickinessQuery {
    const { groupType: _, ...base } = state
    return {
        kind: 'StickinessQuery',
        series: state.series.map((series) => toNode(series, series.math !== 'total')),
        interval: state.interval,
        ...commonQuery(base),
        ...compareQuery(state.compare),
        stickinessFilter: { display: state.display, ...(state.cumulative ? { computedAs: 'cumulative' as const } : {}), ...(state.criteria ? { stickinessCriteria: state.criteria } : {}) },
    }
}

export function stickinessFrom(query: StickinessQuery): StickinessState | null {
    const series = fromNodes(query.series)
    if (!series || series.length === 0) return null
    const filter = query.stickinessFilter
    return {
        ...commonFrom(query),
        kind: 'stickiness',
        series,
        interval: query.interval ?? 'day',
        cumulative: filter?.computedAs === 'cumulative',
        criteria: filter?.stickinessCriteria ?? null,
        compare: compareFrom(query.compareFilter),
        display: filter?.display === 'ActionsBar' ? 'ActionsBar' : 'ActionsLineGraph',
    }
}

export function stickinessProblem(state: StickinessState): string | null {
    for (const [index, series] of state.series.entries()) {
        const problem = seriesProblem(series)
        if (problem) return `Series ${letter(index)}: ${problem.toLowerCase()}`
    }
    return null
}

function readCriteria(raw: unknown): StickinessState['criteria'] {
    if (typeof raw !== 'object' || raw === null) return null
    const fields = raw as Raw
    const operator = oneOf(fields, 'operator', ['gte', 'lte', 'exact'] as const)
    const value = between(fields, 'value', 1, 1_000_000)
    return operator && value !== undefined ? { operator, value } : null
}

export function readStickiness(raw: Raw): StickinessState {
    return {
        ...readCommon(raw),
        kind: 'stickiness',
        series: list(raw, 'series', readSeries, maxSeries) ?? initialStickiness.series,
        interval: oneOf(raw, 'interval', intervals) ?? 'day',
        cumulative: flag(raw, 'cumulative') ?? false,
        criteria: readCriteria(raw['criteria']),
        compare: text(raw, 'compare') ?? null,
        display: oneOf(raw, 'display', ['ActionsBar', 'ActionsLineGraph'] as const) ?? 'ActionsBar',
    }
}

export const stickinessSearch = (state: StickinessState): Raw => searchFrom(state, initialStickiness)
