import { Link } from '@tanstack/react-router'
import { useVirtualizer } from '@tanstack/react-virtual'
import { Download } from 'lucide-react'
import { useMemo, useRef, useState } from 'react'
import { useProject } from '@/api/project'
import { download, toCsv } from '@/lib/csv'
import { count, formatNumber } from '@/lib/numbers'
import { Button } from '@/ui/button'
import { cx } from '@/ui/classes'
import { Empty } from '@/ui/states'
import { columnKind, type Grid } from './rows'

const rowHeight = 32

const asText = (value: unknown): string => (value === null || value === undefined ? 'null' : typeof value === 'string' ? value : JSON.stringify(value))

function compared(a: unknown, b: unknown): number {
    if (a === null || a === undefined) return b === null || b === undefined ? 0 : -1
    if (b === null || b === undefined) return 1
    return typeof a === 'number' && typeof b === 'number' ? a - b : asText(a).localeCompare(asText(b))
}

/** Rows as they came: sortable, exportable, and only those in sight are drawn. */
export function ResultGrid({ grid, name }: { grid: Grid; name: string }) {
    const box = useRef<HTMLDivElement>(null)
    const [sort, setSort] = useState<{ column: number; down: boolean } | null>(null)
    const kinds = useMemo(() => grid.columns.map((_, index) => columnKind(grid, index)), [grid])
    const rows = useMemo(() => (sort ? [...grid.rows].sort((a, b) => compared(a[sort.column], b[sort.column]) * (sort.down ? -1 : 1)) : grid.rows), [grid, sort])
    const virtual = useVirtualizer({ count: rows.length, getScrollElement: () => box.current, estimateSize: () => rowHeight, overscan: 12, initialRect: { width: 0, height: 480 } })
    if (rows.length === 0) return <Empty title="No rows">The query is fine; nothing in the data matches it.</Empty>
    const shown = virtual.getVirtualItems()
    const above = shown[0]?.start ?? 0
    const below = virtual.getTotalSize() - (shown.at(-1)?.end ?? 0)
    const next = (column: number) => setSort(sort?.column !== column ? { column, down: true } : sort.down ? { column, down: false } : null)
    return (
        <div>
            <div ref={box} className="max-h-[520px] overflow-auto" tabIndex={0} role="region" aria-label="Rows of the answer">
                <table aria-label="Answer" aria-rowcount={rows.length + 1} className="w-full border-separate border-spacing-0">
                    <thead className="sticky top-0 z-10 bg-surface">
                        <tr>
                            {grid.columns.map((column, index) => (
                                <th
                                    key={index}
                                    scope="col"
                                    aria-sort={sort?.column === index ? (sort.down ? 'descending' : 'ascending') : undefined}
                                    className={cx('row-line h-8 px-3 text-sm font-[550] whitespace-nowrap text-ink-2 first:pl-4 last:pr-4', kinds[index] === 'number' ? 'text-right' : 'text-left')}
                                >
                                    <button type="button" title={grid.types[index] ? `${column}: ${grid.types[index]}` : column} className="hover:text-ink" onClick={() => next(index)}>
                                        {column}
                                        {sort?.column === index ? (sort.down ? ' ↓' : ' ↑') : ''}
                                    </button>
                                </th>
                            ))}
                        </tr>
                    </thead>
                    <tbody>
                        {above > 0 ? <tr aria-hidden style={{ height: above }} /> : null}
                        {shown.map((item) => (
                            <tr key={item.key} aria-rowindex={item.index + 2} className="hover:bg-sunken">
                                {grid.columns.map((_, index) => (
                                    <Cell key={index} value={rows[item.index]?.[index]} numeric={kinds[index] === 'number'} person={personColumn.test(grid.columns[index] ?? '')} />
                                ))}
                            </tr>
                        ))}
                        {below > 0 ? <tr aria-hidden style={{ height: below }} /> : null}
                    </tbody>
                </table>
            </div>
            <div className="flex items-center justify-between gap-2 border-t border-line py-1.5 pr-2 pl-4 text-sm text-ink-3">
                <span>{grid.hasMore ? `The first ${count(rows.length, 'row')}; there are more. Add a LIMIT to get them.` : count(rows.length, 'row')}</span>
                <Button kind="quiet" size="small" onClick={() => download(`${name}.csv`, 'text/csv', toCsv(grid.columns, rows))}>
                    <Download className="size-3.5" aria-hidden /> Export CSV
                </Button>
            </div>
        </div>
    )
}

/** Columns whose values name a person. */
const personColumn = /^(events\.)?(person_id|distinct_id)$/

function Cell({ value, numeric, person }: { value: unknown; numeric: boolean; person: boolean }) {
    const project = useProject()
    const empty = value === null || value === undefined
    const text = asText(value)
    return (
        <td
            title={text.length > 30 ? text.slice(0, 2000) : undefined}
            dir={numeric ? undefined : 'auto'}
            className={cx('row-line h-8 max-w-[360px] truncate px-3 first:pl-4 last:pr-4', numeric && 'text-right', empty && 'text-ink-3', typeof value === 'object' && !empty && 'font-mono text-[12px]')}
        >
            {person && typeof value === 'string' && value !== '' ? (
                <Link to="/project/$projectId/persons/$personId" params={{ projectId: String(project.id), personId: value }} className="decoration-line-strong underline-offset-4 hover:underline">
                    {value}
                </Link>
            ) : numeric && typeof value === 'number' ? (
                formatNumber(value)
            ) : (
                text
            )}
        </td>
    )
}
