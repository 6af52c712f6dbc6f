import type { KeyboardEvent, ReactNode } from 'react'
import { ArrowDown, ArrowUp } from 'lucide-react'
import { cx } from './classes'

export type Column<Row> = {
    id: string
    label: string
    /** Numbers stand at the right. */
    numeric?: boolean
    /** Left out on a phone. */
    wide?: boolean
    width?: string
    sort?: (row: Row) => string | number
    cell: (row: Row) => ReactNode
}

export type Sorting = { column: string; down: boolean }

export function sorted<Row>(rows: Row[], columns: Column<Row>[], sorting: Sorting | null): Row[] {
    const by = sorting ? columns.find((column) => column.id === sorting.column)?.sort : undefined
    if (!by || !sorting) return rows
    return [...rows].sort((a, b) => {
        const [x, y] = [by(a), by(b)]
        const order = typeof x === 'number' && typeof y === 'number' ? x - y : String(x).localeCompare(String(y))
        return sorting.down ? -order : order
    })
}

/** A plain table: 32 px rows, sticky header, sortable where it makes sense, rows reachable with j and k. */
export function Table<Row>({
    rows,
    columns,
    rowKey,
    onOpen,
    label,
    sorting,
    onSort,
    dim,
}: {
    rows: Row[]
    columns: Column<Row>[]
    rowKey: (row: Row) => string
    onOpen?: (row: Row) => void
    label: string
    sorting?: Sorting | null
    onSort?: (sorting: Sorting) => void
    dim?: boolean
}) {
    return (
        <div className={cx('min-w-0 overflow-x-auto transition-opacity duration-[120ms]', dim && 'opacity-55')}>
            <table aria-label={label} className="w-full border-collapse">
                <thead>
                    <tr>
                        {columns.map((column) => (
                            <th
                                key={column.id}
                                scope="col"
                                aria-sort={sorting?.column === column.id ? (sorting.down ? 'descending' : 'ascending') : undefined}
                                style={{ width: column.width }}
                                className={cx('row-line h-8 px-3 text-left text-sm font-[550] whitespace-nowrap text-ink-2 first:pl-4 last:pr-4', column.numeric && 'text-right', column.wide && 'hidden md:table-cell')}
                            >
                                {column.sort && onSort ? (
                                    <button
                                        type="button"
                                        className="inline-flex items-center gap-1 hover:text-ink"
                                        onClick={() => onSort({ column: column.id, down: sorting?.column === column.id ? !sorting.down : Boolean(column.numeric) })}
                                    >
                                        {column.label}
                                        {sorting?.column === column.id ? sorting.down ? <ArrowDown className="size-3" aria-hidden /> : <ArrowUp className="size-3" aria-hidden /> : null}
                                    </button>
                                ) : (
                                    column.label
                                )}
                            </th>
                        ))}
                    </tr>
                </thead>
                <tbody>
                    {rows.map((row) => (
                        <tr key={rowKey(row)} {...(onOpen ? openable(() => onOpen(row)) : {})} className={cx('group/row', onOpen && 'cursor-pointer hover:bg-sunken focus-visible:-outline-offset-2')}>
                            {columns.map((column) => (
                                <td
                                    key={column.id}
                                    className={cx(
                                        'row-line h-(--row) max-w-[340px] truncate px-3 group-last/row:border-0 first:pl-4 last:pr-4',
                                        column.numeric && 'text-right',
                                        column.wide && 'hidden md:table-cell'
                                    )}
                                >
                                    {column.cell(row)}
                                </td>
                            ))}
                        </tr>
                    ))}
                </tbody>
            </table>
        </div>
    )
}

function openable(open: () => void) {
    return {
        tabIndex: 0,
        'data-list-row': true,
        onClick: (event: { target: EventTarget }) => {
            if (!(event.target instanceof Element && event.target.closest('a,button,input,label'))) open()
        },
        onKeyDown: (event: KeyboardEvent) => {
            if (event.key === 'Enter' && event.target === event.currentTarget) open()
        },
    }
}

export function Pages({ page, more, onPage, total, size }: { page: number; more: boolean; onPage: (page: number) => void; total?: number; size: number }) {
    if (page === 1 && !more) return null
    const from = (page - 1) * size + 1
    return (
        <nav aria-label="Pages" className="flex items-center justify-between gap-3 border-t border-line px-4 py-2 text-sm text-ink-3">
            <span>
                From {from.toLocaleString('en-US')}
                {total !== undefined ? ` of ${total.toLocaleString('en-US')}` : ''}
            </span>
            <span className="flex gap-2">
                <button type="button" disabled={page === 1} onClick={() => onPage(page - 1)} className="rounded-md border border-line-strong bg-surface px-2.5 py-1 text-ink hover:bg-sunken disabled:opacity-40">
                    Previous
                </button>
                <button type="button" disabled={!more} onClick={() => onPage(page + 1)} className="rounded-md border border-line-strong bg-surface px-2.5 py-1 text-ink hover:bg-sunken disabled:opacity-40">
                    Next
                </button>
            </span>
        </nav>
    )
}
