import type { Attribution, FunnelExclusion, FunnelOrder, FunnelsQuery, FunnelView, WindowUnit } from '@/api/insight-types'
import { forQuery, readFilter } from '@/api/property-filters'
import type { BreakdownSpec, Interval, PropertyFilter } from '@/api/types'
import { eventLabel } from '@/lib/known-names'
import { compact, list, oneOf, text } from '@/lib/search'
import { between, breakdownQuery, breakdownsFrom, commonFrom, commonQuery, flatten, intervals, maxBreakdowns, plainCommon, readBreakdown, readCommon, searchFrom, type Common, type Raw } from '../common'
import { fromNodes, maxSeries, plainSeries, readSeries, sameEntity, toNode, type Series } from '../series'

export type Exclusion = { event: string | null; action?: number; filters: PropertyFilter[]; from: number; to: number }

export type FunnelsState = Common & {
    kind: 'funnels'
    series: Series[]
    interval: Interval
    breakdowns: BreakdownSpec[]
    order: FunnelOrder
    view: FunnelView
    window: number
    unit: WindowUnit
    exclusions: Exclusion[]
    attribution: Attribution
    attributionStep: number
    reference: 'total' | 'previous'
    /** Steps between which time is measured and trends are drawn; null is the first or the last. */
    fromStep: number | null
    toStep: number | null
    bins: number | null
}

export const orders: { value: FunnelOrder; label: string; hint: string }[] = [
    { value: 'ordered', label: 'In this order', hint: 'other events may come between' },
    { value: 'strict', label: 'Directly after each other', hint: 'nothing may come between' },
    { value: 'unordered', label: 'In any order', hint: 'all within the window' },
]
export const views = ['steps', 'time_to_convert', 'trends'] as const satisfies FunnelView[]
export const units = ['second', 'minute', 'hour', 'day', 'week', 'month'] as const satisfies WindowUnit[]
export const attributions: { value: Attribution; label: string }[] = [
    { value: 'first_touch', label: 'First value seen' },
    { value: 'last_touch', label: 'Last value seen' },
    { value: 'all_events', label: 'Same value at every step' },
    { value: 'step', label: 'Value at a step' },
]
export const maxExclusions = 8

export const initialFunnel: FunnelsState = {
    ...plainCommon,
    kind: 'funnels',
    series: [plainSeries('$pageview')],
    interval: 'day',
    breakdowns: [],
    order: 'ordered',
    view: 'steps',
    window: 14,
    unit: 'day',
    exclusions: [],
    attribution: 'first_touch',
    attributionStep: 0,
    reference: 'total',
    fromStep: null,
    toStep: null,
    bins: null,
}

/** An exclusion stays between steps that exist. */
const fitted = (exclusion: Exclusion, last: number): Exclusion => {
    const to = Math.min(exclusion.to, last)
    return { ...exclusion, from: Math.min(exclusion.from, to - 1), to }
}

/** Takes a step out, or puts the steps in another order, and keeps what points at steps within bounds. */
export function withSteps(state: FunnelsState, series: Series[]): FunnelsState {
    const last = series.length - 1
    const within = (step: number | null) => (step === null || step <= last ? step : null)
    return {
        ...state,
        series: series.map((step, index) => (index === 0 && step.optional ? { ...step, optional: undefined } : step)),
        exclusions: last < 1 ? [] : state.exclusions.map((exclusion) => fitted(exclusion, last)),
        attributionStep: Math.min(state.attributionStep, Math.max(0, last)),
        fromStep: within(state.fromStep),
        toStep: within(state.toStep),
    }
}

function exclusionNode(exclusion: Exclusion): FunnelExclusion {
    const steps = { funnelFromStep: exclusion.from, funnelToStep: exclusion.to }
    const properties = exclusion.filters.length > 0 ? { properties: forQuery(exclusion.filters) } : {}
    if (exclusion.action !== undefined) return { kind: 'FunnelExclusionActionsNode', id: exclusion.action, ...properties, ...steps }
    return { kind: 'FunnelExclusionEventsNode', event: exclusion.event, ...(exclusion.event === null ? {} : { name: exclusion.event }), ...properties, ...steps }
}

export function funnelQuery(state: FunnelsState): FunnelsQuery {
    const filter: NonNullable<FunnelsQuery['funnelsFilter']> = { funnelVizType: state.view, funnelOrderType: state.order, funnelWindowInterval: state.window, funnelWindowIntervalUnit: state.unit }
    if (state.exclusions.length > 0) filter.exclusions = state.exclusions.map(exclusionNode)
    if (state.breakdowns.length > 0) filter.breakdownAttributionType = state.attribution
    if (state.breakdowns.length > 0 && state.attribution === 'step') filter.breakdownAttributionValue = state.attributionStep
    if (state.reference === 'previous') filter.funnelStepReference = 'previous'
    if (state.view !== 'steps') {
        if (state.fromStep !== null) filter.funnelFromStep = state.fromStep
        if (state.toStep !== null) filter.funnelToStep = state.toStep
    }
    if (state.view === 'time_to_convert' && state.bins !== null) filter.binCount = state.bins
    return {
        kind: 'FunnelsQuery',
        series: state.series.map((step) => toNode(state.view === 'steps' && state.order !== 'unordered' ? step : { ...step, optional: undefined }, step.math !== 'total')),
        ...(state.view === 'trends' ? { interval: state.interval } : {}),
        ...commonQuery(state),
        ...breakdownQuery(state.breakdowns),
        funnelsFilter: filter,
    }
}

export function funnelFrom(query: FunnelsQuery): FunnelsState | null {
    const series = fromNodes(query.series)
    const breakdowns = breakdownsFrom(query.breakdownFilter)
    // A second funnel beside the first has no place in the drawing yet.
    if (!series || !breakdowns || query.compareFilter?.compare) return null
    const filter = query.funnelsFilter ?? {}
    return {
        ...initialFunnel,
        ...commonFrom(query),
        series,
        breakdowns,
        interval: query.interval ?? 'day',
        order: filter.funnelOrderType ?? 'ordered',
        view: views.find((view) => view === filter.funnelVizType) ?? 'steps',
        window: filter.funnelWindowInterval ?? 14,
        unit: filter.funnelWindowIntervalUnit ?? 'day',
        exclusions: (filter.exclusions ?? []).map((node) =>
            compact({ event: node.event ?? null, action: node.id, filters: flatten(node.properties), from: node.funnelFromStep, to: node.funnelToStep })
        ) as Exclusion[],
        attribution: filter.breakdownAttributionType ?? 'first_touch',
        attributionStep: filter.breakdownAttributionValue ?? 0,
        reference: filter.funnelStepReference ?? 'total',
        fromStep: filter.funnelFromStep ?? null,
        toStep: filter.funnelToStep ?? null,
        bins: filter.binCount ?? null,
    }
}

/** What is wrong with an exclusion, or null; the server refuses the same. */
export function exclusionProblem(state: FunnelsState, exclusion: Exclusion): string | null {
    const last = state.series.length - 1
    if (exclusion.from >= exclusion.to) return 'The exclusion has to end at a later step than it begins'
    if (exclusion.to > last) return `There is no step ${exclusion.to + 1}`
    if (state.order === 'unordered' && (exclusion.from !== 0 || exclusion.to !== last)) return 'In any order, an exclusion covers the whole funnel'
    const same = state.series.findIndex((step, index) => index >= exclusion.from && index <= exclusion.to && sameEntity({ ...step, action: step.action }, { ...plainSeries(exclusion.event), action: exclusion.action, filters: exclusion.filters }))
    return same < 0 ? null : `Step ${same + 1} is this very event`
}

/** What is wrong with an optional step, or null. */
export function optionalProblem(state: FunnelsState, index: number): string | null {
    const step = state.series[index]
    const next = state.series[index + 1]
    if (!step?.optional || !next || next.optional || !sameEntity(step, next)) return null
    return 'The next step is the same event: one of them has to differ'
}

export function funnelProblem(state: FunnelsState): string | null {
    if (state.series.length < 2) return 'A funnel needs at least two steps'
    for (const exclusion of state.exclusions) {
        const problem = exclusionProblem(state, exclusion)
        if (problem) return `Leaving out ${eventLabel(exclusion.event)}: ${problem.charAt(0).toLowerCase()}${problem.slice(1)}`
    }
    for (const index of state.series.keys()) {
        const problem = optionalProblem(state, index)
        if (problem && state.view === 'steps' && state.order !== 'unordered') return `Step ${index + 1}: ${problem.charAt(0).toLowerCase()}${problem.slice(1)}`
    }
    const [from, to] = [state.fromStep ?? 0, state.toStep ?? state.series.length - 1]
    if (state.view !== 'steps' && from >= to) return 'The last step has to come after the first'
    return null
}

function readExclusion(raw: unknown): Exclusion | null {
    if (typeof raw !== 'object' || raw === null) return null
    const fields = raw as Raw
    const event = fields['event'] === null ? null : text(fields, 'event')
    const from = between(fields, 'from', 0, maxSeries)
    const to = between(fields, 'to', 0, maxSeries)
    if (event === undefined || from === undefined || to === undefined) return null
    return compact({ event, action: between(fields, 'action', 0, Number.MAX_SAFE_INTEGER), filters: list(fields, 'filters', readFilter) ?? [], from, to }) as Exclusion
}

export function readFunnel(raw: Raw): FunnelsState {
    const start = initialFunnel
    return {
        ...readCommon(raw),
        kind: 'funnels',
        series: list(raw, 'series', readSeries, maxSeries) ?? start.series,
        interval: oneOf(raw, 'interval', intervals) ?? start.interval,
        breakdowns: list(raw, 'by', readBreakdown, maxBreakdowns) ?? [],
        order: oneOf(raw, 'order', ['ordered', 'strict', 'unordered'] as const) ?? start.order,
        view: oneOf(raw, 'view', views) ?? start.view,
        window: between(raw, 'window', 1, 10_000) ?? start.window,
        unit: oneOf(raw, 'unit', units) ?? start.unit,
        exclusions: list(raw, 'exclusions', readExclusion, maxExclusions) ?? [],
        attribution: oneOf(raw, 'attribution', ['first_touch', 'last_touch', 'all_events', 'step'] as const) ?? start.attribution,
        attributionStep: between(raw, 'attributionStep', 0, maxSeries - 1) ?? 0,
        reference: oneOf(raw, 'reference', ['total', 'previous'] as const) ?? start.reference,
        fromStep: between(raw, 'fromStep', 0, maxSeries - 1) ?? null,
        toStep: between(raw, 'toStep', 0, maxSeries - 1) ?? null,
        bins: between(raw, 'bins', 1, 90) ?? null,
    }
}

export const funnelSearch = (state: FunnelsState): Raw => searchFrom(state, initialFunnel)
