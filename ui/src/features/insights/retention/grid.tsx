import { formatNumber, formatShort } from '@/lib/numbers'
import { cx } from '@/ui/classes'
import { percent } from '../funnels/results'
import { heat, type Block, type Cell, type Cohort } from './results'

const striped = 'repeating-linear-gradient(-45deg, transparent 0 4px, var(--surface) 4px 5px)'

/** Deep enough to see at a glance, and never so deep that the number on it cannot be read. */
const colour = (strength: number): string => `color-mix(in oklch, var(--s1) ${Math.round(strength * 58)}%, var(--surface))`

/** A row for everybody who started in one period; the further right, the later. */
export function RetentionGrid({ block, name, rowName, noun, onOpen }: { block: Block; name: (cohort: Cohort) => string; rowName: (cohort: Cohort) => string; noun: string; onOpen: (cohort: Cohort, row: number, column: number) => void }) {
    const th = 'h-8 px-1.5 text-sm font-[550] whitespace-nowrap text-ink-2'
    return (
        <div className="overflow-x-auto px-2.5 pb-2.5" tabIndex={0} role="region" aria-label={`Retention grid${block.value === undefined ? '' : ` of ${block.label}`}`}>
            <table className="w-full border-separate border-spacing-[2px]">
                <thead>
                    <tr>
                        <th scope="col" className={cx(th, 'sticky left-0 z-10 bg-surface text-left')}>
                            Started
                        </th>
                        <th scope="col" className={cx(th, 'text-right')}>
                            {noun.charAt(0).toUpperCase() + noun.slice(1)}
                        </th>
                        {block.columns.slice(1).map((column) => (
                            <th key={column} scope="col" className={cx(th, 'min-w-[54px] text-center')}>
                                {column}
                            </th>
                        ))}
                    </tr>
                </thead>
                <tbody>
                    <tr>
                        <th scope="row" className="sticky left-0 z-10 h-8 bg-surface px-1.5 text-left font-[560] whitespace-nowrap">
                            All together
                        </th>
                        <td className="px-1.5 text-right font-[560]">{formatShort(block.cohorts.reduce((sum, cohort) => sum + cohort.size, 0))}</td>
                        {block.mean.slice(1).map((share, column) => (
                            <td key={column} className="rounded-[4px] text-center font-[560]" style={{ background: share === null ? undefined : colour(heat(share, block)) }}>
                                {share === null ? <span className="text-ink-3">–</span> : percent(share)}
                            </td>
                        ))}
                    </tr>
                    {block.cohorts.map((cohort, row) => (
                        <tr key={cohort.key}>
                            <th scope="row" className="sticky left-0 z-10 h-8 bg-surface px-1.5 text-left font-[450] whitespace-nowrap">
                                {rowName(cohort)}
                            </th>
                            <td className="px-1.5 text-right">
                                {cohort.size === 0 ? (
                                    <span className="text-ink-3">0</span>
                                ) : (
                                    <button type="button" title={`Show these ${noun}`} className="rounded-sm decoration-line-strong underline-offset-4 hover:underline" onClick={() => onOpen(cohort, row, 0)}>
                                        {formatNumber(cohort.size)}
                                    </button>
                                )}
                            </td>
                            {cohort.cells.slice(1).map((cell, index) => (
                                <HeatCell
                                    key={index}
                                    cell={cell}
                                    empty={cohort.size === 0}
                                    strength={heat(cell.share, block)}
                                    label={`${formatNumber(cell.count)} of ${formatNumber(cohort.size)} ${noun} who started ${name(cohort)} came back on ${block.columns[index + 1]?.toLowerCase()}${cell.state === 'partial' ? ' so far' : ''}`}
                                    onOpen={() => onOpen(cohort, row, index + 1)}
                                />
                            ))}
                        </tr>
                    ))}
                </tbody>
            </table>
        </div>
    )
}

function HeatCell({ cell, empty, strength, label, onOpen }: { cell: Cell; empty: boolean; strength: number; label: string; onOpen: () => void }) {
    if (cell.state === 'unknown') return <td aria-label="not known yet" />
    if (empty) return <td className="rounded-[4px] bg-sunken" aria-label="nobody started" />
    const background = cell.state === 'partial' ? `${striped}, ${colour(strength)}` : colour(strength)
    return (
        <td className="p-0">
            <button type="button" disabled={cell.count === 0} title={label} aria-label={`${percent(cell.share)}: ${label}`} onClick={onOpen} className="h-8 w-full rounded-[4px] text-center text-sm hover:outline-2 hover:outline-ink-3 focus-visible:-outline-offset-2 disabled:cursor-default disabled:hover:outline-0" style={{ background }}>
                {percent(cell.share)}
            </button>
        </td>
    )
}
