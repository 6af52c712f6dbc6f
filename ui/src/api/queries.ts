import { keepPreviousData, queryOptions } from '@tanstack/react-query'
import { path, request } from './client'
import type {
    AnyQuery,
    EventDefinition,
    Group,
    GroupType,
    IngestionHealth,
    IngestionLag,
    IngestionWarning,
    Insight,
    Invite,
    InviteInfo,
    Member,
    Paginated,
    Person,
    PersonalApiKey,
    Preflight,
    Project,
    PropertyDefinition,
    PropertyFilter,
    QueryResponse,
    User,
} from './types'

const project = (id: number): string => `/api/projects/${id}`

export const preflight = queryOptions({
    queryKey: ['preflight'],
    queryFn: ({ signal }) => request<Preflight>('GET', '/_preflight/', undefined, signal),
    staleTime: 60_000,
})

export const me = queryOptions({
    queryKey: ['me'],
    queryFn: ({ signal }) => request<User>('GET', '/api/users/@me/', undefined, signal),
    staleTime: 60_000,
    retry: false,
})

export const projectDetails = (id: number) =>
    queryOptions({
        queryKey: ['project', id],
        queryFn: ({ signal }) => request<Project>('GET', `${project(id)}/`, undefined, signal),
        staleTime: 60_000,
    })

export const inviteInfo = (id: string) =>
    queryOptions({
        queryKey: ['invite', id],
        queryFn: ({ signal }) => request<InviteInfo>('GET', `/api/signup/${encodeURIComponent(id)}/`, undefined, signal),
        retry: false,
    })

export function runQuery<R>(projectId: number, query: AnyQuery, options: { refresh?: string; id?: string; signal?: AbortSignal } = {}): Promise<QueryResponse<R>> {
    const body = { query, refresh: options.refresh, client_query_id: options.id }
    return request<QueryResponse<R>>('POST', `${project(projectId)}/query/`, body, options.signal)
}

/** Runs a node; leaving the page or changing the question cancels it, here and on the server. */
export const queryNode = <R>(projectId: number, query: AnyQuery, refresh = 'blocking') =>
    queryOptions({
        queryKey: ['query', projectId, query],
        queryFn: async ({ signal }) => {
            const id = crypto.randomUUID()
            const started = performance.now()
            signal.addEventListener('abort', () => void cancelQuery(projectId, id))
            const response = await runQuery<R>(projectId, query, { refresh, id, signal })
            return { ...response, took_ms: performance.now() - started }
        },
        placeholderData: keepPreviousData,
        retry: false,
    })

export function cancelQuery(projectId: number, id: string): Promise<void> {
    return request<void>('DELETE', `${project(projectId)}/query/${id}/`).catch(() => undefined)
}

export const personList = (projectId: number, search: string, properties: PropertyFilter[], offset: number, limit: number) =>
    queryOptions({
        queryKey: ['persons', projectId, search, properties, offset, limit],
        queryFn: ({ signal }) =>
            request<Paginated<Person>>(
                'GET',
                path(`${project(projectId)}/persons/`, { search, limit, offset, properties: properties.length ? JSON.stringify(properties) : undefined }),
                undefined,
                signal
            ),
        placeholderData: keepPreviousData,
    })

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

/** A person by uuid, or by any of their distinct ids. */
export const person = (projectId: number, id: string) =>
    queryOptions({
        queryKey: ['person', projectId, id],
        queryFn: async ({ signal }) => {
            if (uuid.test(id)) {
                try {
                    return await request<Person>('GET', `${project(projectId)}/persons/${id}/`, undefined, signal)
                } catch {
                    // A distinct id may look like a uuid as well.
                }
            }
            const found = await request<Paginated<Person>>('GET', path(`${project(projectId)}/persons/`, { distinct_id: id }), undefined, signal)
            return found.results[0] ?? null
        },
        retry: false,
    })

export const groupTypes = (projectId: number) =>
    queryOptions({
        queryKey: ['group-types', projectId],
        queryFn: async ({ signal }) => {
            const found = await request<GroupType[] | Paginated<GroupType>>('GET', `${project(projectId)}/groups_types/`, undefined, signal)
            return Array.isArray(found) ? found : found.results
        },
        staleTime: 60_000,
    })

export const groupList = (projectId: number, index: number, search: string, cursor: string | null) =>
    queryOptions({
        queryKey: ['groups', projectId, index, search, cursor],
        queryFn: ({ signal }) =>
            request<Paginated<Group>>('GET', path(`${project(projectId)}/groups/`, { group_type_index: index, search, cursor }), undefined, signal),
        placeholderData: keepPreviousData,
    })

export const group = (projectId: number, index: number, key: string) =>
    queryOptions({
        queryKey: ['group', projectId, index, key],
        queryFn: ({ signal }) =>
            request<Group>('GET', path(`${project(projectId)}/groups/find/`, { group_type_index: index, group_key: key }), undefined, signal),
        retry: false,
    })

export const eventDefinitions = (projectId: number, search: string, options: { limit?: number; hidden?: boolean } = {}) =>
    queryOptions({
        queryKey: ['event-definitions', projectId, search, options],
        queryFn: ({ signal }) =>
            request<Paginated<EventDefinition>>(
                'GET',
                path(`${project(projectId)}/event_definitions/`, { search, limit: options.limit ?? 100, exclude_hidden: options.hidden ? undefined : true }),
                undefined,
                signal
            ),
        placeholderData: keepPreviousData,
        staleTime: 15_000,
    })

export type PropertyOwner = { type: 'event' | 'person' | 'session' } | { type: 'group'; index: number }

export const propertyDefinitions = (projectId: number, owner: PropertyOwner, search: string, options: { events?: string[]; onlySeen?: boolean; numerical?: boolean; limit?: number; hidden?: boolean } = {}) =>
    queryOptions({
        queryKey: ['property-definitions', projectId, owner, search, options],
        queryFn: ({ signal }) =>
            request<Paginated<PropertyDefinition>>(
                'GET',
                path(`${project(projectId)}/${owner.type === 'session' ? 'sessions/property_definitions' : 'property_definitions'}/`, {
                    type: owner.type === 'session' ? undefined : owner.type,
                    group_type_index: owner.type === 'group' ? owner.index : undefined,
                    search,
                    limit: options.limit ?? 100,
                    is_numerical: options.numerical ? true : undefined,
                    event_names: options.events?.length ? JSON.stringify(options.events) : undefined,
                    filter_by_event_names: options.onlySeen ? true : undefined,
                    exclude_hidden: options.hidden ? undefined : true,
                }),
                undefined,
                signal
            ),
        placeholderData: keepPreviousData,
        staleTime: 15_000,
    })

/** Values seen for a property, most useful first, as text. */
export const propertyValues = (projectId: number, owner: PropertyOwner, key: string, search: string) =>
    queryOptions({
        queryKey: ['property-values', projectId, owner, key, search],
        queryFn: async ({ signal }) => {
            const base = { event: 'events/values', person: 'persons/values', session: 'sessions/values', group: 'groups/property_values' }[owner.type]
            const index = owner.type === 'group' ? owner.index : undefined
            const found = await request<ValueList | { results: ValueList }>(
                'GET',
                path(`${project(projectId)}/${base}/`, { key, value: search, group_type_index: index }),
                undefined,
                signal
            )
            return (Array.isArray(found) ? found : found.results).map((entry) => String(entry.name)).slice(0, 50)
        },
        placeholderData: keepPreviousData,
        staleTime: 30_000,
        retry: false,
    })

type ValueList = { name: string | number | boolean; count?: number }[]

export const insightList = (projectId: number, search: string, offset: number, limit = 50) =>
    queryOptions({
        queryKey: ['insights', projectId, search, offset, limit],
        queryFn: ({ signal }) =>
            request<Paginated<Insight>>('GET', path(`${project(projectId)}/insights/`, { search, saved: true, basic: true, limit, offset }), undefined, signal),
        placeholderData: keepPreviousData,
    })

export const insight = (projectId: number, shortId: string) =>
    queryOptions({
        queryKey: ['insight', projectId, shortId],
        queryFn: async ({ signal }) => {
            const found = await request<Paginated<Insight>>('GET', path(`${project(projectId)}/insights/`, { short_id: shortId, basic: true }), undefined, signal)
            return found.results[0] ?? null
        },
    })

export const ingestionLag = (projectId: number) =>
    queryOptions({
        queryKey: ['ingestion-lag', projectId],
        queryFn: ({ signal }) => request<IngestionLag>('GET', `${project(projectId)}/ingestion/lag/`, undefined, signal),
        refetchInterval: 5_000,
        retry: false,
    })

export const ingestionHealth = (projectId: number) =>
    queryOptions({
        queryKey: ['ingestion-health', projectId],
        queryFn: ({ signal }) => request<IngestionHealth>('GET', `${project(projectId)}/ingestion/health/`, undefined, signal),
        refetchInterval: 3_000,
    })

export const ingestionWarnings = (projectId: number) =>
    queryOptions({
        queryKey: ['ingestion-warnings', projectId],
        queryFn: async ({ signal }) => {
            const found = await request<IngestionWarning[] | Paginated<IngestionWarning>>('GET', `${project(projectId)}/ingestion_warnings/`, undefined, signal)
            return Array.isArray(found) ? found : found.results
        },
    })

export const liveStats = (token: string | null) =>
    queryOptions({
        queryKey: ['live-stats', token],
        queryFn: async ({ signal }) => {
            const response = await fetch('/livestream/stats', { headers: { Authorization: `Bearer ${token}` }, signal })
            return (await response.json()) as { users_on_product?: number; active_recordings?: number; error?: string }
        },
        enabled: token !== null,
        refetchInterval: 5_000,
        retry: false,
    })

export const apiKeys = queryOptions({
    queryKey: ['api-keys'],
    queryFn: async ({ signal }) => {
        const found = await request<PersonalApiKey[] | Paginated<PersonalApiKey>>('GET', '/api/personal_api_keys/', undefined, signal)
        return Array.isArray(found) ? found : found.results
    },
})

export const members = queryOptions({
    queryKey: ['members'],
    queryFn: ({ signal }) => request<Paginated<Member>>('GET', '/api/organizations/@current/members/?limit=200', undefined, signal),
})

export const invites = queryOptions({
    queryKey: ['invites'],
    queryFn: ({ signal }) => request<Paginated<Invite>>('GET', '/api/organizations/@current/invites/?limit=200', undefined, signal),
})
