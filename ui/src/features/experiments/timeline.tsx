import { useQuery } from '@tanstack/react-query'
import { useMemo, useState } from 'react'
import { resultSeries } from '@/api/experiment-queries'
import type { Experiment, ExperimentMetric } from '@/api/experiment-types'
import { useProject } from '@/api/project'
import { Legend, TimeChart, type ChartLine } from '@/features/insights/public'
import { Failed, Skeleton } from '@/ui/states'
import { metricName } from './metric-draft'
import { effectText } from './verdict'

/** How each variant's effect moved from day to day. */
export function ResultTimeline({ experiment, metric }: { experiment: Experiment; metric: ExperimentMetric }) {
    const project = useProject()
    const [highlighted, setHighlighted] = useState<string | null>(null)
    const found = useQuery(resultSeries(project.id, experiment.id, metric.uuid))
    const lines = useMemo((): ChartLine[] => {
        const entries = Object.entries(found.data?.timeseries ?? {}).sort(([a], [b]) => a.localeCompare(b))
        const days = entries.map(([day]) => day)
        const keys = [...new Set(entries.flatMap(([, result]) => result?.variant_results.map((variant) => variant.key) ?? []))]
        return keys.map((key, index) => ({ key, label: key, colour: index + 1, days, data: entries.map(([, result]) => result?.variant_results.find((variant) => variant.key === key)?.effect ?? NaN), previous: null }))
    }, [found.data])
    if (found.isError) return <Failed what="The days could not be computed" error={found.error} onRetry={() => void found.refetch()} className="!py-5" />
    return (
        <div className="border-t border-line p-4">
            {found.isPending ? (
                <Skeleton className="h-[290px]" />
            ) : lines.length === 0 ? (
                <p className="text-ink-3">There are no days with results yet.</p>
            ) : (
                <>
                    <TimeChart lines={lines} interval="day" kind="line" incomplete={experiment.end_date === null} highlighted={highlighted} label={`Effect over time: ${metricName(metric)}`} format={(value) => effectText(value, true)} />
                    <Legend lines={lines} hidden={0} highlighted={highlighted} onHighlight={setHighlighted} incomplete={false} compared={false} />
                </>
            )}
        </div>
    )
}
