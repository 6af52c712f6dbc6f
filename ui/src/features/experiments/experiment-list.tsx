import { useQuery } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import { Plus } from 'lucide-react'
import { useEffect, useState } from 'react'
import { experimentList } from '@/api/experiment-queries'
import type { Experiment } from '@/api/experiment-types'
import { useProject } from '@/api/project'
import { count } from '@/lib/numbers'
import { formatAgo, formatDateTime } from '@/lib/time'
import { Button, buttonClass } from '@/ui/button'
import { Checkbox, Segmented } from '@/ui/choice'
import { SearchInput } from '@/ui/field'
import { Page } from '@/ui/page'
import { Panel } from '@/ui/panel'
import { Empty, Failed, SkeletonRows, useNow, useSettled } from '@/ui/states'
import { TabBar } from '@/ui/tab-links'
import { Pages, Table, type Column } from '@/ui/table'
import { Holdouts } from './holdouts'
import type { ListTab, statuses } from './search'
import { SharedMetrics } from './shared-metrics'
import { StateText } from './state'

const route = getRouteApi('/project/$projectId/experiments')
const size = 50

export function ExperimentListPage() {
    const project = useProject()
    const search = route.useSearch()
    const navigate = route.useNavigate()
    const tab: ListTab = search.tab ?? 'experiments'
    return (
        <Page
            title="Experiments"
            actions={
                <Link to="/project/$projectId/experiments/$experimentId" params={{ projectId: String(project.id), experimentId: 'new' }} className={buttonClass('primary')}>
                    <Plus className="size-4" aria-hidden /> New<span className="hidden sm:inline"> experiment</span>
                </Link>
            }
        >
            <TabBar<ListTab>
                label="Experiments and what they share"
                value={tab}
                onChange={(next) => void navigate({ search: { tab: next === 'experiments' ? undefined : next } })}
                tabs={[
                    { value: 'experiments', label: 'Experiments' },
                    { value: 'metrics', label: 'Shared metrics' },
                    { value: 'holdouts', label: 'Holdouts' },
                ]}
            />
            <div className="mt-4">
                {tab === 'experiments' ? <List /> : null}
                {tab === 'metrics' ? <SharedMetrics /> : null}
                {tab === 'holdouts' ? <Holdouts /> : null}
            </div>
        </Page>
    )
}

function List() {
    const project = useProject()
    const search = route.useSearch()
    const navigate = route.useNavigate()
    const page = search.page ?? 1
    const [typed, setTyped] = useState(search.search ?? '')
    const settled = useSettled(typed, 200)
    useEffect(() => {
        if ((search.search ?? '') !== settled) void navigate({ search: (old) => ({ ...old, search: settled || undefined, page: undefined }), replace: true })
    }, [settled]) // only typing moves the address
    const change = (part: Partial<typeof search>) => void navigate({ search: (old) => ({ ...old, page: undefined, ...part }), replace: true })
    const list = useQuery(experimentList(project.id, { search: search.search, status: search.status, archived: search.archived ?? false }, (page - 1) * size, size))
    const rows = list.data?.results ?? []
    const columns = useColumns()
    if (list.isSuccess && rows.length === 0 && !search.search && !search.status && !search.archived && page === 1) return <NoExperiments />
    return (
        <>
            <div className="mb-3 flex flex-wrap items-center gap-3">
                <SearchInput label="Search experiments" className="w-[260px] max-w-full" value={typed} onChange={setTyped} />
                <Segmented<'all' | (typeof statuses)[number]>
                    label="State"
                    className="max-w-full overflow-x-auto"
                    value={search.status ?? 'all'}
                    options={[
                        { value: 'all', label: 'All' },
                        { value: 'draft', label: 'Drafts' },
                        { value: 'running', label: 'Running' },
                        { value: 'paused', label: 'Paused' },
                        { value: 'stopped', label: 'Ended' },
                    ]}
                    onChange={(status) => change({ status: status === 'all' ? undefined : status })}
                />
                <Checkbox label="Archived" checked={search.archived === true} onChange={(archived) => change({ archived: archived || undefined })} />
            </div>
            <Panel label="Experiments" className="overflow-hidden">
                {list.isPending ? (
                    <SkeletonRows rows={8} columns={4} />
                ) : list.isError ? (
                    <Failed what="The experiments could not be read" error={list.error} onRetry={() => void list.refetch()} />
                ) : rows.length === 0 ? (
                    <Empty title="No experiment matches" action={<Button onClick={() => (setTyped(''), change({ search: undefined, status: undefined, archived: undefined }))}>Show all experiments</Button>} />
                ) : (
                    <>
                        <Table
                            label="Experiments"
                            rows={rows}
                            columns={columns}
                            rowKey={(experiment) => String(experiment.id)}
                            onOpen={(experiment) => void navigate({ to: '/project/$projectId/experiments/$experimentId', params: { projectId: String(project.id), experimentId: String(experiment.id) } })}
                            dim={list.isPlaceholderData}
                        />
                        <Pages page={page} size={size} more={Boolean(list.data.next)} total={list.data.count} onPage={(next) => void navigate({ search: (old) => ({ ...old, page: next === 1 ? undefined : next }) })} />
                    </>
                )}
            </Panel>
        </>
    )
}

function useColumns(): Column<Experiment>[] {
    const project = useProject()
    const now = useNow(30_000)
    return [
        { id: 'state', label: 'State', width: '96px', cell: (experiment) => <StateText experiment={experiment} /> },
        {
            id: 'name',
            label: 'Experiment',
            cell: (experiment) => (
                <Link to="/project/$projectId/experiments/$experimentId" params={{ projectId: String(project.id), experimentId: String(experiment.id) }} tabIndex={-1} title={experiment.name} className="block max-w-[44vw] truncate font-[550] hover:underline sm:max-w-[340px] xl:max-w-none">
                    <span dir="auto">{experiment.name}</span>
                </Link>
            ),
        },
        { id: 'flag', label: 'Flag', wide: true, width: '220px', cell: (experiment) => <span className="font-mono text-[12px] text-ink-2">{experiment.feature_flag_key}</span> },
        { id: 'variants', label: 'Variants', wide: true, width: '180px', cell: (experiment) => <span className="text-ink-2">{(experiment.parameters?.feature_flag_variants ?? []).map((variant) => variant.key).join(', ')}</span> },
        { id: 'conclusion', label: 'Conclusion', wide: true, width: '120px', cell: (experiment) => <span className="text-ink-2">{experiment.conclusion ? experiment.conclusion.replace('_', ' ') : ''}</span> },
        {
            id: 'when',
            label: 'Began',
            numeric: true,
            width: '100px',
            cell: (experiment) => {
                const when = experiment.start_date ?? experiment.created_at
                return (
                    <time className="text-ink-3" dateTime={when} title={formatDateTime(when, project.timezone)}>
                        {experiment.start_date ? formatAgo(when, now) : 'not yet'}
                    </time>
                )
            },
        },
    ]
}

function NoExperiments() {
    const project = useProject()
    return (
        <Empty
            title="No experiments yet"
            action={
                <Link to="/project/$projectId/experiments/$experimentId" params={{ projectId: String(project.id), experimentId: 'new' }} className={buttonClass('primary')}>
                    Make an experiment
                </Link>
            }
        >
            An experiment shows different variants to groups of people that chance has formed, and says which of them does better, by how much, and how sure that is. It needs a flag with {count(2, 'variant')} or more and at least one metric.
        </Empty>
    )
}
