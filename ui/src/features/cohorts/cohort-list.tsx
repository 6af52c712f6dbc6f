import { useQuery } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import { Plus } from 'lucide-react'
import { useEffect, useState } from 'react'
import { cohortList } from '@/api/cohort-queries'
import type { Cohort } from '@/api/cohort-types'
import { useProject } from '@/api/project'
import { count, formatNumber } from '@/lib/numbers'
import { formatAgo, formatDateTime } from '@/lib/time'
import { Button, buttonClass } from '@/ui/button'
import { Segmented } from '@/ui/choice'
import { SearchInput } from '@/ui/field'
import { Page } from '@/ui/page'
import { Panel } from '@/ui/panel'
import { Empty, Failed, SkeletonRows, useNow, useSettled } from '@/ui/states'
import { Pages, Table, type Column } from '@/ui/table'
import { CalculationText } from './calculation'

const route = getRouteApi('/project/$projectId/cohorts')
const size = 100

export function CohortListPage() {
    const project = useProject()
    const params = { projectId: String(project.id) }
    const search = route.useSearch()
    const navigate = route.useNavigate()
    const now = useNow(30_000)
    const page = search.page ?? 1
    const [typed, setTyped] = useState(search.search ?? '')
    const settled = useSettled(typed, 200)
    useEffect(() => {
        if ((search.search ?? '') !== settled) void navigate({ search: (old) => ({ ...old, search: settled || undefined, page: undefined }), replace: true })
    }, [settled]) // only typing moves the address
    const list = useQuery(cohortList(project.id, search.search ?? '', (page - 1) * size, size, search.kind))
    const rows = list.data?.results ?? []
    const filtered = Boolean(search.search || search.kind)
    const nothing = list.isSuccess && rows.length === 0 && !filtered && page === 1
    const columns: Column<Cohort>[] = [
        {
            id: 'name',
            label: 'Cohort',
            cell: (cohort) => (
                <span className="flex max-w-[52vw] min-w-0 items-baseline gap-2.5 sm:max-w-none">
                    <Link to="/project/$projectId/cohorts/$cohortId" params={{ ...params, cohortId: String(cohort.id) }} tabIndex={-1} title={cohort.name} className="max-w-full min-w-0 shrink-0 truncate font-[550] hover:underline" dir="auto">
                        {cohort.name || 'Unnamed cohort'}
                    </Link>
                    <span className="hidden min-w-0 truncate text-ink-3 sm:inline" title={cohort.description} dir="auto">
                        {cohort.description}
                    </span>
                </span>
            ),
        },
        { id: 'kind', label: 'Kind', wide: true, width: '110px', cell: (cohort) => <span className="text-ink-2">{cohort.is_static ? 'Static' : 'Dynamic'}</span> },
        { id: 'count', label: 'Persons', numeric: true, width: '110px', cell: (cohort) => (cohort.count === null ? <span className="text-ink-3">–</span> : formatNumber(cohort.count)) },
        { id: 'calculated', label: 'Calculated', numeric: true, wide: true, width: '170px', cell: (cohort) => <CalculationText cohort={cohort} /> },
        { id: 'by', label: 'By', wide: true, width: '150px', cell: (cohort) => <span className="text-ink-2">{cohort.created_by?.first_name || cohort.created_by?.email || ''}</span> },
        {
            id: 'made',
            label: 'Made',
            numeric: true,
            wide: true,
            width: '110px',
            cell: (cohort) => (
                <time className="text-ink-3" dateTime={cohort.created_at} title={formatDateTime(cohort.created_at, project.timezone)}>
                    {formatAgo(cohort.created_at, now)}
                </time>
            ),
        },
    ]
    const makeOne = (
        <Link to="/project/$projectId/cohorts/$cohortId" params={{ ...params, cohortId: 'new' }} className={buttonClass('primary')}>
            <Plus className="size-4" aria-hidden /> New<span className="hidden sm:inline"> cohort</span>
        </Link>
    )
    return (
        <Page title="Cohorts" note={list.data?.count ? count(list.data.count, 'cohort') : undefined} actions={nothing ? undefined : makeOne}>
            {nothing ? (
                <Empty
                    title="No cohorts yet"
                    action={
                        <>
                            <Link to="/project/$projectId/cohorts/$cohortId" params={{ ...params, cohortId: 'new' }} className={buttonClass('primary')}>
                                Make a cohort
                            </Link>
                            <Link to="/project/$projectId/cohorts/$cohortId" params={{ ...params, cohortId: 'new' }} search={{ kind: 'static' }} className={buttonClass()}>
                                Upload a list
                            </Link>
                        </>
                    }
                >
                    A cohort is a set of persons with a name: those who did something, who are something, or who are on a list of yours. Flags, insights and filters can ask who is in it. Dynamic cohorts follow what persons do; static ones stay as they are.
                </Empty>
            ) : (
                <>
                    <div className="mb-3 flex flex-wrap items-center gap-2">
                        <SearchInput label="Search cohorts" className="w-[280px] max-w-full" value={typed} onChange={setTyped} />
                        <Segmented<'all' | 'static' | 'dynamic'>
                            label="Kind"
                            value={search.kind ?? 'all'}
                            options={[
                                { value: 'all', label: 'All' },
                                { value: 'dynamic', label: 'Dynamic' },
                                { value: 'static', label: 'Static' },
                            ]}
                            onChange={(kind) => void navigate({ search: (old) => ({ ...old, kind: kind === 'all' ? undefined : kind, page: undefined }), replace: true })}
                        />
                    </div>
                    <Panel label="Cohorts" className="overflow-hidden">
                        {list.isPending ? (
                            <SkeletonRows rows={10} columns={4} />
                        ) : list.isError ? (
                            <Failed what="The cohorts could not be read" error={list.error} onRetry={() => void list.refetch()} />
                        ) : rows.length === 0 ? (
                            <Empty title="No cohort matches" action={<Button onClick={() => (setTyped(''), void navigate({ search: {}, replace: true }))}>Show all cohorts</Button>}>
                                The search looks at names.
                            </Empty>
                        ) : (
                            <>
                                <Table
                                    label="Cohorts"
                                    rows={rows}
                                    columns={columns}
                                    rowKey={(cohort) => String(cohort.id)}
                                    onOpen={(cohort) => void navigate({ to: '/project/$projectId/cohorts/$cohortId', params: { ...params, cohortId: String(cohort.id) }, search: {} })}
                                    dim={list.isPlaceholderData}
                                />
                                <Pages page={page} size={size} more={Boolean(list.data.next)} total={list.data.count} onPage={(next) => void navigate({ search: (old) => ({ ...old, page: next === 1 ? undefined : next }) })} />
                            </>
                        )}
                    </Panel>
                </>
            )}
        </Page>
    )
}
