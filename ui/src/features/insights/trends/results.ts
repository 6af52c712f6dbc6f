import type { BreakdownValue, Interval, TrendsDisplay, TrendsResult } from '@/api/types'
import { breakdownText } from '../breakdown'
import { letter, mathOf, seriesLabel } from '../series'
import type { TrendsState } from './state'

/** One line of a chart: a series, or a formula, for one breakdown value. */
export type Line = {
    key: string
    /** Index of the series or formula it comes from. */
    order: number
    isFormula: boolean
    name: string
    breakdown: BreakdownValue | undefined
    /** Shown name: the breakdown value, the series, or both when there are several of both. */
    label: string
    colour: number
    days: string[]
    data: number[]
    total: number
    previous: { data: number[]; days: string[]; total: number } | null
}

export const isTotalDisplay = (display: TrendsDisplay): boolean => display === 'BoldNumber' || display === 'ActionsTable' || display === 'ActionsBarValue'

/** Sums over buckets mean something only for counts and sums. */
export const isAdditive = (math: string): boolean => ['total', 'sum', 'first_time_for_user', 'first_matching_event_for_user'].includes(math)

export function seriesName(state: TrendsState, order: number, isFormula: boolean): string {
    if (isFormula) {
        const formula = state.formulas[order]
        return formula?.name || formula?.formula || `Formula ${order + 1}`
    }
    const series = state.series[order]
    if (!series) return `Series ${letter(order)}`
    return seriesLabel(series)
}

const keyOf = (result: TrendsResult, order: number): string => `${order}|${JSON.stringify(result.breakdown_value ?? null)}`

function orderOf(result: TrendsResult, isFormula: boolean): number {
    return isFormula ? (result.order ?? 0) : (result.action?.order ?? result.order ?? 0)
}

const totalOf = (result: TrendsResult): number => result.aggregated_value ?? result.count ?? 0

/** The server's rows as lines, each with its previous period. */
export function linesOf(results: TrendsResult[], state: TrendsState): Line[] {
    const isFormula = state.formulas.length > 0
    const previous = new Map<string, TrendsResult>()
    for (const result of results) if (result.compare_label === 'previous') previous.set(keyOf(result, orderOf(result, isFormula)), result)
    const several = new Set(results.map((result) => orderOf(result, isFormula))).size > 1
    return results
        .filter((result) => result.compare_label !== 'previous')
        .map((result, index) => {
            const order = orderOf(result, isFormula)
            const before = previous.get(keyOf(result, order))
            const name = seriesName(state, order, isFormula)
            const value = breakdownText(result.breakdown_value)
            const broken = state.breakdowns.length > 0 && result.breakdown_value !== undefined
            return {
                key: keyOf(result, order),
                order,
                isFormula,
                name,
                breakdown: result.breakdown_value,
                label: broken ? (several ? `${name}: ${value}` : value) : name,
                colour: index,
                days: result.days ?? [],
                data: result.data ?? [],
                total: totalOf(result),
                previous: before ? { data: before.data ?? [], days: before.days ?? [], total: totalOf(before) } : null,
            }
        })
}

export const chartLimit = 8

/** At most eight lines on a chart; the rest is summed into one when sums mean something, else left to the table. */
export function chartLines(lines: Line[], additive: boolean): { lines: Line[]; hidden: number } {
    if (lines.length <= chartLimit) return { lines, hidden: 0 }
    const shown = lines.slice(0, additive ? chartLimit - 1 : chartLimit)
    const rest = lines.slice(shown.length)
    if (!additive) return { lines: shown, hidden: rest.length }
    const length = Math.max(...rest.map((line) => line.data.length))
    const first = rest[0]!
    const sum = (pick: (line: Line) => number[] | undefined): number[] => Array.from({ length }, (_, index) => rest.reduce((total, line) => total + (pick(line)?.[index] ?? 0), 0))
    return {
        lines: [
            ...shown,
            {
                ...first,
                key: 'rest',
                label: `Other (${rest.length})`,
                isFormula: true,
                data: sum((line) => line.data),
                total: rest.reduce((total, line) => total + line.total, 0),
                previous: first.previous
                    ? { days: first.previous.days, data: sum((line) => line.previous?.data), total: rest.reduce((total, line) => total + (line.previous?.total ?? 0), 0) }
                    : null,
            },
        ],
        hidden: 0,
    }
}

export type Moved = { key: string; label: string; delta: number }

/** What contributed most to the change against the period before, in either direction. */
export function whatMoved(lines: Line[], limit = 6): Moved[] {
    return lines
        .filter((line) => line.previous !== null)
        .map((line) => ({ key: line.key, label: line.label, delta: line.total - (line.previous?.total ?? 0) }))
        .filter((moved) => moved.delta !== 0)
        .sort((a, b) => Math.abs(b.delta) - Math.abs(a.delta))
        .slice(0, limit)
}

/** True when the last bucket is still being filled. */
export function lastIsIncomplete(days: string[], interval: Interval, localNow: string): boolean {
    const last = days.at(-1)
    if (!last) return false
    const bucket = last.replace('T', ' ')
    const width = { minute: 16, hour: 13, day: 10, week: 10, month: 7 }[interval]
    if (interval === 'week') {
        const start = Date.parse(`${bucket.slice(0, 10)}T00:00:00Z`)
        const now = Date.parse(`${localNow.slice(0, 10)}T00:00:00Z`)
        return now - start < 7 * 86_400_000 && now >= start
    }
    return bucket.slice(0, width) === localNow.replace('T', ' ').slice(0, width)
}

/** A name for an insight nobody has named: what is counted, and by what. */
export function derivedName(state: TrendsState, label: (key: string) => string): string {
    const isFormula = state.formulas.length > 0
    const parts = isFormula
        ? state.formulas.map((_, index) => seriesName(state, index, true))
        : state.series.map((series, index) => {
              const math = mathOf(series.math)
              const of = math.needs === 'property' && series.property ? ` of ${label(series.property)}` : ''
              return series.math === 'total' ? seriesName(state, index, false) : `${seriesName(state, index, false)}, ${math.short.toLowerCase()}${of}`
          })
    const shown = parts.length > 3 ? [...parts.slice(0, 3), `${parts.length - 3} more`] : parts
    const by = state.breakdowns.map((breakdown) => label(breakdown.property))
    return shown.join(' and ') + (by.length > 0 ? ` by ${by.join(', ')}` : '')
}
