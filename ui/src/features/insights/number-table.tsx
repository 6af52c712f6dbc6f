import { Download } from 'lucide-react'
import { download, toCsv } from '@/lib/csv'
import { count, formatNumber } from '@/lib/numbers'
import { Button } from '@/ui/button'
import { cx } from '@/ui/classes'
import { seriesColour } from './colours'

export type NumberCell = { value: number; text?: string; onOpen?: () => void }
export type NumberRow = { key: string; label: string; colour: number | null; cells: NumberCell[] }

const th = 'row-line h-8 px-2.5 text-right text-sm font-[550] whitespace-nowrap text-ink-2 last:!pr-4'
const rowLimit = 200

/** The twin of a chart: a row for each line of it, numbers that open onto persons. */
export function NumberTable({ name, heading, columns, rows }: { name: string; heading: string; columns: string[]; rows: NumberRow[] }) {
    return (
        <div>
            <div className="max-h-[460px] overflow-auto" tabIndex={0} role="region" aria-label="Numbers of the answer">
                <table className="w-full border-collapse">
                    <thead className="sticky top-0 z-10 bg-surface">
                        <tr>
                            <th scope="col" className={cx(th, 'sticky left-0 bg-surface !pl-4 !text-left')}>
                                {heading}
                            </th>
                            {columns.map((column, index) => (
                                <th key={index} scope="col" className={th}>
                                    {column}
                                </th>
                            ))}
                        </tr>
                    </thead>
                    <tbody>
                        {rows.slice(0, rowLimit).map((row) => (
                            <tr key={row.key} className="group/row hover:bg-sunken">
                                <th scope="row" className="row-line sticky left-0 h-8 max-w-[280px] bg-surface py-0 pr-3 pl-4 text-left font-[450] group-last/row:border-0 group-hover/row:bg-sunken">
                                    <span className="flex items-center gap-2">
                                        {row.colour === null ? null : <span aria-hidden className="size-[9px] shrink-0 rounded-[3px]" style={{ background: seriesColour(row.colour) }} />}
                                        <span className="truncate" title={row.label} dir="auto">
                                            {row.label}
                                        </span>
                                    </span>
                                </th>
                                {row.cells.map((cell, index) => (
                                    <td key={index} className="row-line px-2.5 text-right whitespace-nowrap group-last/row:border-0 last:!pr-4">
                                        <Cell {...cell} />
                                    </td>
                                ))}
                            </tr>
                        ))}
                    </tbody>
                </table>
            </div>
            <div className="flex items-center justify-between gap-2 border-t border-line py-1.5 pr-2 pl-4 text-sm text-ink-3">
                <span>{rows.length > rowLimit ? `The first ${rowLimit} of ${rows.length}; the export has all` : count(rows.length, 'row')}</span>
                <Button kind="quiet" size="small" onClick={() => download(`${name}.csv`, 'text/csv', toCsv([heading, ...columns], rows.map((row) => [row.label, ...row.cells.map((cell) => cell.value)])))}>
                    <Download className="size-3.5" aria-hidden /> Export CSV
                </Button>
            </div>
        </div>
    )
}

function Cell({ value, text, onOpen }: NumberCell) {
    const shown = text ?? formatNumber(value)
    if (!onOpen || value === 0) return <>{shown}</>
    return (
        <button type="button" onClick={onOpen} className="rounded-sm decoration-line-strong underline-offset-4 hover:underline" title="Show the persons behind this number">
            {shown}
        </button>
    )
}
