/** The queries behind insights, and what they answer. */

import type { BreakdownSpec, BreakdownValue, EventsNode, Interval, PropertyFilter, TrendsQuery, TrendsResult } from './types'

export type ActionsNode = Omit<EventsNode, 'kind' | 'event'> & { kind: 'ActionsNode'; id: number }

export type EntityNode = (EventsNode | ActionsNode) & { optionalInFunnel?: boolean }

export type PropertyGroups = { type: 'AND' | 'OR'; values: { type: 'AND' | 'OR'; values: PropertyFilter[] }[] }

export type InsightQueryBase = {
    dateRange?: { date_from?: string | null; date_to?: string | null; explicitDate?: boolean }
    properties?: PropertyFilter[] | PropertyGroups
    filterTestAccounts?: boolean
    aggregation_group_type_index?: number
}

export type BreakdownFilter = { breakdowns?: BreakdownSpec[]; breakdown?: string | number | (string | number)[] | null; breakdown_type?: string; breakdown_limit?: number }

export type CompareFilter = { compare?: boolean; compare_to?: string }

export type FunnelOrder = 'ordered' | 'strict' | 'unordered'
export type FunnelView = 'steps' | 'time_to_convert' | 'trends'
export type WindowUnit = 'second' | 'minute' | 'hour' | 'day' | 'week' | 'month'
export type Attribution = 'first_touch' | 'last_touch' | 'all_events' | 'step'

export type FunnelExclusion = { kind: 'FunnelExclusionEventsNode' | 'FunnelExclusionActionsNode'; event?: string | null; id?: number; name?: string; properties?: PropertyFilter[]; funnelFromStep: number; funnelToStep: number }

export type FunnelsQuery = InsightQueryBase & {
    kind: 'FunnelsQuery'
    series: EntityNode[]
    interval?: Interval
    breakdownFilter?: BreakdownFilter
    compareFilter?: CompareFilter
    funnelsFilter?: {
        funnelOrderType?: FunnelOrder
        funnelVizType?: FunnelView
        funnelWindowInterval?: number
        funnelWindowIntervalUnit?: WindowUnit
        exclusions?: FunnelExclusion[]
        breakdownAttributionType?: Attribution
        breakdownAttributionValue?: number
        funnelStepReference?: 'total' | 'previous'
        funnelFromStep?: number
        funnelToStep?: number
        binCount?: number
    }
}

export type FunnelStepResult = {
    action_id: string | number | null
    name: string | null
    custom_name?: string | null
    order: number
    count: number
    average_conversion_time: number | null
    median_conversion_time: number | null
    breakdown?: BreakdownValue
    breakdown_value?: BreakdownValue
}

export type TimeToConvertResult = { average_conversion_time: number | null; median_conversion_time?: number | null; bins: [number, number][] }

export type FunnelTrendResult = { count: number; data: number[]; days: string[]; labels: string[]; breakdown_value?: BreakdownValue }

export type FunnelCorrelationQuery = { kind: 'FunnelCorrelationQuery'; source: FunnelsActorsQuery; funnelCorrelationType: 'events' | 'properties'; funnelCorrelationNames?: string[]; funnelCorrelationExcludeEventNames?: string[] }

export type CorrelationResult = {
    events: { event: { event: string; properties?: Record<string, unknown> }; success_count: number; failure_count: number; odds_ratio: number; correlation_type: 'success' | 'failure' }[]
    skewed: boolean
}

export type RetentionPeriod = 'Hour' | 'Day' | 'Week' | 'Month'
export type RetentionType = 'retention_recurring' | 'retention_first_time' | 'retention_first_ever_occurrence'

export type RetentionEntity = { id?: string | number | null; type?: 'events' | 'actions'; name?: string | null; kind?: string; properties?: PropertyFilter[]; order?: number; custom_name?: string; uuid?: string }

export type RetentionQuery = InsightQueryBase & {
    kind: 'RetentionQuery'
    breakdownFilter?: BreakdownFilter
    retentionFilter: {
        retentionType?: RetentionType
        targetEntity?: RetentionEntity
        returningEntity?: RetentionEntity
        period?: RetentionPeriod
        totalIntervals?: number
        minimumOccurrences?: number
        cumulative?: boolean
        timeWindowMode?: 'strict_calendar_dates' | '24_hour_windows'
        retentionReference?: 'total' | 'previous'
        retentionCustomBrackets?: number[]
        aggregationType?: 'count' | 'sum' | 'avg'
        display?: string
    }
}

export type RetentionRow = { date: string; label: string; values: { count: number; label?: string }[]; breakdown_value?: BreakdownValue }

export type PathType = '$pageview' | '$screen' | 'custom_event' | 'hogql'

export type PathsFilter = {
    includeEventTypes?: PathType[]
    excludeEvents?: string[]
    startPoint?: string
    endPoint?: string
    stepLimit?: number
    edgeLimit?: number
    minEdgeWeight?: number
    maxEdgeWeight?: number
    pathGroupings?: string[]
    pathsHogQLExpression?: string
    pathReplacements?: boolean
    pathStartKey?: string
    pathEndKey?: string
    pathDropoffKey?: string
}

export type FunnelPathsFilter = { funnelPathType: 'funnel_path_before_step' | 'funnel_path_between_steps' | 'funnel_path_after_step'; funnelSource: FunnelsQuery; funnelStep?: number }

export type PathsQuery = InsightQueryBase & { kind: 'PathsQuery'; pathsFilter: PathsFilter; funnelPathsFilter?: FunnelPathsFilter }

export type PathEdge = { source: string; target: string; value: number; average_conversion_time: number }

export type LifecycleStatus = 'new' | 'returning' | 'resurrecting' | 'dormant'

export type LifecycleQuery = InsightQueryBase & { kind: 'LifecycleQuery'; interval?: Interval; series: EntityNode[]; lifecycleFilter?: { toggledLifecycles?: LifecycleStatus[] } }

export type LifecycleResult = { status: LifecycleStatus; label: string; data: number[]; days: string[]; labels: string[]; count: number }

export type StickinessOperator = 'gte' | 'lte' | 'exact'

export type StickinessQuery = InsightQueryBase & {
    kind: 'StickinessQuery'
    interval?: Interval
    intervalCount?: number
    series: EntityNode[]
    compareFilter?: CompareFilter
    stickinessFilter?: { display?: 'ActionsLineGraph' | 'ActionsBar'; computedAs?: 'non_cumulative' | 'cumulative'; stickinessCriteria?: { operator: StickinessOperator; value: number } }
}

export type StickinessResult = Omit<TrendsResult, 'days'> & { days: (number | string)[] }

export type SqlFilters = { properties?: PropertyFilter[]; dateRange?: InsightQueryBase['dateRange']; filterTestAccounts?: boolean }

export type HogQLQuery = { kind: 'HogQLQuery'; query: string; values?: Record<string, unknown>; filters?: SqlFilters }

export type HogQLNotice = { start?: number; end?: number; message: string; fix?: string }

export type HogQLMetadata = { kind: 'HogQLMetadata'; language: 'hogQL'; query: string; filters?: SqlFilters }
export type HogQLMetadataAnswer = { isValid: boolean; errors: HogQLNotice[]; warnings: HogQLNotice[]; notices: HogQLNotice[]; table_names?: string[] }

export type HogQLAutocomplete = { kind: 'HogQLAutocomplete'; language: 'hogQL'; query: string; startPosition: number; endPosition: number }
export type HogQLAutocompleteAnswer = { suggestions: { label: string; insertText: string; kind: string; detail?: string | null; documentation?: string | null }[]; incomplete_list: boolean }

export type SchemaField = { name: string; type: string; table?: string; fields?: string[] }
export type DatabaseSchemaQuery = { kind: 'DatabaseSchemaQuery' }
export type DatabaseSchemaAnswer = { tables: Record<string, { name: string; fields: Record<string, SchemaField> }> }

/** A question in an editor. */
export type InsightQuery = TrendsQuery | FunnelsQuery | RetentionQuery | PathsQuery | LifecycleQuery | StickinessQuery | HogQLQuery

export type InsightActorsQuery = {
    kind: 'InsightActorsQuery'
    source: Exclude<InsightQuery, HogQLQuery>
    day?: string | number
    interval?: number
    series?: number
    breakdown?: BreakdownValue
    compare?: 'current' | 'previous'
    status?: LifecycleStatus
}

export type FunnelsActorsQuery = {
    kind: 'FunnelsActorsQuery'
    source: FunnelsQuery
    /** Counts from 1; −k are those who got to step k − 1 and not to k. */
    funnelStep?: number
    funnelStepBreakdown?: BreakdownValue
    funnelTrendsDropOff?: boolean
    funnelTrendsEntrancePeriodStart?: string
}

export type StickinessActorsQuery = { kind: 'StickinessActorsQuery'; source: StickinessQuery; day: number; operator?: StickinessOperator; series?: number; compare?: 'current' | 'previous' }

export type FunnelCorrelationActorsQuery = {
    kind: 'FunnelCorrelationActorsQuery'
    source: FunnelCorrelationQuery
    funnelCorrelationPersonConverted?: boolean
    funnelCorrelationPersonEntity?: EventsNode
    funnelCorrelationPropertyValues?: PropertyFilter[]
}

export type ActorsSource = InsightActorsQuery | FunnelsActorsQuery | StickinessActorsQuery | FunnelCorrelationActorsQuery

export type ActorsQuery = { kind: 'ActorsQuery'; source?: ActorsSource; properties?: PropertyFilter[]; select?: string[]; search?: string; limit?: number; offset?: number }
