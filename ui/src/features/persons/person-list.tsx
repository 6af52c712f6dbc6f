import { useQuery } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import { Download } from 'lucide-react'
import { useEffect, useState } from 'react'
import { path, request } from '@/api/client'
import { useProject } from '@/api/project'
import { personList } from '@/api/queries'
import type { Paginated, Person } from '@/api/types'
import { asText, personName, shortId } from '@/features/events/public'
import { FilterChips } from '@/features/filters/public'
import { download, toCsv } from '@/lib/csv'
import { count, formatNumber } from '@/lib/numbers'
import { formatAgo, formatDateTime } from '@/lib/time'
import { Button, buttonClass } from '@/ui/button'
import { SearchInput } from '@/ui/field'
import { Page } from '@/ui/page'
import { Panel } from '@/ui/panel'
import { Empty, Failed, SkeletonRows, useNow, useSettled } from '@/ui/states'
import { Pages, Table, type Column } from '@/ui/table'
import { complain, say } from '@/ui/toast'
import { whereFrom } from './where'

const route = getRouteApi('/project/$projectId/persons')
const size = 100

export function PersonListPage() {
    const project = useProject()
    const search = route.useSearch()
    const navigate = route.useNavigate()
    const now = useNow(30_000)
    const page = search.page ?? 1
    const filters = search.filters ?? []
    const [typed, setTyped] = useState(search.search ?? '')
    const settled = useSettled(typed, 200)
    useEffect(() => {
        if ((search.search ?? '') !== settled) void navigate({ search: (old) => ({ ...old, search: settled || undefined, page: undefined }), replace: true })
    }, [settled]) // only typing moves the address
    const list = useQuery(personList(project.id, search.search ?? '', filters, (page - 1) * size, size))
    const open = (person: Person) => void navigate({ to: '/project/$projectId/persons/$personId', params: { projectId: String(project.id), personId: person.uuid ?? person.id }, search: {} })

    const columns: Column<Person>[] = [
        { id: 'name', label: 'Person', cell: (person) => <PersonLink person={person} /> },
        { id: 'where', label: 'From', wide: true, cell: (person) => <span className="text-ink-2">{whereFrom(person)}</span> },
        { id: 'browser', label: 'Browser', wide: true, cell: (person) => <span className="text-ink-2">{[person.properties['$browser'], person.properties['$os']].map(asText).filter(Boolean).join(', ')}</span> },
        { id: 'ids', label: 'Distinct IDs', numeric: true, wide: true, width: '110px', cell: (person) => <span className="text-ink-2">{formatNumber(person.distinct_ids.length)}</span> },
        {
            id: 'created',
            label: 'First seen',
            numeric: true,
            width: '120px',
            cell: (person) => (
                <time className="text-ink-3" dateTime={person.created_at} title={formatDateTime(person.created_at, project.timezone)}>
                    {formatAgo(person.created_at, now)}
                </time>
            ),
        },
    ]
    const rows = list.data?.results ?? []
    const filtered = Boolean(search.search || filters.length)
    return (
        <Page title="Persons" note={list.data?.count !== undefined ? count(list.data.count, 'person', 'persons') : undefined} actions={<ExportPersons search={search.search ?? ''} filters={JSON.stringify(filters)} disabled={rows.length === 0} />}>
            <div className="mb-3 flex flex-wrap items-center gap-2">
                <SearchInput label="Search by name, email or distinct ID" className="w-[320px] max-w-full" value={typed} onChange={setTyped} />
                <FilterChips only={['person', 'cohort']} filters={filters} onChange={(next) => void navigate({ search: (old) => ({ ...old, filters: next.length ? next : undefined, page: undefined }), replace: true })} />
                {filters.length > 0 ? (
                    <Link to="/project/$projectId/cohorts/$cohortId" params={{ projectId: String(project.id), cohortId: 'new' }} search={{ filters }} className={buttonClass('quiet', 'small')}>
                        Make a cohort of these
                    </Link>
                ) : null}
            </div>
            <Panel label="Persons" className="overflow-hidden">
                {list.isPending ? (
                    <SkeletonRows rows={14} columns={5} />
                ) : list.isError ? (
                    <Failed what="The persons could not be read" error={list.error} onRetry={() => void list.refetch()} />
                ) : rows.length === 0 ? (
                    filtered ? (
                        <Empty title="Nobody matches">
                            The search looks at names, emails and distinct IDs. A distinct ID must be complete.
                        </Empty>
                    ) : (
                        <Empty
                            title="No persons yet"
                            action={
                                <Link to="/project/$projectId/onboarding" params={{ projectId: String(project.id) }} className={buttonClass('primary')}>
                                    Send a first event
                                </Link>
                            }
                        >
                            A person is made by the first identified event of a distinct ID. Call <code className="font-mono text-[12px]">posthog.identify('user_42', {'{ email }'})</code> when someone logs in, and everything they did
                            before is theirs too.
                        </Empty>
                    )
                ) : (
                    <>
                        <Table label="Persons" rows={rows} columns={columns} rowKey={(person) => person.uuid ?? person.id} onOpen={open} dim={list.isPlaceholderData} />
                        <Pages page={page} size={size} more={Boolean(list.data.next)} total={list.data.count} onPage={(next) => void navigate({ search: (old) => ({ ...old, page: next === 1 ? undefined : next }) })} />
                    </>
                )}
            </Panel>
        </Page>
    )
}

function PersonLink({ person }: { person: Person }) {
    const project = useProject()
    const id = person.distinct_ids[0] ?? person.uuid
    return (
        <Link
            to="/project/$projectId/persons/$personId"
            params={{ projectId: String(project.id), personId: person.uuid ?? person.id }}
            tabIndex={-1}
            className="font-[550] hover:underline"
            title={id}
            dir="auto"
        >
            {personName(person.properties, shortId(id), project.person_display_name_properties)}
        </Link>
    )
}

function ExportPersons({ search, filters, disabled }: { search: string; filters: string; disabled: boolean }) {
    const project = useProject()
    const [busy, setBusy] = useState(false)
    const run = async () => {
        setBusy(true)
        try {
            const found = await request<Paginated<Person>>('GET', path(`/api/projects/${project.id}/persons/`, { search, properties: filters === '[]' ? undefined : filters, limit: 1000 }))
            const keys = [...new Set(found.results.flatMap((person) => Object.keys(person.properties)))].sort()
            const rows = found.results.map((person) => [person.uuid ?? person.id, person.distinct_ids.join(' '), person.created_at, ...keys.map((key) => person.properties[key])])
            download(`${project.name}-persons.csv`, 'text/csv', toCsv(['uuid', 'distinct_ids', 'created_at', ...keys], rows))
            say(found.next ? `Exported the first ${count(found.results.length, 'person', 'persons')}.` : `Exported ${count(found.results.length, 'person', 'persons')}.`)
        } catch (error) {
            complain(error, 'Nothing was exported.')
        } finally {
            setBusy(false)
        }
    }
    return (
        <Button onClick={() => void run()} busy={busy} disabled={disabled} aria-label="Export as CSV">
            <Download className="size-4" aria-hidden /> <span className="hidden sm:inline">Export</span>
        </Button>
    )
}
