import { useQuery } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import { BarChart3, Braces, Hash, LineChart, Plus, Rows3, Star, Table2, TrendingUp, type LucideIcon } from 'lucide-react'
import { useEffect, useState } from 'react'
import { useProject } from '@/api/project'
import { insightList } from '@/api/queries'
import type { Insight, TrendsDisplay } from '@/api/types'
import { count } from '@/lib/numbers'
import { formatAgo } from '@/lib/time'
import { buttonClass } from '@/ui/button'
import { SearchInput } from '@/ui/field'
import { Page } from '@/ui/page'
import { Panel } from '@/ui/panel'
import { Empty, Failed, SkeletonRows, useNow, useSettled } from '@/ui/states'
import { Pages, Table, type Column } from '@/ui/table'
import { kindIcons } from './kind-tabs'
import { kindLabel, searchOf, stateFrom, type InsightState } from './kinds'
import { derivedName } from './names'
import { initialPaths } from './paths/state'
import { initialRetention } from './retention/state'
import { initialState } from './trends/state'

const route = getRouteApi('/project/$projectId/insights')
const size = 50

const displayIcons: Record<TrendsDisplay, LucideIcon> = {
    ActionsLineGraph: LineChart,
    ActionsLineGraphCumulative: TrendingUp,
    ActionsBar: BarChart3,
    ActionsBarValue: Rows3,
    BoldNumber: Hash,
    ActionsTable: Table2,
}

const iconOf = (state: InsightState | null): LucideIcon => (state === null ? Braces : state.kind === 'trends' ? displayIcons[state.display] : kindIcons[state.kind])

/** The kind and what it asks; some names begin with their kind already. */
function asked(state: InsightState | null): string {
    if (state === null) return 'A query without an editor'
    const [kind, name] = [kindLabel(state.kind), derivedName(state)]
    return name.startsWith(kind) ? name : `${kind}: ${name}`
}

const starts: { title: string; text: string; state: InsightState }[] = [
    { title: 'Visitors per day', text: 'Unique persons with a page view', state: { ...initialState, series: [{ event: '$pageview', math: 'dau', filters: [] }], range: { from: '-30d', to: null }, compare: 'previous' } },
    { title: 'Most seen pages', text: 'Page views by path', state: { ...initialState, breakdowns: [{ type: 'event', property: '$pathname' }], display: 'ActionsBarValue' } },
    { title: 'Who comes back', text: 'Retention of new visitors, by week', state: { ...initialRetention, period: 'Week', range: { from: '-90d', to: null } } },
    { title: 'Ways through the site', text: 'Paths between pages', state: { ...initialPaths, range: { from: '-30d', to: null } } },
]

export function InsightListPage() {
    const project = useProject()
    const search = route.useSearch()
    const navigate = route.useNavigate()
    const now = useNow(30_000)
    const page = search.page ?? 1
    const [typed, setTyped] = useState(search.search ?? '')
    const settled = useSettled(typed, 200)
    useEffect(() => {
        if ((search.search ?? '') !== settled) void navigate({ search: { search: settled || undefined }, replace: true })
    }, [settled]) // only typing moves the address
    const list = useQuery(insightList(project.id, search.search ?? '', (page - 1) * size, size))
    const params = { projectId: String(project.id) }
    const rows = list.data?.results ?? []
    const columns: Column<Insight>[] = [
        {
            id: 'name',
            label: 'Name',
            cell: (insight) => {
                const state = stateFrom(insight.query)
                const Icon = iconOf(state)
                return (
                    <span className="flex items-center gap-2.5">
                        <Icon className="size-4 shrink-0 text-ink-3" aria-hidden />
                        <Link to="/project/$projectId/insights/$shortId" params={{ ...params, shortId: insight.short_id }} tabIndex={-1} className="truncate font-[550] hover:underline" dir="auto">
                            {insight.name || insight.derived_name || (state ? derivedName(state) : 'Unnamed insight')}
                        </Link>
                        {insight.favorited ? <Star className="size-3.5 shrink-0 fill-current text-warn" aria-label="Favourite" /> : null}
                    </span>
                )
            },
        },
        {
            id: 'what',
            label: 'What it asks',
            wide: true,
            cell: (insight) => {
                const state = stateFrom(insight.query)
                return (
                    <span className="text-ink-3" dir="auto">
                        {insight.description || asked(state)}
                    </span>
                )
            },
        },
        { id: 'by', label: 'By', wide: true, width: '160px', cell: (insight) => <span className="text-ink-2">{insight.created_by?.first_name || insight.created_by?.email || ''}</span> },
        { id: 'edited', label: 'Edited', numeric: true, width: '110px', cell: (insight) => <span className="text-ink-3">{formatAgo(insight.last_modified_at ?? insight.created_at, now)}</span> },
    ]
    const nothing = list.isSuccess && rows.length === 0 && !search.search
    return (
        <Page
            title="Insights"
            note={list.data?.count ? count(list.data.count, 'saved insight') : undefined}
            actions={
                <Link to="/project/$projectId/insights/new" params={params} className={buttonClass('primary')}>
                    <Plus className="size-4" aria-hidden /> New<span className="hidden sm:inline"> insight</span>
                </Link>
            }
        >
            {nothing ? null : (
                <div className="mb-3">
                    <SearchInput label="Search insights" className="w-[320px] max-w-full" value={typed} onChange={setTyped} />
                </div>
            )}
            {list.isError ? (
                <Failed what="The insights could not be read" error={list.error} onRetry={() => void list.refetch()} />
            ) : nothing ? (
                <Empty title="No saved insights yet" className="!max-w-none !px-0 !py-6">
                    <p className="mb-4">An insight is a question about your events that you can ask again. Start from one of these, or from a blank one.</p>
                    <ul className="grid gap-3 sm:grid-cols-2 lg:grid-cols-4">
                        {starts.map((start) => {
                            const Icon = iconOf(start.state)
                            return (
                                <li key={start.title}>
                                    <Link to="/project/$projectId/insights/new" params={params} search={searchOf(start.state)} className="flex h-full flex-col gap-1 rounded-lg border border-line bg-surface p-4 hover:border-line-strong">
                                        <Icon className="mb-2 size-5 text-ink-3" aria-hidden />
                                        <span className="font-[560] text-ink">{start.title}</span>
                                        <span className="text-sm text-ink-3">{start.text}</span>
                                    </Link>
                                </li>
                            )
                        })}
                    </ul>
                </Empty>
            ) : (
                <Panel label="Saved insights" className="overflow-hidden">
                    {list.isPending ? (
                        <SkeletonRows rows={10} columns={4} />
                    ) : rows.length === 0 ? (
                        <Empty title="No insight has this in its name">Try fewer letters.</Empty>
                    ) : (
                        <>
                            <Table
                                label="Saved insights"
                                rows={rows}
                                columns={columns}
                                rowKey={(insight) => insight.short_id}
                                dim={list.isPlaceholderData}
                                onOpen={(insight) => void navigate({ to: '/project/$projectId/insights/$shortId', params: { ...params, shortId: insight.short_id }, search: {} })}
                            />
                            <Pages page={page} size={size} more={Boolean(list.data.next)} total={list.data.count} onPage={(next) => void navigate({ search: (old) => ({ ...old, page: next === 1 ? undefined : next }) })} />
                        </>
                    )}
                </Panel>
            )}
        </Page>
    )
}
