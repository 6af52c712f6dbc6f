import { useQuery, useQueryClient } from '@tanstack/react-query'
import { Link, useNavigate } from '@tanstack/react-router'
import { X } from 'lucide-react'
import { useEffect, useState } from 'react'
import { request } from '@/api/client'
import { cohortCalculations, cohortPersons } from '@/api/cohort-queries'
import type { Cohort } from '@/api/cohort-types'
import { useProject } from '@/api/project'
import type { Person } from '@/api/types'
import { asText, personName, shortId } from '@/features/events/public'
import { count, formatNumber } from '@/lib/numbers'
import { formatAgo, formatMilliseconds } from '@/lib/time'
import { IconButton } from '@/ui/button'
import { cx } from '@/ui/classes'
import { SearchInput } from '@/ui/field'
import { Panel } from '@/ui/panel'
import { Empty, Failed, SkeletonRows, useNow, useSettled } from '@/ui/states'
import { Pages, Table, type Column } from '@/ui/table'
import { complain, say } from '@/ui/toast'
import { CalculationText } from './calculation'
import { refreshCohort } from './refresh'

const size = 50

/** The members as they were counted last, and how many they were before. */
export function CohortPersons({ cohort, page, search, onChange }: { cohort: Cohort; page: number; search: string; onChange: (next: { page?: number; search?: string }) => void }) {
    const project = useProject()
    const client = useQueryClient()
    const navigate = useNavigate()
    const now = useNow(30_000)
    const asOf = `${cohort.last_calculation ?? ''}-${cohort.count ?? ''}`
    const [typed, setTyped] = useState(search)
    const settled = useSettled(typed.trim(), 200)
    useEffect(() => {
        if (search !== settled) onChange({ search: settled || undefined })
    }, [settled]) // only typing moves the address
    const list = useQuery(cohortPersons(project.id, cohort.id, search, (page - 1) * size, size, asOf))
    const rows = list.data?.results ?? []
    const params = { projectId: String(project.id) }
    const nameOf = (person: Person) => personName(person.properties, shortId(person.distinct_ids[0] ?? person.uuid), project.person_display_name_properties)
    const remove = async (person: Person) => {
        const base = `/api/projects/${project.id}/cohorts/${cohort.id}`
        try {
            await request('PATCH', `${base}/remove_person_from_static_cohort/`, { person_id: person.uuid })
            const undo = () => void request('PATCH', `${base}/add_persons_to_static_cohort/`, { person_ids: [person.uuid] }).then(() => refreshCohort(client, project.id, cohort.id))
            say(`${nameOf(person)} is no longer a member.`, undo)
            await refreshCohort(client, project.id, cohort.id)
        } catch (error) {
            complain(error, 'Not removed.')
        }
    }
    const columns: Column<Person>[] = [
        {
            id: 'name',
            label: 'Person',
            cell: (person) => (
                <Link to="/project/$projectId/persons/$personId" params={{ ...params, personId: person.uuid }} tabIndex={-1} className="font-[550] hover:underline" dir="auto">
                    {nameOf(person)}
                </Link>
            ),
        },
        { id: 'from', label: 'From', wide: true, cell: (person) => <span className="text-ink-2">{[person.properties['$geoip_city_name'], person.properties['$geoip_country_name']].map(asText).filter(Boolean).join(', ')}</span> },
        { id: 'seen', label: 'First seen', numeric: true, width: '110px', cell: (person) => <span className="text-ink-3">{formatAgo(person.created_at, now)}</span> },
        ...(cohort.is_static
            ? [
                  {
                      id: 'remove',
                      label: '',
                      width: '44px',
                      cell: (person: Person) => (
                          <IconButton label={`Remove ${nameOf(person)}`} className="!h-[26px] !w-[26px]" onClick={() => void remove(person)}>
                              <X aria-hidden />
                          </IconButton>
                      ),
                  },
              ]
            : []),
    ]
    return (
        <Panel label="Members" className="min-w-0 overflow-hidden">
            <div className="flex flex-wrap items-end justify-between gap-x-6 gap-y-2 px-4 py-3">
                <div>
                    <div className="text-sm text-ink-2">{cohort.count === 1 ? 'Person' : 'Persons'}</div>
                    <div className={cx('text-figure font-[650]', cohort.is_calculating && 'opacity-55')}>{formatNumber(cohort.count)}</div>
                </div>
                {cohort.is_static ? null : <Calculations cohort={cohort} />}
                <div className="text-sm" aria-live="polite">
                    {cohort.is_calculating ? '' : <span className="text-ink-3">{cohort.is_static ? '' : 'calculated '}</span>}
                    <CalculationText cohort={cohort} />
                </div>
            </div>
            {cohort.errors_calculating > 0 && cohort.last_error_message ? (
                <p role="alert" className="border-t border-line bg-bad-soft px-4 py-2 text-sm text-bad [overflow-wrap:anywhere]">
                    The last calculation failed: {cohort.last_error_message}
                </p>
            ) : null}
            {(cohort.count ?? 0) > 0 ? (
                <div className="border-t border-line px-3 py-2">
                    <SearchInput label="Search the members" value={typed} onChange={setTyped} />
                </div>
            ) : null}
            <div className="border-t border-line">
                {list.isPending ? (
                    <SkeletonRows rows={8} columns={3} />
                ) : list.isError ? (
                    <Failed what="The members could not be read" error={list.error} onRetry={() => void list.refetch()} />
                ) : rows.length === 0 && search !== '' ? (
                    <Empty title="No member matches">The search looks at names, emails and IDs.</Empty>
                ) : rows.length === 0 ? (
                    <Empty title={cohort.is_calculating ? 'Looking for members' : 'Nobody is in it'}>
                        {cohort.is_static ? 'Upload a list, or add persons one by one.' : cohort.is_calculating ? 'Persons appear here as soon as they are counted.' : 'No person matches these criteria now. It is calculated again every hour, and whenever you save.'}
                    </Empty>
                ) : (
                    <>
                        <Table label="Members" rows={rows} columns={columns} rowKey={(person) => person.uuid} onOpen={(person) => void navigate({ to: '/project/$projectId/persons/$personId', params: { ...params, personId: person.uuid } })} dim={list.isPlaceholderData || cohort.is_calculating} />
                        <Pages page={page} size={size} more={Boolean(list.data.next)} total={list.data.count} onPage={(next) => onChange({ page: next === 1 ? undefined : next, search: search || undefined })} />
                    </>
                )}
            </div>
        </Panel>
    )
}

/** The last counts as small bars, oldest first. */
function Calculations({ cohort }: { cohort: Cohort }) {
    const project = useProject()
    const list = useQuery(cohortCalculations(project.id, cohort.id, cohort.last_calculation))
    const runs = (list.data ?? []).filter((run) => run.count !== null).slice(0, 24).reverse()
    if (runs.length < 2) return null
    const most = Math.max(1, ...runs.map((run) => run.count ?? 0))
    const last = runs.at(-1)
    const took = last?.finished_at ? Date.parse(last.finished_at) - Date.parse(last.started_at) : null
    return (
        <div className="text-right">
            <div role="img" aria-label={`The last ${count(runs.length, 'count')}: ${runs.map((run) => formatNumber(run.count)).join(', ')}`} className="flex h-[30px] items-end justify-end gap-[2px]">
                {runs.map((run, index) => (
                    <span key={run.id ?? index} title={`${formatNumber(run.count)} on ${run.started_at}`} className="w-[5px] rounded-[1px] bg-line-strong last:bg-ink" style={{ height: `${Math.max(4, ((run.count ?? 0) / most) * 100)}%` }} />
                ))}
            </div>
            {took !== null ? <div className="text-xs text-ink-3">last in {formatMilliseconds(took)}</div> : null}
        </div>
    )
}
