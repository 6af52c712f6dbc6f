import { keepPreviousData, queryOptions } from '@tanstack/react-query'
import { path, request } from './client'
import type { BlastRadius, EarlyAccessFeature, Explanation, FeatureFlag, FlagAnswer, FlagCondition, FlagReference, FlagVersion, ScheduledChange } from './flag-types'
import type { Paginated, Properties } from './types'

const flags = (projectId: number): string => `/api/projects/${projectId}/feature_flags`

export type FlagFilter = { search?: string; active?: 'true' | 'false' | 'STALE'; type?: string; tags?: string[]; runtime?: string; order?: string }

export const flagList = (projectId: number, filter: FlagFilter, offset: number, limit: number) =>
    queryOptions({
        queryKey: ['flags', projectId, filter, offset, limit],
        queryFn: ({ signal }) => {
            const { tags, runtime, ...rest } = filter
            const search = { ...rest, tags: tags?.length ? JSON.stringify(tags) : undefined, evaluation_runtime: runtime, limit, offset }
            return request<Paginated<FeatureFlag>>('GET', path(`${flags(projectId)}/`, search), undefined, signal)
        },
        placeholderData: keepPreviousData,
    })

export const flag = (projectId: number, id: number) =>
    queryOptions({
        queryKey: ['flag', projectId, id],
        queryFn: ({ signal }) => request<FeatureFlag>('GET', `${flags(projectId)}/${id}/`, undefined, signal),
    })

/** The keys of flags that others refer to by id. */
export const flagKeys = (projectId: number, ids: number[]) =>
    queryOptions({
        queryKey: ['flag-keys', projectId, ids],
        queryFn: async ({ signal }) => (await request<{ keys: Record<string, string> }>('POST', `${flags(projectId)}/bulk_keys/`, { ids }, signal)).keys,
        staleTime: 30_000,
    })

export const dependentFlags = (projectId: number, id: number) =>
    queryOptions({
        queryKey: ['flag-dependents', projectId, id],
        queryFn: async ({ signal }) => {
            const found = await request<FlagReference[] | { results: FlagReference[] }>('GET', `${flags(projectId)}/${id}/dependent_flags/`, undefined, signal)
            return Array.isArray(found) ? found : found.results
        },
    })

/** How many persons or groups a condition set matches before its rollout. */
export const blastRadius = (projectId: number, condition: FlagCondition, groupType: number | null) =>
    queryOptions({
        queryKey: ['blast-radius', projectId, condition.properties, groupType],
        queryFn: ({ signal }) =>
            request<BlastRadius>('POST', `${flags(projectId)}/user_blast_radius/`, { condition: { properties: condition.properties ?? [], rollout_percentage: 100 }, group_type_index: groupType }, signal),
        placeholderData: keepPreviousData,
        staleTime: 30_000,
        retry: false,
    })

/** Whether the flag still does something, and how one can tell. */
export const flagStatus = (projectId: number, id: number, version: number) =>
    queryOptions({
        queryKey: ['flag-status', projectId, id, version],
        queryFn: ({ signal }) => request<{ status: string; reason: string }>('GET', `${flags(projectId)}/${id}/status/`, undefined, signal),
    })

/** What every enabled flag answers a person, by key. */
export const flagAnswers = (projectId: number, distinctId: string) =>
    queryOptions({
        queryKey: ['flag-answers', projectId, distinctId],
        queryFn: ({ signal }) => request<Record<string, FlagAnswer>>('GET', path(`${flags(projectId)}/evaluation_reasons/`, { distinct_id: distinctId }), undefined, signal),
    })

export type ExplainFor = { distinct_id?: string; person_id?: string; person_properties?: Properties; groups?: Record<string, string> }

/** What a flag answers for somebody, and why; with `unsaved`, what it would answer once saved. */
export const explanation = (projectId: number, id: number | null, unsaved: Record<string, unknown> | null, who: ExplainFor) =>
    queryOptions({
        queryKey: ['flag-explanation', projectId, id, unsaved, who],
        queryFn: ({ signal }) => {
            const url = id === null ? `${flags(projectId)}/explain/` : `${flags(projectId)}/${id}/explain/`
            return request<Explanation>('POST', url, unsaved === null ? who : { ...who, flag: unsaved }, signal)
        },
        placeholderData: keepPreviousData,
        retry: false,
    })

export const flagVersions = (projectId: number, id: number) =>
    queryOptions({
        queryKey: ['flag-versions', projectId, id],
        queryFn: ({ signal }) => request<Paginated<FlagVersion>>('GET', `${flags(projectId)}/${id}/versions/`, undefined, signal),
    })

export const scheduledChanges = (projectId: number, id: number) =>
    queryOptions({
        queryKey: ['scheduled-changes', projectId, id],
        queryFn: ({ signal }) => request<Paginated<ScheduledChange>>('GET', path(`/api/projects/${projectId}/scheduled_changes/`, { model_name: 'FeatureFlag', record_id: id }), undefined, signal),
    })

export const earlyAccessList = (projectId: number) =>
    queryOptions({
        queryKey: ['early-access', projectId],
        queryFn: ({ signal }) => request<Paginated<EarlyAccessFeature>>('GET', path(`/api/projects/${projectId}/early_access_feature/`, { limit: 500 }), undefined, signal),
    })

export const earlyAccessFeature = (projectId: number, id: string) =>
    queryOptions({
        queryKey: ['early-access-feature', projectId, id],
        queryFn: ({ signal }) => request<EarlyAccessFeature>('GET', `/api/projects/${projectId}/early_access_feature/${id}/`, undefined, signal),
    })
