import { useQuery } from '@tanstack/react-query'
import { cohortList } from '@/api/cohort-queries'
import { flagKeys } from '@/api/flag-queries'
import { useProject } from '@/api/project'
import type { PropertyFilter } from '@/api/types'
import { propertyLabel } from '@/lib/known-names'
import { describeValue, operatorLabels } from './operators'

export type FilterText = { subject: string; relation: string; value: string; code?: boolean }

/** A filter in words. Cohorts and flags are stored by id and shown by name, once the name is known. */
export function useFilterText(filter: PropertyFilter): FilterText {
    const project = useProject()
    const isCohort = filter.type === 'cohort'
    const isFlag = filter.type === 'flag'
    const cohorts = useQuery({ ...cohortList(project.id, '', 0, 500), enabled: isCohort, staleTime: 30_000 })
    const keys = useQuery({ ...flagKeys(project.id, [Number(filter.key)]), enabled: isFlag })
    if (filter.type === 'hogql') return { subject: filter.key, relation: '', value: '', code: true }
    if (isCohort) {
        const name = cohorts.data?.results.find((cohort) => cohort.id === Number(filter.value))?.name
        return { subject: 'Cohort', relation: filter.operator === 'not_in' ? 'not' : '', value: name ?? `no. ${String(filter.value)}` }
    }
    if (isFlag) return { subject: 'Flag', relation: `${keys.data?.[filter.key] ?? `no. ${filter.key}`} is`, value: flagValue(filter.value) }
    return { subject: propertyLabel(filter.key), relation: operatorLabels[filter.operator ?? 'exact'], value: describeValue(filter) }
}

function flagValue(value: PropertyFilter['value']): string {
    if (value === true || value === 'true') return 'on'
    if (value === false || value === 'false') return 'off'
    return String(value)
}
