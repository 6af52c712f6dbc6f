import type { RetentionEntity, RetentionPeriod, RetentionQuery, RetentionType } from '@/api/insight-types'
import { forQuery } from '@/api/property-filters'
import type { BreakdownSpec } from '@/api/types'
import { compact, flag, list, oneOf } from '@/lib/search'
import { between, breakdownQuery, breakdownsFrom, commonFrom, commonQuery, flatten, plainCommon, readBreakdown, readCommon, searchFrom, type Common, type Raw } from '../common'
import { plainSeries, readSeries, type Series } from '../series'

export type RetentionView = 'grid' | 'lines'

export type RetentionState = Common & {
    kind: 'retention'
    target: Series
    returning: Series
    type: RetentionType
    period: RetentionPeriod
    /** Columns of the grid, the first of which is the start itself. */
    intervals: number
    cumulative: boolean
    /** Return events that a period needs to count. */
    atLeast: number
    windows: 'strict_calendar_dates' | '24_hour_windows'
    breakdowns: BreakdownSpec[]
    reference: 'total' | 'previous'
    view: RetentionView
}

export const types: { value: RetentionType; label: string; hint: string }[] = [
    { value: 'retention_recurring', label: 'each time', hint: 'a person starts in every period with the event' },
    { value: 'retention_first_time', label: 'for the first time', hint: 'first event that passes the filters' },
    { value: 'retention_first_ever_occurrence', label: 'for the first time ever', hint: 'the very first event has to pass the filters' },
]
export const periods = ['Hour', 'Day', 'Week', 'Month'] as const satisfies RetentionPeriod[]
export const maxIntervals = 31

export const initialRetention: RetentionState = {
    ...plainCommon,
    kind: 'retention',
    target: plainSeries('$pageview'),
    returning: plainSeries('$pageview'),
    type: 'retention_first_time',
    period: 'Day',
    intervals: 8,
    cumulative: false,
    atLeast: 1,
    windows: 'strict_calendar_dates',
    breakdowns: [],
    reference: 'total',
    view: 'grid',
}

function entity(series: Series): RetentionEntity {
    const done: RetentionEntity = series.action === undefined ? { id: series.event, type: 'events', name: series.event ?? 'All events' } : { id: series.action, type: 'actions', name: series.actionName ?? null }
    if (series.name) done.custom_name = series.name
    if (series.filters.length > 0) done.properties = forQuery(series.filters)
    return done
}

function fromEntity(stored: RetentionEntity | undefined): Series {
    if (!stored) return plainSeries('$pageview')
    const action = stored.type === 'actions' ? Number(stored.id) : undefined
    const event = stored.id === undefined ? '$pageview' : stored.id === null ? null : String(stored.id)
    return compact({
        ...plainSeries(action === undefined ? event : null),
        action,
        actionName: action === undefined ? undefined : (stored.name ?? undefined),
        name: stored.custom_name,
        filters: flatten(stored.properties),
    }) as Series
}

export function retentionQuery(state: RetentionState): RetentionQuery {
    const filter: RetentionQuery['retentionFilter'] = { retentionType: state.type, targetEntity: entity(state.target), returningEntity: entity(state.returning), period: state.period, totalIntervals: state.intervals }
    if (state.cumulative) filter.cumulative = true
    if (state.atLeast > 1) filter.minimumOccurrences = state.atLeast
    if (state.windows !== 'strict_calendar_dates') filter.timeWindowMode = state.windows
    if (state.reference === 'previous') filter.retentionReference = 'previous'
    if (state.view === 'lines') filter.display = 'ActionsLineGraph'
    return { kind: 'RetentionQuery', ...commonQuery(state), ...breakdownQuery(state.breakdowns), retentionFilter: filter }
}

/** null for what the editor cannot show: brackets of unequal length, sums of a property. */
export function retentionFrom(query: RetentionQuery): RetentionState | null {
    const filter = query.retentionFilter ?? {}
    const breakdowns = breakdownsFrom(query.breakdownFilter)
    if (!breakdowns || (filter.retentionCustomBrackets?.length ?? 0) > 0 || (filter.aggregationType ?? 'count') !== 'count') return null
    return {
        ...commonFrom(query),
        kind: 'retention',
        target: fromEntity(filter.targetEntity),
        returning: fromEntity(filter.returningEntity),
        type: filter.retentionType ?? 'retention_recurring',
        period: filter.period ?? 'Day',
        intervals: filter.totalIntervals ?? 7,
        cumulative: filter.cumulative ?? false,
        atLeast: filter.minimumOccurrences ?? 1,
        windows: filter.timeWindowMode ?? 'strict_calendar_dates',
        breakdowns,
        reference: filter.retentionReference ?? 'total',
        view: filter.display === 'ActionsLineGraph' ? 'lines' : 'grid',
    }
}

export function retentionProblem(state: RetentionState): string | null {
    if (state.cumulative && state.windows === '24_hour_windows') return 'Counting on or after goes with calendar periods only'
    return null
}

export function readRetention(raw: Raw): RetentionState {
    const start = initialRetention
    return {
        ...readCommon(raw),
        kind: 'retention',
        target: readSeries(raw['target']) ?? start.target,
        returning: readSeries(raw['returning']) ?? start.returning,
        type: oneOf(raw, 'type', ['retention_recurring', 'retention_first_time', 'retention_first_ever_occurrence'] as const) ?? start.type,
        period: oneOf(raw, 'period', periods) ?? start.period,
        intervals: between(raw, 'intervals', 2, maxIntervals) ?? start.intervals,
        cumulative: flag(raw, 'cumulative') ?? false,
        atLeast: between(raw, 'atLeast', 1, 1000) ?? 1,
        windows: oneOf(raw, 'windows', ['strict_calendar_dates', '24_hour_windows'] as const) ?? start.windows,
        breakdowns: list(raw, 'by', readBreakdown, 1) ?? [],
        reference: oneOf(raw, 'reference', ['total', 'previous'] as const) ?? start.reference,
        view: oneOf(raw, 'view', ['grid', 'lines'] as const) ?? start.view,
    }
}

export const retentionSearch = (state: RetentionState): Raw => searchFrom(state, initialRetention)
