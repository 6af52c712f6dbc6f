import { useQuery } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import { useState } from 'react'
import { useProject } from '@/api/project'
import { group as groupQuery, groupTypes, runQuery } from '@/api/queries'
import type { EventPerson } from '@/api/types'
import { asText, EventDetails, personName, place, PropertyTable, readEventRow, shortId, type ShownEvent } from '@/features/events/public'
import { eventLabel } from '@/lib/known-names'
import { formatAgo, formatDateTime } from '@/lib/time'
import { buttonClass } from '@/ui/button'
import { cx } from '@/ui/classes'
import { CopyLine } from '@/ui/copy'
import { Page } from '@/ui/page'
import { Panel } from '@/ui/panel'
import { Empty, Failed, SkeletonRows, useNow } from '@/ui/states'
import { TabBar } from '@/ui/tab-links'

const route = getRouteApi('/project/$projectId/groups/$typeIndex/$groupKey')

export function GroupPage() {
    const project = useProject()
    const { typeIndex, groupKey } = route.useParams()
    const search = route.useSearch()
    const navigate = route.useNavigate()
    const now = useNow(30_000)
    const index = Number(typeIndex)
    const types = useQuery(groupTypes(project.id))
    const found = useQuery(groupQuery(project.id, index, groupKey))
    const type = types.data?.find((known) => known.group_type_index === index)
    const tab = search.tab ?? 'events'
    const name = asText(found.data?.group_properties['name']) || groupKey
    const crumbs = (
        <Link to="/project/$projectId/groups" params={{ projectId: String(project.id) }} search={{ type: index === 0 ? undefined : index + 1 }}>
            {type ? (type.name_plural ?? type.group_type) : 'Groups'}
        </Link>
    )
    if (found.isError) {
        return (
            <Page title={groupKey} crumbs={crumbs}>
                <Failed what="This group could not be read" error={found.error} onRetry={() => void found.refetch()} />
            </Page>
        )
    }
    return (
        <Page title={name} crumbs={crumbs}>
            {found.isPending ? (
                <Panel>
                    <SkeletonRows rows={8} columns={2} />
                </Panel>
            ) : (
                <>
                    <dl className="mb-4 flex flex-wrap gap-x-9 gap-y-3">
                        <div>
                            <dt className="text-sm text-ink-2">Key</dt>
                            <dd className="text-lg">
                                <CopyLine text={groupKey} label="group key" />
                            </dd>
                        </div>
                        <div>
                            <dt className="text-sm text-ink-2">First seen</dt>
                            <dd className="text-lg font-[560]" title={formatDateTime(found.data.created_at, project.timezone)}>
                                {formatAgo(found.data.created_at, now)}
                            </dd>
                        </div>
                    </dl>
                    <TabBar
                        label="Views of this group"
                        value={tab}
                        onChange={(next) => void navigate({ search: { tab: next === 'events' ? undefined : next } })}
                        tabs={[
                            { value: 'events', label: 'Events' },
                            { value: 'properties', label: `Properties ${Object.keys(found.data.group_properties).length}` },
                        ]}
                    />
                    <Panel className="mt-4 overflow-hidden" label={tab === 'events' ? 'Events' : 'Properties'}>
                        {tab === 'properties' ? <PropertyTable properties={found.data.group_properties} /> : <GroupEvents index={index} groupKey={groupKey} />}
                    </Panel>
                </>
            )}
        </Page>
    )
}

function GroupEvents({ index, groupKey }: { index: number; groupKey: string }) {
    const project = useProject()
    const now = useNow(15_000)
    const [open, setOpen] = useState<string | null>(null)
    const filter = { type: 'event_metadata' as const, key: `$group_${index}`, operator: 'exact' as const, value: [groupKey] }
    const list = useQuery({
        queryKey: ['group-events', project.id, index, groupKey],
        queryFn: async ({ signal }) => {
            const response = await runQuery<unknown[][]>(project.id, { kind: 'EventsQuery', select: ['*', 'person', 'timestamp'], properties: [filter], after: 'all', orderBy: ['timestamp DESC'], limit: 100 }, { signal })
            return response.results.map((cells): ShownEvent => ({ row: readEventRow(cells[0]), person: (cells[1] as EventPerson | null) ?? null }))
        },
        retry: false,
    })
    if (list.isPending) return <SkeletonRows rows={10} columns={4} />
    if (list.isError) return <Failed what="The events could not be read" error={list.error} onRetry={() => void list.refetch()} />
    if (list.data.length === 0) return <Empty title="No events of this group">Events count for a group when they are sent after posthog.group() or with $groups.</Empty>
    return (
        <>
            {list.data.map((event) => (
                <div key={event.row.uuid}>
                    <div
                        role="button"
                        tabIndex={0}
                        data-list-row
                        aria-expanded={open === event.row.uuid}
                        onClick={() => setOpen(open === event.row.uuid ? null : event.row.uuid)}
                        onKeyDown={(key) => {
                            if (key.key === 'Enter' && key.target === key.currentTarget) setOpen(open === event.row.uuid ? null : event.row.uuid)
                        }}
                        className={cx('row-line grid h-8 cursor-pointer grid-cols-[minmax(0,1fr)_minmax(0,1fr)_80px] items-center gap-4 px-4 hover:bg-sunken focus-visible:-outline-offset-2 md:grid-cols-[minmax(0,1fr)_minmax(0,1fr)_minmax(0,1.4fr)_80px]', open === event.row.uuid && 'bg-sunken')}
                    >
                        <span className="truncate font-[550]" dir="auto">
                            {eventLabel(event.row.event)}
                        </span>
                        <span className="truncate text-ink-2" dir="auto">
                            {personName(event.person?.properties, shortId(event.row.distinct_id), project.person_display_name_properties)}
                        </span>
                        <span className="hidden truncate text-ink-2 md:block">{place(event.row.properties)}</span>
                        <time className="text-right text-ink-3" dateTime={event.row.timestamp}>
                            {formatAgo(event.row.timestamp, now)}
                        </time>
                    </div>
                    {open === event.row.uuid ? <EventDetails event={event} /> : null}
                </div>
            ))}
            <div className="px-4 py-2.5">
                <Link to="/project/$projectId/activity" params={{ projectId: String(project.id) }} search={{ from: 'all', filters: [filter] }} className={buttonClass('plain', 'small')}>
                    Open in Activity
                </Link>
            </div>
        </>
    )
}
