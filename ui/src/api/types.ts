/** The shapes of the REST API, as PostHog's clients know them; queries of insights are in `insight-types.ts`. */

import type { ActorsQuery, BreakdownFilter, CompareFilter, EntityNode, FunnelCorrelationQuery, HogQLAutocomplete, HogQLMetadata, InsightQuery, InsightQueryBase } from './insight-types'

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json }
export type Properties = Record<string, unknown>

export type Paginated<T> = { count?: number; next: string | null; previous: string | null; results: T[] }

export type Preflight = {
    initiated: boolean
    can_create_org: boolean
    email_service_available: boolean
    available_timezones?: Record<string, number>
    site_url?: string
}

export type TeamBasic = {
    id: number
    name: string
    organization?: string
    api_token?: string
    timezone?: string
    is_demo?: boolean
    ingested_event?: boolean
}

export type OrganizationBasic = { id: string; name: string; membership_level: number | null }

export type Organization = OrganizationBasic & {
    teams: TeamBasic[]
    projects?: TeamBasic[]
    member_count?: number
    members_can_invite?: boolean | null
}

export type ThemeMode = 'light' | 'dark' | 'system'

export type UserBasic = { id: number; uuid: string; first_name: string; last_name?: string; email: string }

export type User = UserBasic & {
    distinct_id: string
    is_staff?: boolean
    has_password?: boolean
    theme_mode?: ThemeMode | null
    team: TeamBasic | null
    organization: Organization | null
    organizations: OrganizationBasic[]
}

export type Project = {
    id: number
    uuid: string
    organization: string
    api_token: string
    secret_api_token?: string | null
    name: string
    created_at: string
    timezone: string
    week_start_day: 0 | 1 | null
    is_demo: boolean
    ingested_event: boolean
    app_urls: string[]
    recording_domains: string[] | null
    anonymize_ips: boolean
    test_account_filters: PropertyFilter[]
    test_account_filters_default_checked: boolean | null
    person_display_name_properties: string[] | null
    autocapture_opt_out: boolean | null
    autocapture_exceptions_opt_in: boolean | null
    autocapture_web_vitals_opt_in: boolean | null
    capture_dead_clicks: boolean | null
    capture_console_log_opt_in: boolean | null
    capture_performance_opt_in: boolean | null
    heatmaps_opt_in: boolean | null
    cookieless_server_hash_mode: 0 | 1 | 2 | null
    person_processing_opt_out?: boolean | null
    drop_bot_events?: boolean | null
    /** A duration such as "30 00:00:00": days, hours, minutes, seconds. */
    drop_events_older_than?: string | null
    live_events_token: string | null
    live_events_columns: string[] | null
    effective_membership_level: number | null
    has_group_types?: boolean
    path_cleaning_filters?: { alias?: string; regex?: string }[] | null
}

export const propertyOperators = [
    'exact',
    'is_not',
    'icontains',
    'not_icontains',
    'regex',
    'not_regex',
    'gt',
    'gte',
    'lt',
    'lte',
    'between',
    'not_between',
    'is_set',
    'is_not_set',
    'is_date_exact',
    'is_date_before',
    'is_date_after',
    'in',
    'not_in',
    'starts_with',
    'not_starts_with',
    'ends_with',
    'not_ends_with',
    'icontains_multi',
    'not_icontains_multi',
    'semver_eq',
    'semver_neq',
    'semver_gt',
    'semver_gte',
    'semver_lt',
    'semver_lte',
    'semver_tilde',
    'semver_caret',
    'semver_wildcard',
    'flag_evaluates_to',
] as const

export type PropertyOperator = (typeof propertyOperators)[number]

export type PropertyFilterType = 'event' | 'person' | 'group' | 'session' | 'cohort' | 'flag' | 'person_metadata' | 'element' | 'event_metadata' | 'hogql'

export type FilterValue = string | number | boolean | (string | number | boolean)[] | null

export type PropertyFilter = {
    type: PropertyFilterType
    key: string
    operator?: PropertyOperator
    value?: FilterValue
    group_type_index?: number
}

export type Person = {
    id: string
    uuid: string
    name?: string
    distinct_ids: string[]
    properties: Properties
    created_at: string
    last_seen_at?: string | null
    is_identified?: boolean
}

export type Group = { group_type_index: number; group_key: string; group_properties: Properties; created_at: string }

export type GroupType = {
    group_type: string
    group_type_index: number
    name_singular: string | null
    name_plural: string | null
}

export type EventDefinition = {
    id: string
    name: string
    description?: string | null
    tags?: string[]
    verified?: boolean
    hidden?: boolean | null
    last_seen_at: string | null
    created_at: string | null
}

export type PropertyType = 'DateTime' | 'String' | 'Numeric' | 'Boolean' | 'Duration'

export type PropertyDefinition = {
    id: string
    name: string
    is_numerical?: boolean
    is_seen_on_filtered_events?: boolean | null
    property_type: PropertyType | null
    description?: string | null
    tags?: string[]
    verified?: boolean
    hidden?: boolean | null
}

export type Interval = 'minute' | 'hour' | 'day' | 'week' | 'month'

export type EventsNode = {
    kind: 'EventsNode'
    event: string | null
    name?: string
    custom_name?: string
    math?: string
    math_property?: string
    math_property_type?: string
    math_hogql?: string
    math_group_type_index?: number
    properties?: PropertyFilter[]
}

export type BreakdownSpec = {
    type: 'event' | 'person' | 'group' | 'session' | 'hogql'
    property: string
    group_type_index?: number
    normalize_url?: boolean
    histogram_bin_count?: number
}

export type TrendsDisplay = 'ActionsLineGraph' | 'ActionsBar' | 'BoldNumber' | 'ActionsTable' | 'ActionsBarValue' | 'ActionsLineGraphCumulative'

export type TrendsQuery = InsightQueryBase & {
    kind: 'TrendsQuery'
    series: EntityNode[]
    interval?: Interval
    breakdownFilter?: BreakdownFilter
    compareFilter?: CompareFilter
    trendsFilter?: { display?: TrendsDisplay; formulaNodes?: { formula: string; custom_name?: string }[]; formula?: string }
}

export type BreakdownValue = string | number | string[] | null

export type TrendsResult = {
    label: string
    data: number[] | null
    days?: string[]
    labels?: string[]
    count: number
    aggregated_value?: number
    action: { id: string | number | null; order: number; name: string | null; custom_name: string | null; math?: string | null } | null
    breakdown_value?: BreakdownValue
    compare?: boolean
    compare_label?: 'current' | 'previous'
    order?: number
}

export type QueryMetadata = { rows_read?: number; bytes_read?: number; time_elapsed_ms?: number }

export type QueryResponse<Results> = {
    results: Results
    columns?: string[]
    types?: unknown[]
    hasMore?: boolean
    timezone?: string
    last_refresh?: string
    is_cached?: boolean
    timings?: { k: string; t: number }[]
    query_metadata?: QueryMetadata
    query_status?: { query_progress?: { rows_read?: number; time_elapsed?: number } }
    resolved_date_range?: { date_from: string; date_to: string }
    warnings?: unknown[]
    hogql?: string
    missing_actors_count?: number
}

export type TrendsResponse = QueryResponse<TrendsResult[]>

export type EventsQuery = {
    kind: 'EventsQuery'
    select: string[]
    where?: string[]
    properties?: PropertyFilter[]
    filterTestAccounts?: boolean
    event?: string | null
    personId?: string
    before?: string
    after?: string
    orderBy?: string[]
    limit?: number
    offset?: number
}

export type AnyQuery = InsightQuery | EventsQuery | ActorsQuery | FunnelCorrelationQuery | HogQLMetadata | HogQLAutocomplete

export type EventRow = {
    uuid: string
    event: string
    properties: Properties
    timestamp: string
    distinct_id: string
    created_at?: string
    elements_chain?: unknown
    person_mode?: string
}

export type EventPerson = {
    uuid?: string
    distinct_id: string
    created_at?: string
    properties?: Properties
    is_identified?: boolean
}

export type LiveEvent = {
    uuid: string
    timestamp: string
    distinct_id: string
    person_id: string
    event: string
    properties: Properties
}

export type StoredQuery = { kind: string; source?: StoredQuery; [field: string]: unknown }

export type Insight = {
    id: number
    short_id: string
    name: string | null
    derived_name?: string | null
    description?: string | null
    /** A query, or a node that wraps one as its `source`. */
    query: StoredQuery | null
    favorited?: boolean
    deleted?: boolean
    saved?: boolean
    tags?: string[]
    created_at: string
    created_by: UserBasic | null
    last_modified_at: string
    last_modified_by?: UserBasic | null
}

export type PersonalApiKey = {
    id: string
    label: string
    value?: string
    mask_value: string | null
    created_at: string
    last_used_at: string | null
    scopes: string[]
    scoped_teams: number[] | null
}

export type Member = { id: string; user: UserBasic; level: number; joined_at: string; last_login?: string | null }

export type Invite = {
    id: string
    target_email: string | null
    first_name?: string
    level: number
    created_at: string
    created_by?: UserBasic | null
    is_expired: boolean
    emailing_attempt_made?: boolean
}

export type InviteInfo = { id: string; target_email: string | null; first_name: string; organization_name: string }

export type IngestionLag = { pending_events: number; oldest_seconds: number }

export type Stage = { total: number; per_second?: number; last_at: string | null }

export type Reason = { reason: string; count: number; last_at: string | null; example?: unknown; fix?: string | null }

export type WarningType = { type: string; count: number; last_at: string | null; example?: unknown; fix?: string | null }

export type IngestionHealth = {
    accepted: Stage
    durable: Stage
    ingested: Stage
    queryable: { total: number; last_at: string | null; lag_seconds: number }
    refused: Reason[]
    dropped: Reason[]
    warnings: WarningType[]
    disk: { queue_bytes: number; queue_limit_bytes?: number; events_bytes: number; free_bytes: number }
    geoip: { enabled: boolean; path?: string | null }
    /** What the server itself found wrong, in words. */
    trouble?: string[]
    /** Since when this server counts, which is its start. */
    since?: string
}

export type IngestionWarning = { type: string; count?: number; lastSeen?: string; sparkline?: unknown; warnings?: { type: string; timestamp: string; details: unknown }[] }
