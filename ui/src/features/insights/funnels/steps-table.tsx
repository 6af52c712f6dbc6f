import { Download } from 'lucide-react'
import { download, toCsv } from '@/lib/csv'
import { formatNumber } from '@/lib/numbers'
import { formatSeconds } from '@/lib/time'
import { Button } from '@/ui/button'
import { cx } from '@/ui/classes'
import { seriesColour } from '../colours'
import { percent, type Funnel, type Step } from './results'
import type { OpenStep } from './steps-chart'

const rowLimit = 100
const th = 'row-line h-8 px-2.5 text-right text-sm font-[550] whitespace-nowrap text-ink-2'
const td = 'row-line px-2.5 text-right whitespace-nowrap group-last/row:border-0'
const seconds = (value: number | null): string => (value === null ? '–' : formatSeconds(value))

/** The chart's twin: a row for each step, or for each value and step. */
export function StepsTable({ funnels, name, onOpen }: { funnels: Funnel[]; name: string; onOpen: OpenStep }) {
    const several = funnels.length > 1
    const rows = funnels.slice(0, rowLimit).flatMap((funnel) => funnel.steps.map((step) => ({ funnel, step })))
    const exportCsv = () => {
        const columns = [...(several ? ['Value'] : []), 'Step', 'Name', 'Count', 'Of the first', 'Of the one before', 'Dropped', 'Median seconds', 'Average seconds']
        const cells = funnels.flatMap((funnel) =>
            funnel.steps.map((step) => [...(several ? [funnel.label] : []), step.number, step.name, step.count, step.ofFirst, step.ofPrevious, step.dropped, step.medianSeconds, step.averageSeconds])
        )
        download(`${name}.csv`, 'text/csv', toCsv(columns, cells))
    }
    return (
        <div>
            <div className="max-h-[460px] overflow-auto" tabIndex={0} role="region" aria-label="Numbers of the answer">
                <table className="w-full border-collapse">
                    <thead className="sticky top-0 z-10 bg-surface">
                        <tr>
                            <th scope="col" className={cx(th, '!pl-4 !text-left')}>
                                {several ? 'Value and step' : 'Step'}
                            </th>
                            {['Here', 'Of first', 'Of previous', 'Dropped', 'Median', 'Average'].map((label) => (
                                <th key={label} scope="col" className={cx(th, 'last:!pr-4')}>
                                    {label}
                                </th>
                            ))}
                        </tr>
                    </thead>
                    <tbody>
                        {rows.map(({ funnel, step }) => (
                            <StepRow key={`${funnel.key}-${step.number}`} funnel={funnel} step={step} several={several} onOpen={onOpen} />
                        ))}
                    </tbody>
                </table>
            </div>
            <div className="flex items-center justify-between gap-2 border-t border-line py-1.5 pr-2 pl-4 text-sm text-ink-3">
                <span>{funnels.length > rowLimit ? `The first ${rowLimit} of ${funnels.length} values; the export has all` : several ? `${funnels.length} values` : `${rows.length} steps`}</span>
                <Button kind="quiet" size="small" onClick={exportCsv}>
                    <Download className="size-3.5" aria-hidden /> Export CSV
                </Button>
            </div>
        </div>
    )
}

function StepRow({ funnel, step, several, onOpen }: { funnel: Funnel; step: Step; several: boolean; onOpen: OpenStep }) {
    const door = (value: number, dropped: boolean) =>
        value === 0 ? (
            '0'
        ) : (
            <button type="button" className="rounded-sm decoration-line-strong underline-offset-4 hover:underline" title="Show the persons behind this number" onClick={() => onOpen(step, dropped, funnel)}>
                {formatNumber(value)}
            </button>
        )
    return (
        <tr className="group/row hover:bg-sunken">
            <th scope="row" className="row-line h-8 max-w-[300px] py-0 pr-3 pl-4 text-left font-[450] group-last/row:border-0">
                <span className="flex items-center gap-2">
                    <span aria-hidden className="size-[9px] shrink-0 rounded-[3px]" style={{ background: seriesColour(funnel.colour), opacity: several && step.number > 1 ? 0.45 : 1 }} />
                    <span className="truncate" dir="auto">
                        {several ? `${funnel.label}: ` : ''}
                        {step.number}. {step.name}
                    </span>
                </span>
            </th>
            <td className={cx(td, 'font-[560]')}>{door(step.count, false)}</td>
            <td className={td}>{percent(step.ofFirst)}</td>
            <td className={td}>{step.number === 1 ? '–' : percent(step.ofPrevious)}</td>
            <td className={cx(td, 'text-ink-2')}>{step.number === 1 ? '–' : door(step.dropped, true)}</td>
            <td className={cx(td, 'text-ink-2')}>{seconds(step.medianSeconds)}</td>
            <td className={cx(td, '!pr-4 text-ink-2')}>{seconds(step.averageSeconds)}</td>
        </tr>
    )
}
