/** Cohorts: named sets of persons. */

import type { FilterValue, PropertyFilter, PropertyOperator, StoredQuery, UserBasic } from './types'

export type TimeUnit = 'minute' | 'hour' | 'day' | 'week' | 'month' | 'year'

export type Behaviour =
    | 'performed_event'
    | 'performed_event_multiple'
    | 'performed_event_first_time'
    | 'performed_event_sequence'
    | 'stopped_performing_event'
    | 'restarted_performing_event'
    | 'performed_event_regularly'

export type BehaviouralCriterion = {
    type: 'behavioral'
    value: Behaviour
    key: string | number
    event_type: 'events' | 'actions'
    time_value?: number
    time_interval?: TimeUnit
    explicit_datetime?: string
    explicit_datetime_to?: string
    operator?: 'gte' | 'lte' | 'gt' | 'lt' | 'exact' | 'eq'
    operator_value?: number
    seq_event?: string | number
    seq_event_type?: 'events' | 'actions'
    seq_time_value?: number
    seq_time_interval?: TimeUnit
    total_periods?: number
    min_periods?: number
    event_filters?: PropertyFilter[]
    negation?: boolean
}

export type PropertyCriterion = { type: 'person' | 'person_metadata'; key: string; operator?: PropertyOperator; value?: FilterValue; negation?: boolean }
export type CohortCriterion = { type: 'cohort'; key: 'id'; value: number; operator?: PropertyOperator; negation?: boolean }

export type Criterion = BehaviouralCriterion | PropertyCriterion | CohortCriterion

export type Join = 'AND' | 'OR'
export type CriteriaGroup = { type: Join; values: Criterion[] }

export type CohortFilters = { properties?: { type: Join; values: (CriteriaGroup | Criterion)[] }; [other: string]: unknown }

export type Cohort = {
    id: number
    name: string
    description: string
    filters: CohortFilters | null
    query?: StoredQuery | null
    is_static: boolean
    deleted: boolean
    count: number | null
    is_calculating: boolean
    last_calculation: string | null
    errors_calculating: number
    last_error_message?: string | null
    created_by: UserBasic | null
    created_at: string
    experiment_set?: number[]
}

export type CohortCalculation = { id?: string | number; started_at: string; finished_at: string | null; count: number | null; error?: string | null; error_message?: string | null }
