import { keepPreviousData, queryOptions } from '@tanstack/react-query'
import { path, request } from './client'
import type { Survey, SurveyResponse, SurveyStats, SurveySummary } from './survey-types'
import type { Paginated } from './types'

export const surveysUrl = (projectId: number): string => `/api/projects/${projectId}/surveys`

export type SurveyFilter = { search?: string; type?: string; archived?: boolean }

export const surveyList = (projectId: number, filter: SurveyFilter, offset: number, limit: number) =>
    queryOptions({
        queryKey: ['surveys', projectId, filter, offset, limit],
        queryFn: ({ signal }) => request<Paginated<Survey>>('GET', path(`${surveysUrl(projectId)}/`, { ...filter, limit, offset }), undefined, signal),
        placeholderData: keepPreviousData,
    })

export const survey = (projectId: number, id: string) =>
    queryOptions({
        queryKey: ['survey', projectId, id],
        queryFn: ({ signal }) => request<Survey>('GET', `${surveysUrl(projectId)}/${encodeURIComponent(id)}/`, undefined, signal),
    })

/** Responses by survey id; surveys without any are absent. */
export const responseCounts = (projectId: number) =>
    queryOptions({
        queryKey: ['survey-response-counts', projectId],
        queryFn: ({ signal }) => request<Record<string, number>>('GET', `${surveysUrl(projectId)}/responses_count/`, undefined, signal),
    })

export type Between = { date_from?: string; date_to?: string }

export const surveyStats = (projectId: number, id: string, between: Between) =>
    queryOptions({
        queryKey: ['survey-stats', projectId, id, between],
        queryFn: ({ signal }) => request<SurveyStats>('GET', path(`${surveysUrl(projectId)}/${id}/stats/`, between), undefined, signal),
        placeholderData: keepPreviousData,
    })

export const surveySummary = (projectId: number, id: string, between: Between) =>
    queryOptions({
        queryKey: ['survey-summary', projectId, id, between],
        queryFn: ({ signal }) => request<SurveySummary>('GET', path(`${surveysUrl(projectId)}/${id}/summary/`, between), undefined, signal),
        placeholderData: keepPreviousData,
    })

export const surveyResponses = (projectId: number, id: string, between: Between, offset: number, limit: number) =>
    queryOptions({
        queryKey: ['survey-responses', projectId, id, between, offset, limit],
        queryFn: ({ signal }) => request<Paginated<SurveyResponse>>('GET', path(`${surveysUrl(projectId)}/${id}/responses/`, { ...between, limit, offset }), undefined, signal),
        placeholderData: keepPreviousData,
    })
