import { useQuery } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import { Plus } from 'lucide-react'
import { useEffect, useState } from 'react'
import { earlyAccessList } from '@/api/flag-queries'
import type { EarlyAccessFeature } from '@/api/flag-types'
import { host, useProject } from '@/api/project'
import { count } from '@/lib/numbers'
import { formatAgo } from '@/lib/time'
import { buttonClass } from '@/ui/button'
import { Code } from '@/ui/copy'
import { SearchInput } from '@/ui/field'
import { Page } from '@/ui/page'
import { Chip, Panel } from '@/ui/panel'
import { Empty, Failed, SkeletonRows, useNow, useSettled } from '@/ui/states'
import { Table, type Column } from '@/ui/table'
import { offerCode, stageOf } from './stages'

const route = getRouteApi('/project/$projectId/early_access_features')

export function EarlyAccessPage() {
    const project = useProject()
    const params = { projectId: String(project.id) }
    const search = route.useSearch()
    const navigate = route.useNavigate()
    const now = useNow(60_000)
    const [typed, setTyped] = useState(search.search ?? '')
    const settled = useSettled(typed, 200)
    useEffect(() => {
        if ((search.search ?? '') !== settled) void navigate({ search: { search: settled || undefined }, replace: true })
    }, [settled]) // only typing moves the address
    const list = useQuery(earlyAccessList(project.id))
    const wanted = (search.search ?? '').toLowerCase()
    const all = list.data?.results ?? []
    const rows = all.filter((feature) => `${feature.name} ${feature.feature_flag?.key ?? ''}`.toLowerCase().includes(wanted))
    const columns: Column<EarlyAccessFeature>[] = [
        {
            id: 'name',
            label: 'Feature',
            cell: (feature) => (
                <span className="flex max-w-[52vw] min-w-0 items-baseline gap-2.5 sm:max-w-none">
                    <Link
                        to="/project/$projectId/early_access_features/$featureId"
                        params={{ ...params, featureId: feature.id }}
                        tabIndex={-1}
                        title={feature.name}
                        className="max-w-full min-w-0 shrink-0 truncate font-[550] hover:underline"
                        dir="auto"
                    >
                        {feature.name}
                    </Link>
                    <span className="hidden min-w-0 truncate text-ink-3 sm:inline" dir="auto">
                        {feature.description}
                    </span>
                </span>
            ),
        },
        { id: 'stage', label: 'Stage', width: '110px', cell: (feature) => <Chip title={stageOf(feature.stage).means}>{stageOf(feature.stage).label}</Chip> },
        {
            id: 'flag',
            label: 'Flag',
            wide: true,
            width: '220px',
            cell: (feature) =>
                feature.feature_flag ? (
                    <Link to="/project/$projectId/feature_flags/$flagId" params={{ ...params, flagId: String(feature.feature_flag.id) }} className="block truncate font-mono text-[12px] text-ink-2 hover:underline">
                        {feature.feature_flag.key}
                    </Link>
                ) : null,
        },
        { id: 'made', label: 'Made', numeric: true, wide: true, width: '110px', cell: (feature) => <span className="text-ink-3">{formatAgo(feature.created_at, now)}</span> },
    ]
    const nothing = list.isSuccess && all.length === 0
    return (
        <Page
            title="Early access"
            note={all.length > 0 ? count(all.length, 'feature') : undefined}
            actions={
                nothing ? undefined : (
                    <Link to="/project/$projectId/early_access_features/$featureId" params={{ ...params, featureId: 'new' }} className={buttonClass('primary')}>
                        <Plus className="size-4" aria-hidden /> New<span className="hidden sm:inline"> feature</span>
                    </Link>
                )
            }
        >
            {nothing ? (
                <Empty
                    title="Nothing is on offer yet"
                    className="!max-w-[680px]"
                    action={
                        <Link to="/project/$projectId/early_access_features/$featureId" params={{ ...params, featureId: 'new' }} className={buttonClass('primary')}>
                            Offer a feature
                        </Link>
                    }
                >
                    <p className="mb-3">Let people choose what they try before it is released. Each feature has a flag; who opts in gets it, who opts out does not, whatever the flag’s conditions say. Your page shows the list and takes the choice:</p>
                    <Code label="Code that offers features" text={offerCode(host(), project.api_token, 'my-feature')} />
                </Empty>
            ) : (
                <>
                    <div className="mb-3">
                        <SearchInput label="Search features" className="w-[280px] max-w-full" value={typed} onChange={setTyped} />
                    </div>
                    <Panel label="Features" className="overflow-hidden">
                        {list.isPending ? (
                            <SkeletonRows rows={6} columns={3} />
                        ) : list.isError ? (
                            <Failed what="The features could not be read" error={list.error} onRetry={() => void list.refetch()} />
                        ) : rows.length === 0 ? (
                            <Empty title="No feature matches">The search looks at names and flags.</Empty>
                        ) : (
                            <Table label="Features" rows={rows} columns={columns} rowKey={(feature) => feature.id} onOpen={(feature) => void navigate({ to: '/project/$projectId/early_access_features/$featureId', params: { ...params, featureId: feature.id }, search: {} })} />
                        )}
                    </Panel>
                </>
            )}
        </Page>
    )
}
