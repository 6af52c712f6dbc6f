import type { FunnelStepResult, FunnelTrendResult, FunnelsQuery, TimeToConvertResult } from '@/api/insight-types'
import type { BreakdownValue } from '@/api/types'
import { breakdownText } from '../breakdown'
import { seriesLabel } from '../series'
import type { ChartLine } from '../time-chart'
import type { FunnelsState } from './state'

export type Step = {
    /** From 1. */
    number: number
    name: string
    optional: boolean
    count: number
    /** Those who were at the last step that everybody needs before this one, and not here. */
    dropped: number
    /** Share of the first step, 0 to 1. */
    ofFirst: number
    ofPrevious: number
    medianSeconds: number | null
    averageSeconds: number | null
}

/** One funnel: of everybody, or of one breakdown value. */
export type Funnel = { key: string; label: string; value: BreakdownValue | undefined; colour: number; steps: Step[] }

const ratio = (part: number, whole: number): number => (whole === 0 ? 0 : part / whole)

function stepName(state: FunnelsState, result: FunnelStepResult, index: number): string {
    if (state.order === 'unordered') return result.name ?? `Completed ${index + 1} steps`
    const step = state.series[index]
    return step ? seriesLabel(step) : (result.custom_name ?? result.name ?? `Step ${index + 1}`)
}

function stepsOf(results: FunnelStepResult[], state: FunnelsState): Step[] {
    const sorted = [...results].sort((a, b) => a.order - b.order)
    const first = sorted[0]?.count ?? 0
    const optional = (index: number): boolean => state.order !== 'unordered' && Boolean(state.series[index]?.optional)
    return sorted.map((result, index) => {
        let before = index - 1
        while (before > 0 && optional(before)) before -= 1
        const previous = before >= 0 ? (sorted[before]?.count ?? 0) : result.count
        return {
            number: index + 1,
            name: stepName(state, result, index),
            optional: optional(index),
            count: result.count,
            dropped: index === 0 ? 0 : Math.max(0, previous - result.count),
            ofFirst: ratio(result.count, first),
            ofPrevious: index === 0 ? 1 : ratio(result.count, previous),
            medianSeconds: result.median_conversion_time,
            averageSeconds: result.average_conversion_time,
        }
    })
}

/** The server's steps: one list, or a list for each breakdown value. */
export function funnelsOf(results: FunnelStepResult[] | FunnelStepResult[][], state: FunnelsState): Funnel[] {
    if (results.length === 0) return []
    const lists = (Array.isArray(results[0]) ? results : [results]) as FunnelStepResult[][]
    return lists.map((list, index) => {
        const value = list[0]?.breakdown_value
        const shown = typeof value === 'number' && typeof list[0]?.breakdown === 'string' ? list[0].breakdown : value
        return { key: JSON.stringify(value ?? null), label: value === undefined ? 'Everybody' : breakdownText(shown), value, colour: index, steps: stepsOf(list, state) }
    })
}

/** All values together; a person who counts under several values counts in each of them. */
export function together(funnels: Funnel[]): Step[] {
    const count = (number: number): number => funnels.reduce((sum, funnel) => sum + (funnel.steps[number - 1]?.count ?? 0), 0)
    const first = count(1)
    return (funnels[0]?.steps ?? []).map((step) => {
        const here = count(step.number)
        const dropped = funnels.reduce((sum, funnel) => sum + (funnel.steps[step.number - 1]?.dropped ?? 0), 0)
        return { ...step, count: here, dropped, ofFirst: ratio(here, first), ofPrevious: step.number === 1 ? 1 : ratio(here, here + dropped), medianSeconds: null, averageSeconds: null }
    })
}

export type Bar = { from: number; to: number; count: number; share: number }

/** Bars of the time to convert; the last of the server's bins only says where the one before ends. */
export function barsOf(result: TimeToConvertResult): Bar[] {
    const total = result.bins.reduce((sum, [, count]) => sum + count, 0)
    const width = (result.bins[1]?.[0] ?? 0) - (result.bins[0]?.[0] ?? 0)
    const bars = result.bins.map(([from, count], index) => ({ from, to: result.bins[index + 1]?.[0] ?? from + width, count, share: ratio(count, total) }))
    return bars.length > 1 && bars.at(-1)?.count === 0 ? bars.slice(0, -1) : bars
}

export function trendLines(results: FunnelTrendResult[]): (ChartLine & { breakdown: BreakdownValue | undefined })[] {
    return results.map((result, index) => ({
        key: JSON.stringify(result.breakdown_value ?? null),
        label: result.breakdown_value === undefined ? 'Conversion' : breakdownText(result.breakdown_value),
        colour: index,
        days: result.days,
        data: result.data,
        previous: null,
        breakdown: result.breakdown_value,
    }))
}

/** 0.4166 → "41.7%"; what is all or nothing has no decimals. */
export function percent(share: number): string {
    if (!Number.isFinite(share)) return '–'
    const value = share * 100
    return value === 0 || value === 100 ? `${value}%` : `${value.toFixed(1)}%`
}

/** Who got to a step, or (dropped) stopped right before it. */
export function actorsOf(query: FunnelsQuery, step: number, dropped: boolean, value: BreakdownValue | undefined) {
    return { kind: 'FunnelsActorsQuery' as const, source: query, funnelStep: dropped ? -step : step, ...(value === undefined ? {} : { funnelStepBreakdown: value }) }
}
