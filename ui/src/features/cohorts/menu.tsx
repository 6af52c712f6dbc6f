import { useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { CopyPlus, Download, Ellipsis, Trash2, Undo2 } from 'lucide-react'
import { path, request } from '@/api/client'
import type { Cohort } from '@/api/cohort-types'
import { useProject } from '@/api/project'
import type { Paginated, Person } from '@/api/types'
import { download, toCsv } from '@/lib/csv'
import { count } from '@/lib/numbers'
import { IconButton } from '@/ui/button'
import { Menu, MenuItem, MenuLine } from '@/ui/floating'
import { complain, say } from '@/ui/toast'
import { refreshCohort } from './refresh'

/** Exports are put together here, page by page; more than this is a job for the API. */
const maxExported = 10_000
const size = 500

/** What can be done with a cohort beside editing it. */
export function CohortMenu({ cohort, changed, onDrop }: { cohort: Cohort; changed: boolean; onDrop: () => void }) {
    const project = useProject()
    const client = useQueryClient()
    const navigate = useNavigate()
    const base = `/api/projects/${project.id}/cohorts/${cohort.id}`
    const params = { projectId: String(project.id) }
    const freeze = async () => {
        try {
            const copy = await request<Cohort>('POST', `${base}/duplicate_as_static_cohort/`, {})
            say(`“${copy.name}” holds those who are in it now.`)
            await refreshCohort(client, project.id, copy.id)
            await navigate({ to: '/project/$projectId/cohorts/$cohortId', params: { ...params, cohortId: String(copy.id) }, search: {} })
        } catch (error) {
            complain(error, 'Not copied.')
        }
    }
    const exportCsv = async () => {
        try {
            const persons: Person[] = []
            for (let more = true; more && persons.length < maxExported; ) {
                const page = await request<Paginated<Person>>('GET', path(`${base}/persons/`, { limit: size, offset: persons.length }))
                persons.push(...page.results)
                more = page.next !== null && page.results.length > 0
            }
            const keys = [...new Set(persons.flatMap((person) => Object.keys(person.properties)))].sort()
            download(`${cohort.name}.csv`, 'text/csv', toCsv(['uuid', 'distinct_ids', ...keys], persons.map((person) => [person.uuid, person.distinct_ids.join(' '), ...keys.map((key) => person.properties[key])])))
            say(`Exported ${count(persons.length, 'person', 'persons')}.`)
        } catch (error) {
            complain(error, 'Nothing was exported.')
        }
    }
    const remove = async () => {
        try {
            await request('PATCH', `${base}/`, { deleted: true })
            const undo = () => void request('PATCH', `${base}/`, { deleted: false }).then(() => refreshCohort(client, project.id, cohort.id), (error: unknown) => complain(error, 'It could not be brought back.'))
            say(`“${cohort.name}” is deleted. Flags and insights that ask for it find nobody in it.`, undo)
            await client.invalidateQueries({ queryKey: ['cohorts', project.id] })
            await navigate({ to: '/project/$projectId/cohorts', params })
        } catch (error) {
            complain(error, 'Not deleted.')
        }
    }
    return (
        <Menu
            trigger={
                <IconButton kind="plain" label="More actions">
                    <Ellipsis aria-hidden />
                </IconButton>
            }
        >
            {changed ? (
                <MenuItem onSelect={onDrop}>
                    <Undo2 aria-hidden /> Drop the changes
                </MenuItem>
            ) : null}
            <MenuItem onSelect={() => void exportCsv()}>
                <Download aria-hidden /> Export persons as CSV
            </MenuItem>
            {cohort.is_static ? null : (
                <MenuItem onSelect={() => void freeze()}>
                    <CopyPlus aria-hidden /> Freeze as a static cohort
                </MenuItem>
            )}
            <MenuLine />
            <MenuItem danger onSelect={() => void remove()}>
                <Trash2 aria-hidden /> Delete cohort
            </MenuItem>
        </Menu>
    )
}
