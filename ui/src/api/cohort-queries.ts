import { keepPreviousData, queryOptions } from '@tanstack/react-query'
import { path, request } from './client'
import type { Cohort, CohortCalculation } from './cohort-types'
import type { ActorsQuery } from './insight-types'
import { runQuery } from './queries'
import type { Paginated, Person } from './types'

const cohorts = (projectId: number): string => `/api/projects/${projectId}/cohorts`

export const cohortList = (projectId: number, search: string, offset: number, limit: number, kind?: 'static' | 'dynamic') =>
    queryOptions({
        queryKey: ['cohorts', projectId, search, offset, limit, kind],
        queryFn: ({ signal }) => request<Paginated<Cohort>>('GET', path(`${cohorts(projectId)}/`, { search, limit, offset, type: kind }), undefined, signal),
        placeholderData: keepPreviousData,
        refetchInterval: (query) => (query.state.data?.results.some((cohort) => cohort.is_calculating) ? 1500 : false),
    })

export const cohort = (projectId: number, id: number) =>
    queryOptions({
        queryKey: ['cohort', projectId, id],
        queryFn: ({ signal }) => request<Cohort>('GET', `${cohorts(projectId)}/${id}/`, undefined, signal),
        refetchInterval: (query) => (query.state.data?.is_calculating ? 1000 : false),
    })

/** The members; those who match `search`, when there is one. `asOf` keeps answers of different calculations apart. */
export const cohortPersons = (projectId: number, id: number, search: string, offset: number, limit: number, asOf: string) =>
    queryOptions({
        queryKey: ['cohort-persons', projectId, id, search, offset, limit, asOf],
        queryFn: ({ signal }) =>
            search === '' ? request<Paginated<Person>>('GET', path(`${cohorts(projectId)}/${id}/persons/`, { limit, offset }), undefined, signal) : searchedPersons(projectId, id, search, offset, limit, signal),
        placeholderData: keepPreviousData,
    })

async function searchedPersons(projectId: number, id: number, search: string, offset: number, limit: number, signal: AbortSignal): Promise<Paginated<Person>> {
    const query: ActorsQuery = { kind: 'ActorsQuery', select: ['person'], properties: [{ type: 'cohort', key: 'id', operator: 'in', value: id }], search, limit, offset }
    const { results, hasMore } = await runQuery<Person[][]>(projectId, query, { signal })
    return { results: results.flatMap(([person]) => person ?? []), next: hasMore ? 'more' : null, previous: null }
}

export const cohortCalculations = (projectId: number, id: number, asOf: string | null) =>
    queryOptions({
        queryKey: ['cohort-calculations', projectId, id, asOf],
        queryFn: async ({ signal }) => {
            const found = await request<CohortCalculation[] | Paginated<CohortCalculation>>('GET', `${cohorts(projectId)}/${id}/calculation_history/`, undefined, signal)
            return Array.isArray(found) ? found : found.results
        },
    })

export const cohortsOfPerson = (projectId: number, personId: string) =>
    queryOptions({
        queryKey: ['cohorts-of-person', projectId, personId],
        queryFn: async ({ signal }) => (await request<{ results: Cohort[] }>('GET', path(`/api/projects/${projectId}/persons/cohorts/`, { person_id: personId }), undefined, signal)).results,
    })
