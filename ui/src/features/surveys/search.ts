import { compact, flag, oneOf, text, whole } from '@/lib/search'

type Raw = Record<string, unknown>

export const readSurveyListSearch = (raw: Raw) => compact({ search: text(raw, 'search'), archived: flag(raw, 'archived'), page: whole(raw, 'page', 1000) })

export const surveyTabs = ['results', 'questions', 'audience', 'look'] as const
export type SurveyTab = (typeof surveyTabs)[number]

export const resultRanges = ['-7d', '-30d', '-90d', 'all'] as const
export type ResultRange = (typeof resultRanges)[number]

export const readSurveySearch = (raw: Raw) => compact({ tab: oneOf(raw, 'tab', surveyTabs), range: oneOf(raw, 'range', resultRanges), page: whole(raw, 'page', 100_000), template: text(raw, 'template') })
