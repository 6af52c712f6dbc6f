import type { FunnelsQuery, HogQLQuery, InsightQuery, LifecycleQuery, PathsQuery, RetentionQuery, StickinessQuery } from '@/api/insight-types'
import type { StoredQuery, TrendsQuery } from '@/api/types'
import { oneOf } from '@/lib/search'
import { isFlat, type Raw } from './common'
import { funnelFrom, funnelProblem, funnelQuery, funnelSearch, initialFunnel, readFunnel, type FunnelsState } from './funnels/state'
import { lifecycleFrom, lifecycleQuery, lifecycleSearch, initialLifecycle, readLifecycle, type LifecycleState } from './lifecycle/state'
import { initialPaths, pathsFrom, pathsProblem, pathsQuery, pathsSearch, readPaths, type PathsState } from './paths/state'
import { initialRetention, readRetention, retentionFrom, retentionProblem, retentionQuery, retentionSearch, type RetentionState } from './retention/state'
import { initialSql, readSql, sqlFrom, sqlProblem, sqlQuery, sqlSearch, storedSql, type SqlState } from './sql/state'
import { initialStickiness, readStickiness, stickinessFrom, stickinessProblem, stickinessQuery, stickinessSearch, type StickinessState } from './stickiness/state'
import { fromQuery, initialState, problemOf as trendsProblem, readTrendsSearch, searchOf as trendsSearch, stateOf as trendsStateOf, toQuery, type TrendsState } from './trends/state'

export type InsightState = TrendsState | FunnelsState | RetentionState | PathsState | StickinessState | LifecycleState | SqlState

export type Kind = InsightState['kind']

export const kinds: { value: Kind; label: string; asks: string }[] = [
    { value: 'trends', label: 'Trends', asks: 'How much, over time?' },
    { value: 'funnels', label: 'Funnel', asks: 'How many get through, and where do the others stop?' },
    { value: 'retention', label: 'Retention', asks: 'Who comes back, and when?' },
    { value: 'paths', label: 'Paths', asks: 'Which ways do people take?' },
    { value: 'stickiness', label: 'Stickiness', asks: 'On how many days are people active?' },
    { value: 'lifecycle', label: 'Lifecycle', asks: 'Who is new, who stays, who leaves?' },
    { value: 'sql', label: 'SQL', asks: 'Anything else' },
]

export const kindNames = kinds.map((kind) => kind.value)

export const kindLabel = (kind: Kind): string => kinds.find((known) => known.value === kind)?.label ?? kind

export function initialOf(kind: Kind): InsightState {
    switch (kind) {
        case 'trends':
            return initialState
        case 'funnels':
            return initialFunnel
        case 'retention':
            return initialRetention
        case 'paths':
            return initialPaths
        case 'stickiness':
            return initialStickiness
        case 'lifecycle':
            return initialLifecycle
        case 'sql':
            return initialSql
    }
}

/** The question as the server takes it. */
export function queryOf(state: InsightState): InsightQuery {
    switch (state.kind) {
        case 'trends':
            return toQuery(state)
        case 'funnels':
            return funnelQuery(state)
        case 'retention':
            return retentionQuery(state)
        case 'paths':
            return pathsQuery(state)
        case 'stickiness':
            return stickinessQuery(state)
        case 'lifecycle':
            return lifecycleQuery(state)
        case 'sql':
            return sqlQuery(state)
    }
}

/** Why the question cannot be asked as it stands, or null. */
export function problemOf(state: InsightState): string | null {
    switch (state.kind) {
        case 'trends':
            return trendsProblem(state)
        case 'funnels':
            return funnelProblem(state)
        case 'retention':
            return retentionProblem(state)
        case 'paths':
            return pathsProblem(state)
        case 'stickiness':
            return stickinessProblem(state)
        case 'lifecycle':
            return null
        case 'sql':
            return sqlProblem(state)
    }
}

/** The executable query inside what is stored, and the nodes around it. */
export function unwrap(stored: StoredQuery | null): { source: StoredQuery; wrapper: StoredQuery | null } | null {
    let source = stored
    let wrapper: StoredQuery | null = null
    for (let depth = 0; source && wrappers.includes(source.kind) && depth < 5; depth += 1) {
        wrapper = source
        source = source.source ?? null
    }
    return source ? { source, wrapper } : null
}

const wrappers = ['InsightVizNode', 'DataTableNode', 'DataVisualizationNode']

/** A stored question back into its editor; null when no editor could show it without losing a part. */
export function stateFrom(stored: StoredQuery | null): InsightState | null {
    const found = unwrap(stored)
    if (!found) return null
    const { source, wrapper } = found
    if (!isFlat(source['properties'] as TrendsQuery['properties'])) return null
    try {
        switch (source.kind) {
            case 'TrendsQuery':
                return fromQuery(source as TrendsQuery)
            case 'FunnelsQuery':
                return funnelFrom(source as FunnelsQuery)
            case 'RetentionQuery':
                return retentionFrom(source as unknown as RetentionQuery)
            case 'PathsQuery':
                return pathsFrom(source as unknown as PathsQuery)
            case 'StickinessQuery':
                return stickinessFrom(source as StickinessQuery)
            case 'LifecycleQuery':
                return lifecycleFrom(source as LifecycleQuery)
            case 'HogQLQuery':
                return sqlFrom(source as unknown as HogQLQuery, wrapper)
            default:
                return null
        }
    } catch {
        // Stored by hand or by an older client in a shape of its own: it is shown as it is instead.
        return null
    }
}

/** How a question is kept. */
export const storedOf = (state: InsightState): StoredQuery => (state.kind === 'sql' ? storedSql(state) : { kind: 'InsightVizNode', source: queryOf(state) as StoredQuery })

/** Search parameters of an insight page; trends, the first kind, goes without its name. */
export type InsightSearch = { kind?: Kind; [parameter: string]: unknown }

export function stateOf(search: InsightSearch): InsightState {
    switch (search.kind ?? 'trends') {
        case 'trends':
            return trendsStateOf(readTrendsSearch(search))
        case 'funnels':
            return readFunnel(search)
        case 'retention':
            return readRetention(search)
        case 'paths':
            return readPaths(search)
        case 'stickiness':
            return readStickiness(search)
        case 'lifecycle':
            return readLifecycle(search)
        case 'sql':
            return readSql(search)
    }
}

export function searchOf(state: InsightState): InsightSearch {
    switch (state.kind) {
        case 'trends':
            return trendsSearch(state)
        case 'funnels':
            return funnelSearch(state)
        case 'retention':
            return retentionSearch(state)
        case 'paths':
            return pathsSearch(state)
        case 'stickiness':
            return stickinessSearch(state)
        case 'lifecycle':
            return lifecycleSearch(state)
        case 'sql':
            return sqlSearch(state)
    }
}

/** Whatever a link carries, the page gets a question of the right shape. */
export function readInsightSearch(raw: Raw): InsightSearch {
    const kind = oneOf(raw, 'kind', kindNames)
    if (kind === undefined || kind === 'trends') return readTrendsSearch(raw)
    return searchOf(stateOf({ ...raw, kind }))
}
