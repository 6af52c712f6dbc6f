import { useQuery } from '@tanstack/react-query'
import { TriangleAlert } from 'lucide-react'
import { useMemo, useState } from 'react'
import { exposures as exposuresQuery } from '@/api/experiment-queries'
import type { Experiment, Exposures } from '@/api/experiment-types'
import { useProject } from '@/api/project'
import { seriesColour, TimeChart, type ChartLine } from '@/features/insights/public'
import { formatNumber } from '@/lib/numbers'
import { formatDate } from '@/lib/time'
import { Button } from '@/ui/button'
import { Panel } from '@/ui/panel'
import { Failed, Skeleton } from '@/ui/states'
import { asOf } from './metric-result'
import { pText } from './verdict'

const outside: Record<string, string> = { $multiple: 'Saw several variants; not counted' }

/** Who has seen which variant, and whether the groups are as large as they should be. */
export function ExposurePanel({ experiment }: { experiment: Experiment }) {
    const project = useProject()
    const [chart, setChart] = useState(false)
    const found = useQuery({ ...exposuresQuery(project.id, experiment.id, asOf(experiment)), enabled: experiment.start_date !== null })
    if (experiment.start_date === null) return null
    return (
        <Panel
            label="Exposures"
            title="Who has seen it"
            aside={
                <span className="flex items-center gap-2">
                    since {formatDate(experiment.start_date, project.timezone)}
                    <Button kind="quiet" size="small" aria-expanded={chart} onClick={() => setChart(!chart)}>
                        Over time
                    </Button>
                </span>
            }
        >
            {found.isError ? (
                <Failed what="The exposures could not be counted" error={found.error} onRetry={() => void found.refetch()} className="!py-5" />
            ) : found.data ? (
                <>
                    <Counts experiment={experiment} found={found.data} />
                    {chart ? <Chart found={found.data} running={experiment.end_date === null} /> : null}
                    <Mismatch found={found.data} />
                </>
            ) : (
                <div className="p-4">
                    <Skeleton className="h-[60px]" />
                </div>
            )}
        </Panel>
    )
}

function Counts({ experiment, found }: { experiment: Experiment; found: Exposures }) {
    // Variants in their order; the totals by themselves have none.
    const entries = found.timeseries.map((series): [string, number] => [series.variant, found.total_exposures[series.variant] ?? 0])
    const counted = entries.filter(([key]) => !key.startsWith('$') && !key.startsWith('holdout-')).reduce((all, [, number]) => all + number, 0)
    const wanted = new Map((experiment.parameters?.feature_flag_variants ?? []).map((variant) => [variant.key, variant.rollout_percentage]))
    if (counted === 0) {
        return (
            <p className="px-4 pb-4 text-ink-2">
                Nobody yet. Exposures are <code className="font-mono text-sm">$feature_flag_called</code> events of the flag <code className="font-mono text-sm">{experiment.feature_flag_key}</code>; SDKs send them when your code asks for it.
            </p>
        )
    }
    return (
        <ul className="flex flex-wrap gap-x-8 gap-y-3 px-4 pb-4">
            {entries.map(([key, number], index) => (
                <li key={key} className="min-w-[110px]">
                    <span className="flex items-center gap-1.5 text-sm text-ink-2">
                        <span aria-hidden className="size-[9px] rounded-[3px]" style={{ background: wanted.has(key) ? seriesColour(index) : 'var(--line-strong)' }} />
                        <span className="max-w-[200px] truncate" title={outside[key] ?? key}>
                            {key === '$multiple' ? 'several variants' : key}
                        </span>
                    </span>
                    <span className="block text-[22px] leading-tight font-[600]">{formatNumber(number)}</span>
                    <span className="block text-sm text-ink-3">{wanted.has(key) ? `${formatNumber((number / counted) * 100)}%, planned ${formatNumber(wanted.get(key))}%` : (outside[key] ?? 'held out')}</span>
                </li>
            ))}
        </ul>
    )
}

function Chart({ found, running }: { found: Exposures; running: boolean }) {
    const lines = useMemo((): ChartLine[] => found.timeseries.map((series, index) => ({ key: series.variant, label: series.variant, colour: index, days: series.days, data: series.exposure_counts, previous: null })), [found])
    return (
        <div className="border-t border-line p-4">
            <TimeChart lines={lines} interval="day" kind="line" incomplete={running} highlighted={null} label="Exposures over time" />
        </div>
    )
}

/** Groups that are not as large as they should be mean that something sorts people before they are counted. */
function Mismatch({ found }: { found: Exposures }) {
    const ratio = found.sample_ratio_mismatch
    if (!ratio?.is_mismatch) return null
    return (
        <div role="alert" className="m-4 mt-0 flex gap-2.5 rounded-md bg-warn-soft px-3 py-2.5 text-warn-ink">
            <TriangleAlert className="mt-0.5 size-4 shrink-0" aria-hidden />
            <p>
                The groups are not as large as planned, and chance does not explain it (p = {pText(ratio.p_value)}). Look for a redirect, a crash or a filter that loses people of one variant before the flag is recorded; until then the results cannot be trusted.
            </p>
        </div>
    )
}
