import { keepPreviousData, queryOptions } from '@tanstack/react-query'
import { path, request } from './client'
import type { Experiment, ExperimentMetric, Exposures, Holdout, MetricResult, ResultSeries, SharedMetric } from './experiment-types'
import type { Paginated } from './types'

export const experimentsUrl = (projectId: number): string => `/api/projects/${projectId}/experiments`

export type ExperimentFilter = { search?: string; status?: string; archived?: boolean }

export const experimentList = (projectId: number, filter: ExperimentFilter, offset: number, limit: number) =>
    queryOptions({
        queryKey: ['experiments', projectId, filter, offset, limit],
        queryFn: ({ signal }) => request<Paginated<Experiment>>('GET', path(`${experimentsUrl(projectId)}/`, { ...filter, limit, offset }), undefined, signal),
        placeholderData: keepPreviousData,
    })

export const experiment = (projectId: number, id: number) =>
    queryOptions({
        queryKey: ['experiment', projectId, id],
        queryFn: ({ signal }) => request<Experiment>('GET', `${experimentsUrl(projectId)}/${id}/`, undefined, signal),
    })

const ask = <R>(projectId: number, query: unknown, signal: AbortSignal): Promise<R> => request<R>('POST', `/api/projects/${projectId}/query/`, { query, refresh: 'blocking' }, signal)

/** `asOf` stands for the experiment's state: results are asked anew when it changes. */
export const metricResult = (projectId: number, id: number, metric: ExperimentMetric, asOf: string) =>
    queryOptions({
        queryKey: ['experiment-result', projectId, id, metric, asOf],
        queryFn: ({ signal }) => ask<MetricResult>(projectId, { kind: 'ExperimentQuery', experiment_id: id, metric }, signal),
        placeholderData: keepPreviousData,
        retry: false,
    })

export const exposures = (projectId: number, id: number, asOf: string) =>
    queryOptions({
        queryKey: ['experiment-exposures', projectId, id, asOf],
        queryFn: ({ signal }) => ask<Exposures>(projectId, { kind: 'ExperimentExposureQuery', experiment_id: id }, signal),
        placeholderData: keepPreviousData,
        retry: false,
    })

export const resultSeries = (projectId: number, id: number, metric: string) =>
    queryOptions({
        queryKey: ['experiment-series', projectId, id, metric],
        queryFn: ({ signal }) => request<ResultSeries>('GET', path(`${experimentsUrl(projectId)}/${id}/timeseries_results/`, { metric_uuid: metric }), undefined, signal),
        retry: false,
    })

export const holdouts = (projectId: number) =>
    queryOptions({
        queryKey: ['holdouts', projectId],
        queryFn: ({ signal }) => request<Paginated<Holdout>>('GET', path(`/api/projects/${projectId}/experiment_holdouts/`, { limit: 200 }), undefined, signal),
    })

export const sharedMetrics = (projectId: number) =>
    queryOptions({
        queryKey: ['shared-metrics', projectId],
        queryFn: ({ signal }) => request<Paginated<SharedMetric>>('GET', path(`/api/projects/${projectId}/experiment_saved_metrics/`, { limit: 200 }), undefined, signal),
    })

/** A metric before the experiment; a conversion's value is a share from 0 to 1. */
export type SizeQuestion = { metric_type: 'funnel' | 'mean_count' | 'mean_sum_or_avg'; baseline_value?: number; minimum_detectable_effect?: number; number_of_variants: number; exposures_per_day?: number }

export const runningTime = (projectId: number, question: SizeQuestion) =>
    queryOptions({
        queryKey: ['running-time', projectId, question],
        queryFn: ({ signal }) => request<{ recommended_sample_size: number; recommended_running_time: number | null }>('POST', `${experimentsUrl(projectId)}/calculate_running_time/`, question, signal),
        placeholderData: keepPreviousData,
        retry: false,
    })
