/** Flags, their history and what is planned for them, as the REST API knows them. */

import type { Json, Properties, PropertyFilter, UserBasic } from './types'

export type FlagVariant = { key: string; name?: string | null; rollout_percentage: number }

/** One set of conditions. All its properties must match; then the rollout decides. */
export type FlagCondition = {
    properties?: PropertyFilter[]
    rollout_percentage?: number | null
    variant?: string | null
    aggregation_group_type_index?: number | null
    description?: string | null
    [other: string]: unknown
}

export type FlagFilters = {
    groups?: FlagCondition[]
    multivariate?: { variants: FlagVariant[] } | null
    /** JSON as text, under `true` or the key of a variant. */
    payloads?: Record<string, string>
    aggregation_group_type_index?: number | null
    feature_enrollment?: boolean
    holdout?: { id: number; exclusion_percentage: number } | null
    early_exit?: boolean
    [other: string]: unknown
}

export type FlagStatus = 'ACTIVE' | 'INACTIVE' | 'STALE' | 'DELETED'
export type FlagRuntime = 'all' | 'client' | 'server'
export type FlagBucketing = 'distinct_id' | 'device_id'

export type FeatureFlag = {
    id: number
    key: string
    /** The description; PostHog's API calls it the name. */
    name: string
    active: boolean
    deleted: boolean
    filters: FlagFilters
    ensure_experience_continuity: boolean
    bucketing_identifier: FlagBucketing | null
    evaluation_runtime: FlagRuntime
    evaluation_contexts?: string[]
    is_remote_configuration: boolean
    has_encrypted_payloads: boolean
    version: number
    tags?: string[]
    status?: FlagStatus
    rollout_percentage?: number | null
    last_called_at: string | null
    experiment_set?: number[] | null
    surveys?: { id: string; name?: string }[] | null
    features?: { id: string; name: string }[] | null
    created_by: UserBasic | null
    created_at: string
    updated_at?: string | null
}

export type FlagReference = { id: number; key: string; name?: string; active?: boolean }

/** `sampled` when so many match that they were counted in a part of them, give or take `margin_of_error`. */
export type BlastRadius = { users_affected: number; total_users: number; sampled?: boolean; margin_of_error?: number | null }

export type ComparedSource = 'stored' | 'request' | 'geoip' | 'initial' | 'group' | 'cohort' | 'flag'

export type ComparedProperty = PropertyFilter & { found?: Json; source?: ComparedSource | null; matched: boolean }

export type ExplainStep = {
    kind: 'enrollment' | 'holdout' | 'condition' | 'dependency'
    condition_index?: number | null
    matched: boolean
    reason: string
    rollout_percentage?: number | null
    /** Where this person falls between 0 and 1; in when not above the rollout. */
    hash?: number | null
    variant?: string | null
    properties?: ComparedProperty[]
}

export type Explanation = {
    person: { uuid: string; distinct_ids?: string[]; properties: Properties } | null
    evaluation: { enabled: boolean; variant: string | null; payload: Json; reason: { code: string; description?: string | null; condition_index?: number | null } | string }
    steps: ExplainStep[]
}

export type FlagAnswer = { value: boolean | string; evaluation: { reason: string; condition_index: number | null } }

/** One field that would change. */
export type FieldChange = { action: 'created' | 'changed' | 'deleted'; field: string | null; before: unknown; after: unknown }

/** What an import does, or would do, with each flag of the file. */
export type FlagImport = { dry_run: boolean; flags: { key: string; action: 'create' | 'update' | 'unchanged' | 'error'; changes: FieldChange[]; detail?: string }[]; created: number; updated: number; unchanged: number }

/** What of a flag has versions. */
export type FlagRecord = Pick<
    FeatureFlag,
    | 'key'
    | 'name'
    | 'active'
    | 'deleted'
    | 'filters'
    | 'ensure_experience_continuity'
    | 'bucketing_identifier'
    | 'evaluation_runtime'
    | 'evaluation_contexts'
    | 'is_remote_configuration'
    | 'has_encrypted_payloads'
    | 'tags'
>

/** The flag as it was after a change; `revert` brings it back. */
export type FlagVersion = { version: number; created_at: string; user: UserBasic | null; flag: FlagRecord }

export type ScheduledOperation = 'update_status' | 'add_release_condition' | 'update_variants'
export type Recurrence = 'daily' | 'weekly' | 'monthly' | 'yearly'

export type ScheduledChange = {
    id: number
    record_id: string | number
    model_name: 'FeatureFlag'
    payload: { operation: ScheduledOperation; value: unknown }
    scheduled_at: string
    executed_at: string | null
    last_executed_at?: string | null
    failure_reason: string | null
    is_recurring?: boolean
    recurrence_interval?: Recurrence | null
    created_by?: UserBasic | null
}

export type EarlyAccessStage = 'draft' | 'concept' | 'alpha' | 'beta' | 'general-availability' | 'archived'

export type EarlyAccessFeature = {
    id: string
    name: string
    description: string
    stage: EarlyAccessStage
    documentation_url: string
    payload?: Json
    feature_flag: Pick<FeatureFlag, 'id' | 'key' | 'name' | 'active' | 'deleted' | 'filters'> | null
    created_at: string
}
