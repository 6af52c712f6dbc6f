/** Experiments, their metrics and what came of them, as the REST API knows them. */

import type { FeatureFlag, FlagVariant } from './flag-types'
import type { PropertyFilter, UserBasic } from './types'

export type MetricGoal = 'increase' | 'decrease'
export type MetricType = 'mean' | 'funnel' | 'ratio' | 'retention'
export type WindowUnit = 'minute' | 'hour' | 'day'
export type MetricMath = 'total' | 'sum' | 'avg' | 'min' | 'max' | 'unique_session' | 'dau'

export type MetricSource = { kind: 'EventsNode'; event: string | null; name?: string; math?: MetricMath; math_property?: string; properties?: PropertyFilter[]; [other: string]: unknown }

export type ExperimentMetric = {
    kind: 'ExperimentMetric'
    uuid: string
    name?: string
    metric_type: MetricType
    goal?: MetricGoal
    conversion_window?: number
    conversion_window_unit?: WindowUnit
    source?: MetricSource
    lower_bound_percentile?: number
    upper_bound_percentile?: number
    series?: MetricSource[]
    funnel_order_type?: 'ordered' | 'unordered'
    numerator?: MetricSource
    denominator?: MetricSource
    start_event?: MetricSource
    completion_event?: MetricSource
    retention_window_start?: number
    retention_window_end?: number
    retention_window_unit?: 'day' | 'hour'
    start_handling?: 'first_seen' | 'last_seen'
    [other: string]: unknown
}

export type StatsConfig = {
    method?: 'bayesian' | 'frequentist'
    bayesian?: { ci_level?: number; difference_type?: 'relative' | 'absolute'; [other: string]: unknown }
    frequentist?: { alpha?: number; difference_type?: 'relative' | 'absolute'; sequential_testing_enabled?: boolean; [other: string]: unknown }
    cuped?: { enabled?: boolean; lookback_days?: number }
    [other: string]: unknown
}

export type ExposureCriteria = {
    filterTestAccounts?: boolean
    exposure_config?: { kind: 'ExperimentEventExposureConfig'; event: string; properties?: PropertyFilter[] } | null
    multiple_variant_handling?: 'exclude' | 'first_seen'
    [other: string]: unknown
}

export type ExperimentStatus = 'draft' | 'running' | 'paused' | 'stopped'
export type Conclusion = 'won' | 'lost' | 'inconclusive' | 'stopped_early' | 'invalid'

export type Experiment = {
    id: number
    name: string
    description: string | null
    feature_flag_key: string
    feature_flag: FeatureFlag | null
    holdout: Holdout | null
    holdout_id: number | null
    start_date: string | null
    end_date: string | null
    archived: boolean
    deleted: boolean
    parameters: { feature_flag_variants?: FlagVariant[]; rollout_percentage?: number; minimum_detectable_effect?: number; [other: string]: unknown } | null
    exposure_criteria: ExposureCriteria | null
    metrics: ExperimentMetric[]
    metrics_secondary: ExperimentMetric[]
    saved_metrics: AttachedMetric[]
    stats_config: StatsConfig | null
    only_count_matured_users: boolean
    conclusion: Conclusion | null
    conclusion_comment: string | null
    status?: ExperimentStatus
    created_by: UserBasic | null
    created_at: string
    updated_at: string
}

/** A shared metric as an experiment holds it. */
export type AttachedMetric = { id: number; saved_metric: number; name: string; query: ExperimentMetric; metadata: { type?: 'primary' | 'secondary' } | null }

export type SharedMetric = { id: number; name: string; description: string | null; query: ExperimentMetric; created_by: UserBasic | null; created_at: string }

export type Holdout = { id: number; name: string; description: string | null; filters: { properties: PropertyFilter[]; rollout_percentage: number; variant?: string }[]; created_at?: string }

export type ValidationFailure = 'not-enough-exposures' | 'not-enough-metric-data' | 'baseline-mean-is-zero'

export type VariantSums = {
    key: string
    number_of_samples: number
    sum: number
    sum_squares: number
    mean?: number | null
    step_counts?: number[]
    denominator_sum?: number
    validation_failures: ValidationFailure[]
}

export type VariantResult = VariantSums & {
    method: 'bayesian' | 'frequentist'
    effect: number | null
    significant: boolean | null
    chance_to_win?: number | null
    credible_interval?: [number, number] | null
    p_value?: number | null
    confidence_interval?: [number, number] | null
}

export type MetricResult = { baseline: VariantSums; variant_results: VariantResult[]; date_range?: { date_from: string; date_to: string } }

export type Exposures = {
    timeseries: { variant: string; days: string[]; exposure_counts: number[] }[]
    total_exposures: Record<string, number>
    sample_ratio_mismatch: { expected: Record<string, number>; chi_square: number; p_value: number; is_mismatch: boolean } | null
    date_range: { date_from: string; date_to: string | null }
}

/** Results as they were at the end of each day; null where there were none yet. */
export type ResultSeries = { timeseries: Record<string, MetricResult | null>; status?: string }
