/** A metric while it is being edited. */

import type { ExperimentMetric, MetricGoal, MetricMath, MetricSource, MetricType, WindowUnit } from '@/api/experiment-types'
import { eventLabel } from '@/lib/known-names'

export const metricTypes: { value: MetricType; label: string; hint: string }[] = [
    { value: 'funnel', label: 'Conversion', hint: 'The share of those who saw a variant and then did these steps.' },
    { value: 'mean', label: 'Amount', hint: 'How much each of those who saw a variant did, on average.' },
    { value: 'ratio', label: 'Ratio', hint: 'One amount divided by another.' },
    { value: 'retention', label: 'Return', hint: 'The share of those who did one thing and came back to do another.' },
]

export const maths: { value: MetricMath; label: string; property?: boolean }[] = [
    { value: 'total', label: 'Number of events' },
    { value: 'sum', label: 'Sum of', property: true },
    { value: 'avg', label: 'Average of', property: true },
    { value: 'min', label: 'Minimum of', property: true },
    { value: 'max', label: 'Maximum of', property: true },
    { value: 'unique_session', label: 'Number of sessions' },
    { value: 'dau', label: 'Whether at all' },
]

export const windowUnits: { value: WindowUnit; label: string }[] = [
    { value: 'minute', label: 'minutes' },
    { value: 'hour', label: 'hours' },
    { value: 'day', label: 'days' },
]

export const emptySource: MetricSource = { kind: 'EventsNode', event: null }

export const needsProperty = (source: MetricSource | undefined): boolean => maths.some((math) => math.value === source?.math && math.property)

export function freshMetric(uuid: string): ExperimentMetric {
    return { kind: 'ExperimentMetric', uuid, metric_type: 'funnel', goal: 'increase', series: [emptySource] }
}

/** The same metric measured in another way: events that were chosen stay. */
export function withType(metric: ExperimentMetric, type: MetricType): ExperimentMetric {
    const first = metric.series?.[0] ?? metric.source ?? metric.numerator ?? metric.completion_event ?? emptySource
    const second = metric.series?.[1] ?? metric.denominator ?? metric.start_event ?? emptySource
    const base: ExperimentMetric = { kind: 'ExperimentMetric', uuid: metric.uuid, name: metric.name, goal: metric.goal, metric_type: type, ...(metric.conversion_window ? { conversion_window: metric.conversion_window, conversion_window_unit: metric.conversion_window_unit } : {}) }
    switch (type) {
        case 'funnel':
            return { ...base, series: (metric.series ?? [first]).map(plain) }
        case 'mean':
            return { ...base, source: { ...first, math: first.math ?? 'total' } }
        case 'ratio':
            return { ...base, numerator: { ...first, math: first.math ?? 'total' }, denominator: { ...second, math: second.math ?? 'total' } }
        case 'retention':
            return { ...base, start_event: plain(second), completion_event: plain(first), retention_window_start: 1, retention_window_end: 7, retention_window_unit: 'day', start_handling: 'first_seen' }
    }
}

const plain = ({ math: _, math_property: __, ...source }: MetricSource): MetricSource => source

export function sourcesOf(metric: ExperimentMetric): MetricSource[] {
    switch (metric.metric_type) {
        case 'funnel':
            return metric.series ?? []
        case 'mean':
            return metric.source ? [metric.source] : []
        case 'ratio':
            return [metric.numerator, metric.denominator].filter((source) => source !== undefined)
        case 'retention':
            return [metric.start_event, metric.completion_event].filter((source) => source !== undefined)
    }
}

export function metricProblem(metric: ExperimentMetric): string | null {
    const sources = sourcesOf(metric)
    if (sources.length === 0 || sources.some((source) => source.event === null && metric.metric_type !== 'mean' && metric.metric_type !== 'ratio')) return 'Choose the events.'
    if (sources.some((source) => needsProperty(source) && !source.math_property)) return 'Choose the property whose values count.'
    if (metric.metric_type === 'retention' && (metric.retention_window_end ?? 0) < (metric.retention_window_start ?? 0)) return 'The window ends before it begins.'
    return null
}

const eventName = (source: MetricSource | undefined): string => (source?.event ? eventLabel(source.event) : 'any event')

/** What the metric is called while nobody gave it a name. */
export function metricName(metric: ExperimentMetric): string {
    if (metric.name) return metric.name
    switch (metric.metric_type) {
        case 'funnel':
            return `Conversion to ${(metric.series ?? []).map(eventName).join(' → ')}`
        case 'mean':
            return amountName(metric.source)
        case 'ratio':
            return `${amountName(metric.numerator)} / ${amountName(metric.denominator)}`
        case 'retention':
            return `${eventName(metric.start_event)}, then ${eventName(metric.completion_event)} within ${metric.retention_window_start}–${metric.retention_window_end} ${metric.retention_window_unit ?? 'day'}s`
    }
}

function amountName(source: MetricSource | undefined): string {
    const math = maths.find((known) => known.value === (source?.math ?? 'total'))
    return math?.property ? `${math.label} ${source?.math_property ?? '…'} of ${eventName(source)}` : `${math?.label ?? 'Number of events'}: ${eventName(source)}`
}

export const goals: { value: MetricGoal; label: string }[] = [
    { value: 'increase', label: 'Higher is better' },
    { value: 'decrease', label: 'Lower is better' },
]
