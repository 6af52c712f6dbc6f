import { forQuery, readFilter } from '@/api/property-filters'
import type { EntityNode } from '@/api/insight-types'
import type { PropertyFilter } from '@/api/types'
import { eventLabel } from '@/lib/known-names'
import { compact, flag, list, oneOf, text } from '@/lib/search'
import { flatten } from './common'

/** One thing that is counted, or one step, or one end of a retention. */
export type Series = {
    event: string | null
    /** A saved action, counted instead of an event. */
    action?: number
    actionName?: string
    name?: string
    math: string
    property?: string
    propertyOf?: 'event' | 'person' | 'session'
    expression?: string
    group?: number
    /** A step of a funnel that may be skipped. */
    optional?: boolean
    filters: PropertyFilter[]
}

export const maxSeries = 12

export const plainSeries = (event: string | null): Series => ({ event, math: 'total', filters: [] })

export type MathKind = { value: string; label: string; short: string; needs?: 'property' | 'expression' | 'group' }

export type MathGroup = { label: string; maths: MathKind[] }

export const maths: MathGroup[] = [
    {
        label: 'Count',
        maths: [
            { value: 'total', label: 'Total count', short: 'Total' },
            { value: 'dau', label: 'Unique persons', short: 'Unique persons' },
            { value: 'weekly_active', label: 'Weekly active persons', short: 'Weekly active' },
            { value: 'monthly_active', label: 'Monthly active persons', short: 'Monthly active' },
            { value: 'unique_session', label: 'Unique sessions', short: 'Sessions' },
            { value: 'first_time_for_user', label: 'First time ever', short: 'First time' },
            { value: 'first_matching_event_for_user', label: 'First time matching the filters', short: 'First matching' },
        ],
    },
    {
        label: 'Of a property',
        maths: [
            { value: 'sum', label: 'Sum', short: 'Sum', needs: 'property' },
            { value: 'avg', label: 'Average', short: 'Average', needs: 'property' },
            { value: 'min', label: 'Minimum', short: 'Minimum', needs: 'property' },
            { value: 'max', label: 'Maximum', short: 'Maximum', needs: 'property' },
            { value: 'median', label: 'Median', short: 'Median', needs: 'property' },
            { value: 'p75', label: '75th percentile', short: 'P75', needs: 'property' },
            { value: 'p90', label: '90th percentile', short: 'P90', needs: 'property' },
            { value: 'p95', label: '95th percentile', short: 'P95', needs: 'property' },
            { value: 'p99', label: '99th percentile', short: 'P99', needs: 'property' },
        ],
    },
    {
        label: 'Events per person',
        maths: [
            { value: 'avg_count_per_actor', label: 'Average per person', short: 'Average per person' },
            { value: 'median_count_per_actor', label: 'Median per person', short: 'Median per person' },
            { value: 'p90_count_per_actor', label: '90th percentile per person', short: 'P90 per person' },
            { value: 'max_count_per_actor', label: 'Most per person', short: 'Most per person' },
        ],
    },
    {
        label: 'Other',
        maths: [
            { value: 'unique_group', label: 'Unique groups', short: 'Groups', needs: 'group' },
            { value: 'hogql', label: 'Expression', short: 'Expression', needs: 'expression' },
        ],
    },
]

/** A step of a funnel counts persons; it can only say which of their events is meant. */
export const stepMaths: MathGroup[] = [
    {
        label: 'The step is',
        maths: [
            { value: 'total', label: 'Any time', short: 'Any time' },
            { value: 'first_time_for_user', label: 'First time ever', short: 'First time' },
            { value: 'first_time_for_user_with_filters', label: 'First time matching the filters', short: 'First matching' },
        ],
    },
]

const everyMath = [...maths, ...stepMaths].flatMap((group) => group.maths)

export const mathOf = (value: string): MathKind => everyMath.find((math) => math.value === value) ?? everyMath[0]!

/** Series are known by letters, in charts and in formulas. */
export const letter = (index: number): string => String.fromCharCode(65 + index)

/** What a series counts, before any name it was given. */
export const entityLabel = (series: Series): string => (series.action === undefined ? eventLabel(series.event) : (series.actionName ?? `Action ${series.action}`))

export const seriesLabel = (series: Series): string => series.name || entityLabel(series)

export const eventsOf = (series: Series[]): string[] => series.flatMap((one) => (one.event === null ? [] : [one.event]))

/** Two series that count the same events. */
export const sameEntity = (a: Series, b: Series): boolean => a.event === b.event && a.action === b.action && JSON.stringify(a.filters) === JSON.stringify(b.filters)

/** What still has to be chosen before this series can be asked, or null. */
export function seriesProblem(series: Series): string | null {
    const { needs } = mathOf(series.math)
    if (needs === 'property' && !series.property) return 'Choose a property'
    if (needs === 'expression' && !series.expression?.trim()) return 'Write an expression'
    return null
}

/** The series as the server takes it; kinds that count only persons leave the maths out. */
export function toNode(series: Series, withMath = true): EntityNode {
    const done: EntityNode =
        series.action === undefined ? { kind: 'EventsNode', event: series.event } : { kind: 'ActionsNode', id: series.action, ...(series.actionName ? { name: series.actionName } : {}) }
    if (withMath) done.math = series.math
    if (series.action === undefined && series.event !== null) done.name = series.event
    if (series.name) done.custom_name = series.name
    const { needs } = mathOf(series.math)
    if (withMath && needs === 'property' && series.property) {
        done.math_property = series.property
        done.math_property_type = `${series.propertyOf ?? 'event'}_properties`
    }
    if (withMath && needs === 'expression') done.math_hogql = series.expression ?? ''
    if (withMath && needs === 'group') done.math_group_type_index = series.group ?? 0
    if (series.filters.length > 0) done.properties = forQuery(series.filters)
    if (series.optional) done.optionalInFunnel = true
    return done
}

/** A stored series back into the editor; null for what the editor does not know, such as warehouse tables. */
export function fromNode(node: EntityNode): Series | null {
    if (node.kind !== 'EventsNode' && node.kind !== 'ActionsNode') return null
    return compact({
        event: node.kind === 'EventsNode' ? (node.event ?? null) : null,
        action: node.kind === 'ActionsNode' ? node.id : undefined,
        actionName: node.kind === 'ActionsNode' ? node.name : undefined,
        name: node.custom_name,
        math: node.math ?? 'total',
        property: node.math_property,
        propertyOf: (node.math_property_type?.replace('_properties', '') as Series['propertyOf']) ?? undefined,
        expression: node.math_hogql,
        group: node.math_group_type_index,
        optional: node.optionalInFunnel || undefined,
        filters: flatten(node.properties),
    }) as Series
}

/** All of them, or null when one is not known. */
export function fromNodes(nodes: EntityNode[] | undefined): Series[] | null {
    const series = (nodes ?? []).map(fromNode)
    return series.includes(null) ? null : (series as Series[])
}

/** A series out of an address. */
export function readSeries(raw: unknown): Series | null {
    if (typeof raw !== 'object' || raw === null) return null
    const fields = raw as Record<string, unknown>
    const action = typeof fields['action'] === 'number' && Number.isInteger(fields['action']) ? fields['action'] : undefined
    const event = fields['event'] === null || action !== undefined ? null : text(fields, 'event')
    if (event === undefined) return null
    const group = fields['group']
    return compact({
        event,
        action,
        actionName: action === undefined ? undefined : text(fields, 'actionName'),
        name: text(fields, 'name'),
        math: everyMath.some((math) => math.value === fields['math']) ? String(fields['math']) : 'total',
        property: text(fields, 'property'),
        propertyOf: oneOf(fields, 'propertyOf', ['event', 'person', 'session'] as const),
        expression: text(fields, 'expression'),
        group: typeof group === 'number' && group >= 0 && group <= 4 ? group : undefined,
        optional: flag(fields, 'optional'),
        filters: list(fields, 'filters', readFilter) ?? [],
    }) as Series
}
