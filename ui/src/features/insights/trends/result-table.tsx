import { Download, Ellipsis, Filter, FilterX } from 'lucide-react'
import { useState } from 'react'
import { toCsv, download } from '@/lib/csv'
import { change, formatChange, formatNumber } from '@/lib/numbers'
import { bucketLabel } from '@/lib/time'
import { Button, IconButton } from '@/ui/button'
import { cx } from '@/ui/classes'
import { Menu, MenuItem } from '@/ui/floating'
import { breakdownText, nullValue, otherValue } from '../breakdown'
import { seriesColour } from '../colours'
import { derivedName, type Line } from './results'
import type { TrendsState } from './state'

const rowLimit = 200

/** The chart's twin: every number, each a door to the persons behind it. */
export function ResultTable({ lines, state, onOpen, onChange, buckets = false }: { lines: Line[]; state: TrendsState; onOpen: (line: Line, bucket?: number) => void; onChange: (state: TrendsState) => void; buckets?: boolean }) {
    const [down, setDown] = useState<boolean | null>(null)
    const days = buckets ? (lines[0]?.days ?? []) : []
    const compared = lines.some((line) => line.previous !== null)
    const rows = down === null ? lines : [...lines].sort((a, b) => (down ? b.total - a.total : a.total - b.total))
    const heading = state.breakdowns.length > 0 ? 'Value' : state.formulas.length > 0 ? 'Formula' : 'Series'
    const exportCsv = () => {
        const columns = [heading, 'Total', ...(compared ? ['Period before'] : []), ...days]
        const cells = rows.map((line) => [line.label, line.total, ...(compared ? [line.previous?.total ?? ''] : []), ...days.map((_, index) => line.data[index] ?? 0)])
        download(`${derivedName(state, (key) => key)}.csv`, 'text/csv', toCsv(columns, cells))
    }
    const th = 'row-line h-8 px-2.5 text-right text-sm font-[550] whitespace-nowrap text-ink-2'
    return (
        <div>
            <div className="max-h-[460px] overflow-auto" tabIndex={0} role="region" aria-label="Numbers of the answer">
                <table className="w-full border-collapse">
                    <thead className="sticky top-0 z-10 bg-surface">
                        <tr>
                            <th scope="col" className={cx(th, 'sticky left-0 bg-surface !pl-4 !text-left')}>
                                {heading}
                            </th>
                            <th scope="col" className={th} aria-sort={down === null ? undefined : down ? 'descending' : 'ascending'}>
                                <button type="button" className="hover:text-ink" onClick={() => setDown(down === null ? true : !down)}>
                                    Total{down === null ? '' : down ? ' ↓' : ' ↑'}
                                </button>
                            </th>
                            {compared ? (
                                <>
                                    <th scope="col" className={th}>
                                        Before
                                    </th>
                                    <th scope="col" className={th}>
                                        Change
                                    </th>
                                </>
                            ) : null}
                            {days.map((day) => (
                                <th key={day} scope="col" className={cx(th, 'font-[450] text-ink-3')}>
                                    {bucketLabel(day, state.interval)}
                                </th>
                            ))}
                            <th scope="col" className={cx(th, 'w-8 !pr-3')}>
                                <span className="sr-only">Actions</span>
                            </th>
                        </tr>
                    </thead>
                    <tbody>
                        {rows.slice(0, rowLimit).map((line) => {
                            const ratio = line.previous ? change(line.total, line.previous.total) : null
                            return (
                                <tr key={line.key} className="group/row hover:bg-sunken">
                                    <th scope="row" className="row-line sticky left-0 h-8 max-w-[280px] bg-surface py-0 pr-3 pl-4 text-left font-[450] group-last/row:border-0 group-hover/row:bg-sunken">
                                        <span className="flex items-center gap-2">
                                            <span aria-hidden className="size-[9px] shrink-0 rounded-[3px]" style={{ background: seriesColour(line.colour) }} />
                                            <span className="truncate" title={line.label} dir="auto">
                                                {line.label}
                                            </span>
                                        </span>
                                    </th>
                                    <td className="row-line px-2.5 text-right font-[560] group-last/row:border-0">
                                        <NumberCell value={line.total} onOpen={line.isFormula ? null : () => onOpen(line)} />
                                    </td>
                                    {compared ? (
                                        <>
                                            <td className="row-line px-2.5 text-right text-ink-2 group-last/row:border-0">{formatNumber(line.previous?.total)}</td>
                                            <td className={cx('row-line px-2.5 text-right group-last/row:border-0', ratio !== null && (ratio > 0 ? 'text-good' : ratio < 0 ? 'text-bad' : 'text-ink-3'))}>
                                                {ratio === null || Number.isNaN(ratio) ? '–' : formatChange(ratio)}
                                            </td>
                                        </>
                                    ) : null}
                                    {days.map((day, index) => (
                                        <td key={day} className="row-line px-2.5 text-right text-ink-2 group-last/row:border-0">
                                            <NumberCell value={line.data[index] ?? 0} onOpen={line.isFormula ? null : () => onOpen(line, index)} />
                                        </td>
                                    ))}
                                    <td className="row-line pr-2 text-right group-last/row:border-0">
                                        <RowMenu line={line} state={state} onChange={onChange} onOpen={onOpen} />
                                    </td>
                                </tr>
                            )
                        })}
                    </tbody>
                </table>
            </div>
            <div className="flex items-center justify-between gap-2 border-t border-line py-1.5 pr-2 pl-4 text-sm text-ink-3">
                <span>{lines.length > rowLimit ? `The first ${rowLimit} of ${lines.length}; the export has all` : `${lines.length} ${lines.length === 1 ? 'row' : 'rows'}`}</span>
                <Button kind="quiet" size="small" onClick={exportCsv}>
                    <Download className="size-3.5" aria-hidden /> Export CSV
                </Button>
            </div>
        </div>
    )
}

function NumberCell({ value, onOpen }: { value: number; onOpen: (() => void) | null }) {
    if (!onOpen || value === 0 || Number.isNaN(value)) return <>{formatNumber(value)}</>
    return (
        <button type="button" onClick={onOpen} className="rounded-sm decoration-line-strong underline-offset-4 hover:underline" title="Show the persons behind this number">
            {formatNumber(value)}
        </button>
    )
}

function RowMenu({ line, state, onChange, onOpen }: { line: Line; state: TrendsState; onChange: (state: TrendsState) => void; onOpen: (line: Line) => void }) {
    const values = Array.isArray(line.breakdown) ? line.breakdown : [line.breakdown]
    const plain = state.breakdowns.length > 0 && state.breakdowns.every((breakdown) => breakdown.type !== 'hogql') && !values.includes(otherValue)
    const narrow = (exclude: boolean) => {
        const filters = state.breakdowns.map((breakdown, index) => {
            const value = values[index]
            const missing = value === nullValue || value === null || value === undefined
            return {
                type: breakdown.type,
                key: breakdown.property,
                ...(breakdown.group_type_index === undefined ? {} : { group_type_index: breakdown.group_type_index }),
                operator: missing ? (exclude ? ('is_set' as const) : ('is_not_set' as const)) : exclude ? ('is_not' as const) : ('exact' as const),
                ...(missing ? {} : { value: [String(value)] }),
            }
        })
        onChange({ ...state, filters: [...state.filters, ...filters] })
    }
    if (!plain && line.isFormula) return null
    return (
        <Menu
            trigger={
                <IconButton label={`Actions for ${line.label}`} size="small" className="!h-[24px] !w-[24px] opacity-60 group-hover/row:opacity-100">
                    <Ellipsis aria-hidden />
                </IconButton>
            }
        >
            {line.isFormula ? null : <MenuItem onSelect={() => onOpen(line)}>Show the persons</MenuItem>}
            {plain ? (
                <>
                    <MenuItem onSelect={() => narrow(false)}>
                        <Filter aria-hidden /> Only {breakdownText(line.breakdown)}
                    </MenuItem>
                    {state.breakdowns.length === 1 ? (
                        <MenuItem onSelect={() => narrow(true)}>
                            <FilterX aria-hidden /> Leave out {breakdownText(line.breakdown)}
                        </MenuItem>
                    ) : null}
                </>
            ) : null}
        </Menu>
    )
}
