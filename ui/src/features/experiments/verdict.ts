/** What a result says, in words and numbers for people. */

import type { ExperimentMetric, MetricResult, ValidationFailure, VariantResult, VariantSums } from '@/api/experiment-types'
import { formatChange, formatNumber } from '@/lib/numbers'

export const failureText: Record<ValidationFailure, string> = {
    'not-enough-exposures': 'Fewer than 50 have seen it.',
    'not-enough-metric-data': 'Fewer than 5 conversions.',
    'baseline-mean-is-zero': 'The baseline is zero, so nothing can be compared with it.',
}

export const interval = (result: VariantResult): [number, number] | null => result.credible_interval ?? result.confidence_interval ?? null

/** A share for conversions, a plain number for everything else. */
export function valueText(metric: ExperimentMetric, sums: VariantSums): string {
    const mean = sums.mean ?? (sums.number_of_samples > 0 ? sums.sum / sums.number_of_samples : null)
    if (mean === null) return '–'
    return isShare(metric) ? `${formatNumber(mean * 100)}%` : formatNumber(mean)
}

export const isShare = (metric: ExperimentMetric): boolean => metric.metric_type === 'funnel' || metric.metric_type === 'retention'

/** What the value was made of: "130 of 1,000". */
export function madeOf(metric: ExperimentMetric, sums: VariantSums): string {
    if (metric.metric_type === 'ratio') return `${formatNumber(sums.sum)} / ${formatNumber(sums.denominator_sum)}`
    if (isShare(metric)) return `${formatNumber(sums.sum)} of ${formatNumber(metric.metric_type === 'retention' && sums.denominator_sum !== undefined ? sums.denominator_sum : sums.number_of_samples)}`
    return `${formatNumber(sums.sum)} by ${formatNumber(sums.number_of_samples)}`
}

export const effectText = (effect: number | null, relative: boolean): string => (effect === null ? '–' : relative ? formatChange(effect) : `${effect > 0 ? '+' : ''}${formatNumber(effect)}`)

/** A small p value is said to be small, not zero. */
export const chance = (probability: number): string => (probability > 0.9999 ? '>99.99%' : probability < 0.0001 ? '<0.01%' : `${formatNumber(Math.round(probability * 10_000) / 100)}%`)
export const pText = (p: number): string => (p < 0.0001 ? '<0.0001' : p.toFixed(4))

export type Verdict = { tone: 'good' | 'bad' | 'idle'; text: string }

/** Whether a variant is better, by the rule that the experiment's statistics use. */
export function verdictOf(metric: ExperimentMetric, result: VariantResult): Verdict {
    if (result.validation_failures.length > 0 || result.effect === null) return { tone: 'idle', text: 'Not enough data yet' }
    if (!result.significant) return { tone: 'idle', text: 'No clear difference yet' }
    const better = (metric.goal ?? 'increase') === 'increase' ? result.effect > 0 : result.effect < 0
    return better ? { tone: 'good', text: 'Better' } : { tone: 'bad', text: 'Worse' }
}

/** The range that all intervals of one metric are drawn in: symmetric, so that no effect is in the middle. */
export function reach(results: VariantResult[]): number {
    const ends = results.flatMap((result) => interval(result) ?? []).map(Math.abs)
    return ends.length === 0 ? 1 : Math.max(...ends, 1e-9) * 1.1
}

/** The best variant by its verdicts over all primary metrics, when there is one to recommend. */
export function leader(results: { metric: ExperimentMetric; result: MetricResult }[]): string | null {
    const score = new Map<string, number>()
    for (const { metric, result } of results) {
        for (const variant of result.variant_results) {
            const { tone } = verdictOf(metric, variant)
            score.set(variant.key, (score.get(variant.key) ?? 0) + (tone === 'good' ? 1 : tone === 'bad' ? -10 : 0))
        }
    }
    const [best] = [...score].sort((a, b) => b[1] - a[1])
    return best && best[1] > 0 ? best[0] : null
}
