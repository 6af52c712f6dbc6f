import { useQuery } from '@tanstack/react-query'
import { useState, type ReactNode } from 'react'
import { metricResult } from '@/api/experiment-queries'
import type { Experiment, ExperimentMetric, MetricResult, VariantResult, VariantSums } from '@/api/experiment-types'
import { useProject } from '@/api/project'
import { Button } from '@/ui/button'
import { cx } from '@/ui/classes'
import { Chip, Panel } from '@/ui/panel'
import { Failed, Skeleton } from '@/ui/states'
import { IntervalBar } from './interval-bar'
import { metricName } from './metric-draft'
import { ResultTimeline } from './timeline'
import { chance, effectText, failureText, interval, madeOf, pText, reach, valueText, verdictOf } from './verdict'

/** What stands for the experiment as it is: results are asked anew when it changes. */
export const asOf = (experiment: Experiment): string => [experiment.start_date, experiment.end_date, experiment.updated_at].join(' ')

export const isRelative = (experiment: Experiment): boolean => {
    const config = experiment.stats_config
    const type = config?.method === 'frequentist' ? config.frequentist?.difference_type : config?.bayesian?.difference_type
    return type !== 'absolute'
}

/** One metric: a row for each variant, the baseline first. */
export function MetricPanel({ experiment, metric, shared, actions }: { experiment: Experiment; metric: ExperimentMetric; shared: boolean; actions: ReactNode }) {
    const project = useProject()
    const [timeline, setTimeline] = useState(false)
    const started = experiment.start_date !== null
    const found = useQuery({ ...metricResult(project.id, experiment.id, metric, asOf(experiment)), enabled: started })
    const name = metricName(metric)
    return (
        <Panel label={name} className="overflow-hidden">
            <div className="flex min-h-[44px] flex-wrap items-center gap-x-2 gap-y-1 px-4 py-1.5">
                <h3 className="min-w-0 truncate font-[600]" title={name} dir="auto">
                    {name}
                </h3>
                {shared ? <Chip>shared</Chip> : null}
                {metric.goal === 'decrease' ? <Chip>lower is better</Chip> : null}
                <span className="ml-auto flex items-center">
                    {started ? (
                        <Button kind="quiet" size="small" aria-expanded={timeline} onClick={() => setTimeline(!timeline)}>
                            Over time
                        </Button>
                    ) : null}
                    {actions}
                </span>
            </div>
            {!started ? (
                <p className="border-t border-line px-4 py-3 text-ink-3">Results show here once the experiment runs.</p>
            ) : found.isError ? (
                <Failed what="This metric could not be computed" error={found.error} onRetry={() => void found.refetch()} className="!py-5" />
            ) : found.data ? (
                <VariantTable experiment={experiment} metric={metric} result={found.data} dim={found.isPlaceholderData} />
            ) : (
                <div className="border-t border-line p-4">
                    <Skeleton className="h-[72px]" />
                </div>
            )}
            {timeline ? <ResultTimeline experiment={experiment} metric={metric} /> : null}
        </Panel>
    )
}

const cell = 'h-[46px] px-3 first:pl-4 last:pr-4'
/** A phone shows the interval below the change instead. */
const wide = 'hidden md:table-cell'

function VariantTable({ experiment, metric, result, dim }: { experiment: Experiment; metric: ExperimentMetric; result: MetricResult; dim: boolean }) {
    const bayesian = (experiment.stats_config?.method ?? 'bayesian') === 'bayesian'
    const range = reach(result.variant_results)
    const failure = result.baseline.validation_failures[0]
    return (
        <div className={cx('overflow-x-auto border-t border-line transition-opacity duration-[120ms]', dim && 'opacity-55')}>
            <table aria-label={`Results of ${metricName(metric)}`} className="w-full border-collapse md:min-w-[640px]">
                <thead>
                    <tr className="text-sm text-ink-2 [&>th]:row-line [&>th]:h-8 [&>th]:px-3 [&>th]:font-[550] [&>th:first-child]:pl-4 [&>th:last-child]:pr-4">
                        <th scope="col" className="text-left">
                            Variant
                        </th>
                        <th scope="col" className="text-right">
                            Value
                        </th>
                        <th scope="col" className="text-right">
                            {isRelative(experiment) ? 'Change' : 'Difference'}
                        </th>
                        <th scope="col" className={cx(wide, 'w-[36%] text-left')}>
                            {bayesian ? 'Credible interval' : 'Confidence interval'}
                        </th>
                        <th scope="col" className={cx(wide, 'text-right')}>
                            {bayesian ? 'Chance to win' : 'p value'}
                        </th>
                        <th scope="col" className={cx(wide, 'text-left')}>
                            Verdict
                        </th>
                    </tr>
                </thead>
                <tbody>
                    <tr className="row-line">
                        <VariantCell metric={metric} sums={result.baseline} note="baseline" />
                        <td className={cx(cell, 'text-sm text-ink-3')} colSpan={4}>
                            {failure ? failureText[failure] : null}
                        </td>
                    </tr>
                    {result.variant_results.map((variant) => (
                        <VariantRow key={variant.key} experiment={experiment} metric={metric} variant={variant} range={range} />
                    ))}
                </tbody>
            </table>
        </div>
    )
}

function VariantCell({ metric, sums, note, below }: { metric: ExperimentMetric; sums: VariantSums; note?: string; below?: ReactNode }) {
    return (
        <>
            <th scope="row" className={cx(cell, 'max-w-[140px] text-left font-[550] sm:max-w-[220px]')} title={sums.key}>
                <span className="block truncate">
                    {sums.key} {note ? <span className="font-normal text-ink-3">{note}</span> : null}
                </span>
                {below}
            </th>
            <td className={cx(cell, 'text-right whitespace-nowrap')}>
                <span className="block font-[550]">{valueText(metric, sums)}</span>
                <span className="block text-xs text-ink-3">{madeOf(metric, sums)}</span>
            </td>
        </>
    )
}

function VariantRow({ experiment, metric, variant, range }: { experiment: Experiment; metric: ExperimentMetric; variant: VariantResult; range: number }) {
    const verdict = verdictOf(metric, variant)
    const ends = interval(variant)
    const relative = isRelative(experiment)
    const failure = variant.validation_failures[0]
    const toneClass = { good: 'font-[550] text-good', bad: 'font-[550] text-bad', idle: 'text-ink-2' }[verdict.tone]
    const between = ends ? `${effectText(ends[0], relative)} to ${effectText(ends[1], relative)}` : ''
    return (
        <tr className="row-line last:border-0">
            <VariantCell metric={metric} sums={variant} below={<span className={cx('block truncate text-xs font-normal md:hidden', toneClass)}>{verdict.text}</span>} />
            <td className={cx(cell, 'text-right font-[550] whitespace-nowrap', verdict.tone === 'good' && 'text-good', verdict.tone === 'bad' && 'text-bad')}>
                <span className="block">{effectText(variant.effect, relative)}</span>
                {ends ? <span className="block text-xs font-normal text-ink-3 md:hidden">{between}</span> : null}
            </td>
            <td className={cx(cell, wide)}>
                {ends && variant.effect !== null ? (
                    <div className="flex items-center gap-3">
                        <IntervalBar from={ends[0]} to={ends[1]} at={variant.effect} reach={range} tone={verdict.tone} label={`Interval from ${between}`} />
                        <span className="w-[118px] shrink-0 text-right text-xs whitespace-nowrap text-ink-3">{between}</span>
                    </div>
                ) : (
                    <span className="text-sm text-ink-3">{failure ? failureText[failure] : null}</span>
                )}
            </td>
            <td className={cx(cell, wide, 'text-right whitespace-nowrap')}>{variant.chance_to_win !== null && variant.chance_to_win !== undefined ? chance(variant.chance_to_win) : variant.p_value !== null && variant.p_value !== undefined ? pText(variant.p_value) : '–'}</td>
            <td className={cx(cell, wide, 'whitespace-nowrap')}>
                <span className={cx('text-sm', toneClass)}>{verdict.text}</span>
            </td>
        </tr>
    )
}
