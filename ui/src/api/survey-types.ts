/** Surveys and what people answered, as the REST API knows them. */

import type { FlagFilters, FeatureFlag } from './flag-types'
import type { Json, UserBasic } from './types'

export type SurveyKind = 'popover' | 'widget' | 'api' | 'external_survey'
export type SurveySchedule = 'once' | 'recurring' | 'always'
export type QuestionType = 'open' | 'link' | 'rating' | 'single_choice' | 'multiple_choice'

export type Branching =
    | { type: 'next_question' | 'end' }
    | { type: 'specific_question'; index: number }
    | { type: 'response_based'; responseValues: Record<string, number | 'end' | 'next_question'> }

export type SurveyQuestion = {
    id?: string
    type: QuestionType
    question: string
    description?: string | null
    descriptionContentType?: 'text' | 'html'
    optional?: boolean
    buttonText?: string
    branching?: Branching | null
    link?: string | null
    display?: 'number' | 'emoji'
    scale?: number
    lowerBoundLabel?: string
    upperBoundLabel?: string
    choices?: string[]
    hasOpenChoice?: boolean
    shuffleOptions?: boolean
    [other: string]: unknown
}

export type UrlMatch = 'icontains' | 'not_icontains' | 'exact' | 'is_not' | 'regex' | 'not_regex'

export type SurveyConditions = {
    url?: string | null
    urlMatchType?: UrlMatch
    selector?: string | null
    seenSurveyWaitPeriodInDays?: number | null
    events?: { repeatedActivation?: boolean; values: { name: string; [other: string]: unknown }[] } | null
    deviceTypes?: string[] | null
    deviceTypesMatchType?: UrlMatch
    linkedFlagVariant?: string | null
    [other: string]: unknown
}

export type Survey = {
    id: string
    name: string
    description: string
    type: SurveyKind
    schedule: SurveySchedule
    questions: SurveyQuestion[]
    conditions: SurveyConditions | null
    appearance: Record<string, Json> | null
    linked_flag_id: number | null
    linked_flag: Pick<FeatureFlag, 'id' | 'key'> | null
    targeting_flag: { id: number; key: string; filters: FlagFilters } | null
    start_date: string | null
    end_date: string | null
    archived: boolean
    responses_limit: number | null
    iteration_count: number | null
    iteration_frequency_days: number | null
    current_iteration: number | null
    enable_partial_responses: boolean
    created_by: UserBasic | null
    created_at: string
    updated_at: string
}

type Seen = { total_count: number; unique_persons: number; first_seen: string | null; last_seen: string | null }

export type SurveyStats = {
    stats: Record<'survey shown' | 'survey dismissed' | 'survey sent', Seen>
    rates: { response_rate: number; dismissal_rate: number; unique_users_response_rate: number; unique_users_dismissal_rate: number }
}

export type Counted = { value: string | number; count: number; is_open?: boolean }

export type QuestionSummary = {
    id: string
    index: number
    type: QuestionType
    question: string
    answered: number
    counts?: Counted[]
    others?: Counted[]
    scale?: number
    average?: number | null
    nps?: { promoters: number; passives: number; detractors: number; score: number | null }
    answers?: { value: string; timestamp: string; distinct_id: string; person_id: string; uuid: string }[]
}

export type SurveySummary = { survey_id: string; responses: number; questions: QuestionSummary[] }

export type SurveyResponse = {
    uuid: string
    timestamp: string
    distinct_id: string
    person_id: string
    completed: boolean
    iteration: number | null
    language: string | null
    url: string | null
    session_id: string | null
    answers: Record<string, string | number | string[] | null>
}
