import type { FunnelPathsFilter, PathsFilter, PathsQuery, PathType } from '@/api/insight-types'
import { flag, list, text, words } from '@/lib/search'
import { between, commonFrom, commonQuery, plainCommon, readCommon, searchFrom, type Common, type Raw } from '../common'

export type PathsState = Common & {
    kind: 'paths'
    types: PathType[]
    start: string | null
    end: string | null
    steps: number
    edges: number
    /** Edges with fewer passages are left out. */
    atLeast: number | null
    exclude: string[]
    /** Addresses that count as one, with * for anything. */
    groupings: string[]
    /** Apply the project's path cleaning rules. */
    clean: boolean
    expression: string
    /** Only what people did around the steps of a funnel. */
    funnel: FunnelPathsFilter | null
}

export const pathTypes: { value: PathType; label: string }[] = [
    { value: '$pageview', label: 'Page views' },
    { value: '$screen', label: 'Screens' },
    { value: 'custom_event', label: 'Custom events' },
    { value: 'hogql', label: 'An expression' },
]
export const minSteps = 2
export const maxSteps = 20
export const maxEdges = 500

export const initialPaths: PathsState = {
    ...plainCommon,
    kind: 'paths',
    types: ['$pageview'],
    start: null,
    end: null,
    steps: 5,
    edges: 50,
    atLeast: null,
    exclude: [],
    groupings: [],
    clean: false,
    expression: '',
    funnel: null,
}

export function pathsQuery(state: PathsState): PathsQuery {
    const filter: PathsFilter = { includeEventTypes: state.types, stepLimit: state.steps, edgeLimit: state.edges }
    if (state.start !== null) filter.startPoint = state.start
    if (state.end !== null) filter.endPoint = state.end
    if (state.atLeast !== null) filter.minEdgeWeight = state.atLeast
    if (state.exclude.length > 0) filter.excludeEvents = state.exclude
    if (state.groupings.length > 0) filter.pathGroupings = state.groupings
    if (state.clean) filter.pathReplacements = true
    if (state.types.includes('hogql')) filter.pathsHogQLExpression = state.expression
    return { kind: 'PathsQuery', ...commonQuery(state), pathsFilter: filter, ...(state.funnel ? { funnelPathsFilter: state.funnel } : {}) }
}

export function pathsFrom(query: PathsQuery): PathsState {
    const filter = query.pathsFilter ?? {}
    return {
        ...commonFrom(query),
        kind: 'paths',
        types: filter.includeEventTypes?.length ? filter.includeEventTypes : ['$pageview', '$screen', 'custom_event'],
        start: filter.startPoint || null,
        end: filter.endPoint || null,
        steps: filter.stepLimit ?? 5,
        edges: filter.edgeLimit ?? 50,
        atLeast: filter.minEdgeWeight ?? null,
        exclude: filter.excludeEvents ?? [],
        groupings: filter.pathGroupings ?? [],
        clean: filter.pathReplacements ?? false,
        expression: filter.pathsHogQLExpression ?? '',
        funnel: query.funnelPathsFilter ?? null,
    }
}

export const pathsProblem = (state: PathsState): string | null => (state.types.includes('hogql') && state.expression.trim() === '' ? 'Write the expression whose values are walked' : null)

const readType = (item: unknown): PathType | null => pathTypes.find((type) => type.value === item)?.value ?? null

function readFunnelPaths(raw: unknown): FunnelPathsFilter | null {
    if (typeof raw !== 'object' || raw === null) return null
    const { funnelPathType, funnelSource } = raw as Partial<FunnelPathsFilter>
    return typeof funnelPathType === 'string' && funnelSource?.kind === 'FunnelsQuery' ? (raw as FunnelPathsFilter) : null
}

export function readPaths(raw: Raw): PathsState {
    const start = initialPaths
    return {
        ...readCommon(raw),
        kind: 'paths',
        types: list(raw, 'types', readType, 4) ?? start.types,
        start: text(raw, 'start') ?? null,
        end: text(raw, 'end') ?? null,
        steps: between(raw, 'steps', minSteps, maxSteps) ?? start.steps,
        edges: between(raw, 'edges', 1, maxEdges) ?? start.edges,
        atLeast: between(raw, 'atLeast', 1, 1_000_000) ?? null,
        exclude: list(raw, 'exclude', words) ?? [],
        groupings: list(raw, 'groupings', words) ?? [],
        clean: flag(raw, 'clean') ?? false,
        expression: text(raw, 'expression') ?? '',
        funnel: readFunnelPaths(raw['funnel']),
    }
}

export const pathsSearch = (state: PathsState): Raw => searchFrom(state, initialPaths)
