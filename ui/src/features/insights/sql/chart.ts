import { bucketLabel } from '@/lib/time'
import { columnKind, type Grid } from '../rows'
import type { ChartLine } from '../time-chart'

export type Axes = { x: number; y: number[]; split: number | null }

const most = 8
/** More points than pixels say nothing. */
export const pointLimit = 1000

/** Which columns a chart takes: those that were chosen, or the first time across and every number up; null when there is no number. */
export function axesOf(grid: Grid, chosen: { x: string | null; y: string[] }): Axes | null {
    const kinds = grid.columns.map((_, index) => columnKind(grid, index))
    const named = (name: string) => grid.columns.indexOf(name)
    const first = (kind: string, not = -1) => kinds.findIndex((known, index) => known === kind && index !== not)
    const wanted = chosen.x === null ? -1 : named(chosen.x)
    const x = wanted >= 0 ? wanted : [first('time'), first('text'), 0].find((index) => index >= 0)
    if (x === undefined || grid.columns.length < 2) return null
    const picked = chosen.y.map(named).filter((index) => index >= 0 && index !== x)
    const numbers = kinds.flatMap((kind, index) => (kind === 'number' && index !== x ? [index] : []))
    const y = picked.length > 0 ? picked : numbers.slice(0, most)
    if (y.length === 0) return null
    const split = y.length === 1 && kinds[x] === 'time' ? first('text', x) : -1
    return { x, y, split: split >= 0 ? split : null }
}

const place = (value: unknown): string => (value === null || value === undefined ? '(none)' : typeof value === 'string' ? value : JSON.stringify(value))
const number = (value: unknown): number => (typeof value === 'number' ? value : value === null || value === undefined || value === '' ? Number.NaN : Number(value))

/** Rows as lines: one for each number column, or one for each value of the column that splits them. */
export function chartOf(grid: Grid, axes: Axes): ChartLine[] {
    const isTime = columnKind(grid, axes.x) === 'time'
    const rows = grid.rows.slice(0, pointLimit)
    const places = [...new Set(rows.map((row) => place(row[axes.x])))]
    if (isTime) places.sort()
    const at = new Map(places.map((name, index) => [name, index]))
    const lines = new Map<string, number[]>()
    const put = (line: string, row: unknown[], column: number) => {
        const data = lines.get(line) ?? new Array<number>(places.length).fill(Number.NaN)
        lines.set(line, data)
        data[at.get(place(row[axes.x])) ?? 0] = number(row[column])
    }
    for (const row of rows) {
        if (axes.split !== null) put(place(row[axes.split]), row, axes.y[0] ?? 0)
        else for (const column of axes.y) put(grid.columns[column] ?? '', row, column)
    }
    const total = (data: number[]) => data.reduce((sum, value) => sum + (Number.isNaN(value) ? 0 : value), 0)
    const all = [...lines].map(([label, data]) => ({ label, data }))
    const shown = axes.split === null ? all : all.sort((a, b) => total(b.data) - total(a.data))
    return shown.slice(0, most).map(({ label, data }, index) => ({ key: label, label, colour: index, days: places, data, previous: null }))
}

/** A place on the axis, short enough to stand there. */
export function placeName(value: string, long: boolean): string {
    const day = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}:\d{2}))?/.exec(value)
    if (day) return bucketLabel(`${day[1]}${day[2] ? ` ${day[2]}` : ''}`, day[2] && day[2] !== '00:00:00' ? 'hour' : 'day', long)
    return long || value.length <= 14 ? value : `${value.slice(0, 13)}…`
}

/** The one number of an answer that is a number. */
export function boldNumber(grid: Grid): { label: string; value: number } | null {
    const index = grid.columns.findIndex((_, column) => columnKind(grid, column) === 'number')
    const value = number(grid.rows[0]?.[index])
    return index < 0 || Number.isNaN(value) ? null : { label: grid.columns[index] ?? '', value }
}
