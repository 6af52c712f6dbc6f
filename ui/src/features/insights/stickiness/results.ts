import type { StickinessResult } from '@/api/insight-types'
import { seriesLabel } from '../series'
import type { ChartLine } from '../time-chart'
import type { StickinessState } from './state'

export type StickyLine = ChartLine & { order: number; persons: number }

const orderOf = (result: StickinessResult): number => result.action?.order ?? result.order ?? 0

/** A line for each series, each with its period before. */
export function stickyLines(results: StickinessResult[], state: StickinessState): StickyLine[] {
    const before = new Map(results.filter((result) => result.compare_label === 'previous').map((result) => [orderOf(result), result]))
    return results
        .filter((result) => result.compare_label !== 'previous')
        .map((result, index) => {
            const order = orderOf(result)
            const series = state.series[order]
            const previous = before.get(order)
            return {
                key: String(order),
                order,
                label: series ? seriesLabel(series) : result.label,
                colour: index,
                days: result.days.map(String),
                data: result.data ?? [],
                persons: result.count,
                previous: previous ? { data: previous.data ?? [], days: previous.days.map(String) } : null,
            }
        })
}

/** "1 day", "3 days", and "or more" where that is what is counted. */
export function periodCount(day: string, state: StickinessState): string {
    const unit = Number(day) === 1 ? state.interval : `${state.interval}s`
    return `${day} ${unit}${state.cumulative ? ' or more' : ''}`
}

/** On how many periods a person was active, on average; null for nobody. */
export function average(line: StickyLine, cumulative: boolean): number | null {
    if (line.persons === 0) return null
    // How many were active on k periods or more, added up over k, is every period of every person.
    const periods = cumulative ? line.data.reduce((sum, value) => sum + value, 0) : line.data.reduce((sum, value, index) => sum + value * (index + 1), 0)
    return periods / line.persons
}
