import type { RetentionPeriod, RetentionRow } from '@/api/insight-types'
import type { BreakdownValue } from '@/api/types'
import { breakdownText } from '../breakdown'
import type { ChartLine } from '../time-chart'

/** `unknown` lies in the future; `partial` is still being filled. */
export type Cell = { count: number; share: number; state: 'full' | 'partial' | 'unknown' }

export type Cohort = { key: string; date: string; size: number; cells: Cell[] }

export type Block = { key: string; label: string; value: BreakdownValue | undefined; columns: string[]; cohorts: Cohort[]; mean: (number | null)[] }

const ratio = (part: number, whole: number): number => (whole === 0 ? 0 : part / whole)

/** How many of the last periods are not over: those that begin at or before now and end after it. */
export function openPeriods(rows: { date: string }[], now: Date): number {
    const last = rows.at(-1)
    const before = rows.at(-2)
    if (!last) return 0
    const length = before ? Date.parse(last.date) - Date.parse(before.date) : 3_600_000
    return Date.parse(last.date) + length > now.getTime() ? 1 : 0
}

/** The grid is a triangle: what a cohort does in a period that has not begun is not zero, it is unknown. */
function cohortsOf(rows: RetentionRow[], open: number, reference: 'total' | 'previous'): Cohort[] {
    return rows.map((row, at) => {
        const size = row.values[0]?.count ?? 0
        return {
            key: row.date,
            date: row.date,
            size,
            cells: row.values.map((value, column) => {
                const periodsLeft = rows.length - (at + column)
                const whole = reference === 'previous' && column > 0 ? (row.values[column - 1]?.count ?? 0) : size
                return { count: value.count, share: column === 0 ? 1 : ratio(value.count, whole), state: periodsLeft <= 0 ? 'unknown' : periodsLeft <= open ? 'partial' : 'full' }
            }),
        }
    })
}

/** Weighted by the size of the cohorts, over those that have got that far. */
function meanOf(cohorts: Cohort[], column: number, reference: 'total' | 'previous'): number | null {
    const counted = cohorts.filter((cohort) => cohort.size > 0 && cohort.cells[column]?.state === 'full')
    if (column === 0) return counted.length > 0 ? 1 : null
    const whole = counted.reduce((sum, cohort) => sum + (reference === 'previous' ? (cohort.cells[column - 1]?.count ?? 0) : cohort.size), 0)
    return whole === 0 ? null : counted.reduce((sum, cohort) => sum + (cohort.cells[column]?.count ?? 0), 0) / whole
}

/** One grid, or one for each breakdown value. */
export function blocksOf(results: RetentionRow[], period: RetentionPeriod, reference: 'total' | 'previous', now: Date): Block[] {
    const groups = new Map<string, RetentionRow[]>()
    for (const row of results) {
        const key = JSON.stringify(row.breakdown_value ?? null)
        groups.set(key, [...(groups.get(key) ?? []), row])
    }
    return [...groups].map(([key, rows]) => {
        const cohorts = cohortsOf(rows, openPeriods(rows, now), reference)
        const value = rows[0]?.breakdown_value ?? undefined
        const columns = (rows[0]?.values ?? []).map((cell, index) => cell.label ?? `${period} ${index}`)
        return { key, label: value === undefined ? 'Everybody' : breakdownText(value), value, columns, cohorts, mean: columns.map((_, column) => meanOf(cohorts, column, reference)) }
    })
}

/** How strong a cell is coloured, 0 to 1, against the strongest return of the grid. */
export function heat(share: number, block: Block): number {
    const top = Math.max(0.2, ...block.cohorts.flatMap((cohort) => cohort.cells.slice(1).flatMap((cell) => (cell.state === 'unknown' ? [] : cell.share))))
    return Math.max(0, Math.min(1, share / top))
}

/** The mean, and the cohorts that have been followed longest; of several grids, their means. Everybody starts at 100 %, so lines begin after that. */
export function retentionLines(blocks: Block[], name: (cohort: Cohort) => string, most = 8): ChartLine[] {
    const percentages = (cells: (number | null)[]) => cells.slice(1).map((share) => (share === null ? Number.NaN : share * 100))
    const first = blocks[0]
    if (!first) return []
    if (blocks.length > 1) return blocks.slice(0, most).map((block, index) => ({ key: block.key, label: block.label, colour: index, days: block.columns.slice(1), data: percentages(block.mean), previous: null }))
    const cohorts = first.cohorts.filter((cohort) => cohort.size > 0 && cohort.cells.some((cell, column) => column > 0 && cell.state !== 'unknown')).slice(0, most - 1)
    return [
        { key: 'mean', label: 'All together', colour: 0, days: first.columns.slice(1), data: percentages(first.mean), previous: null },
        ...cohorts.map((cohort, index) => ({ key: cohort.key, label: name(cohort), colour: index + 1, days: first.columns.slice(1), data: percentages(cohort.cells.map((cell) => (cell.state === 'unknown' ? null : cell.share))), previous: null })),
    ]
}
