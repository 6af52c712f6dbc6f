import type { LifecycleQuery, LifecycleStatus } from '@/api/insight-types'
import type { Interval } from '@/api/types'
import { list, oneOf } from '@/lib/search'
import { commonFrom, commonQuery, intervals, plainCommon, readCommon, searchFrom, type Common, type Raw } from '../common'
import { fromNodes, plainSeries, readSeries, toNode, type Series } from '../series'

export type LifecycleState = Common & {
    kind: 'lifecycle'
    series: Series[]
    interval: Interval
    /** Which of the four are drawn; all of them are always asked for. */
    shown: LifecycleStatus[]
}

export const statuses: { value: LifecycleStatus; label: string; says: string; colour: number }[] = [
    { value: 'new', label: 'New', says: 'first active in the period in which they were created', colour: 0 },
    { value: 'returning', label: 'Returning', says: 'active in the period before as well', colour: 2 },
    { value: 'resurrecting', label: 'Resurrecting', says: 'active again after a pause, or for the first time without a profile', colour: 5 },
    { value: 'dormant', label: 'Dormant', says: 'active in the period before, and not any more', colour: 3 },
]
const everyStatus = statuses.map((status) => status.value)

export const initialLifecycle: LifecycleState = { ...plainCommon, kind: 'lifecycle', series: [plainSeries('$pageview')], interval: 'day', shown: everyStatus }

export function lifecycleQuery(state: LifecycleState): LifecycleQuery {
    return {
        kind: 'LifecycleQuery',
        series: state.series.slice(0, 1).map((series) => toNode(series, false)),
        interval: state.interval,
        ...commonQuery(state),
        ...(state.shown.length < everyStatus.length ? { lifecycleFilter: { toggledLifecycles: state.shown } } : {}),
    }
}

export function lifecycleFrom(query: LifecycleQuery): LifecycleState | null {
    const series = fromNodes(query.series)
    if (!series || series.length === 0) return null
    const shown = query.lifecycleFilter?.toggledLifecycles
    return { ...commonFrom(query), kind: 'lifecycle', series: series.slice(0, 1), interval: query.interval ?? 'day', shown: shown?.length ? shown : everyStatus }
}

export function readLifecycle(raw: Raw): LifecycleState {
    return {
        ...readCommon(raw),
        kind: 'lifecycle',
        series: list(raw, 'series', readSeries, 1) ?? initialLifecycle.series,
        interval: oneOf(raw, 'interval', intervals) ?? 'day',
        shown: list(raw, 'shown', (item) => everyStatus.find((status) => status === item) ?? null, 4) ?? everyStatus,
    }
}

export const lifecycleSearch = (state: LifecycleState): Raw => searchFrom(state, initialLifecycle)
