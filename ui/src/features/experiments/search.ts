import { compact, flag, oneOf, text, whole } from '@/lib/search'

type Raw = Record<string, unknown>

export const listTabs = ['experiments', 'holdouts', 'metrics'] as const
export type ListTab = (typeof listTabs)[number]
export const statuses = ['draft', 'running', 'paused', 'stopped'] as const

export const readExperimentListSearch = (raw: Raw) => compact({ tab: oneOf(raw, 'tab', listTabs), search: text(raw, 'search'), status: oneOf(raw, 'status', statuses), archived: flag(raw, 'archived'), page: whole(raw, 'page', 1000) })

export const experimentTabs = ['results', 'setup', 'variants', 'size'] as const
export type ExperimentTab = (typeof experimentTabs)[number]

export const readExperimentSearch = (raw: Raw) => compact({ tab: oneOf(raw, 'tab', experimentTabs) })
