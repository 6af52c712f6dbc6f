import { useQuery } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import { BadgeCheck, EyeOff } from 'lucide-react'
import { useEffect, useState } from 'react'
import { useProject } from '@/api/project'
import { eventDefinitions, propertyDefinitions } from '@/api/queries'
import type { EventDefinition } from '@/api/types'
import { eventLabel, propertyLabel } from '@/lib/known-names'
import { count } from '@/lib/numbers'
import { formatAgo, formatDateTime } from '@/lib/time'
import { buttonClass } from '@/ui/button'
import { Checkbox } from '@/ui/choice'
import { SearchInput } from '@/ui/field'
import { Chip, Panel } from '@/ui/panel'
import { Empty, Failed, SkeletonRows, useNow, useSettled } from '@/ui/states'
import { sorted, Table, type Column, type Sorting } from '@/ui/table'
import { DefinitionSheet } from './definition-sheet'

const route = getRouteApi('/project/$projectId/data/$section')

export function EventDefinitions() {
    const project = useProject()
    const search = route.useSearch()
    const navigate = route.useNavigate()
    const now = useNow(30_000)
    const [typed, setTyped] = useState(search.search ?? '')
    const settled = useSettled(typed, 200)
    const [sorting, setSorting] = useState<Sorting | null>(null)
    useEffect(() => {
        if ((search.search ?? '') !== settled) void navigate({ search: (old) => ({ ...old, search: settled || undefined }), replace: true })
    }, [settled]) // only typing moves the address
    const list = useQuery(eventDefinitions(project.id, search.search ?? '', { limit: 500, hidden: search.hidden ?? false }))
    const columns: Column<EventDefinition>[] = [
        {
            id: 'name',
            label: 'Event',
            sort: (row) => eventLabel(row.name).toLowerCase(),
            cell: (row) => (
                <span className="flex items-center gap-1.5">
                    <span className="truncate font-[550]" dir="auto" title={row.name}>
                        {eventLabel(row.name)}
                    </span>
                    {row.verified ? <BadgeCheck className="size-4 shrink-0 text-good" aria-label="Verified" /> : null}
                    {row.hidden ? <EyeOff className="size-3.5 shrink-0 text-ink-3" aria-label="Hidden" /> : null}
                </span>
            ),
        },
        { id: 'raw', label: 'Name as sent', wide: true, cell: (row) => (eventLabel(row.name) === row.name ? null : <span className="font-mono text-[12px] text-ink-2">{row.name}</span>) },
        { id: 'description', label: 'Description', wide: true, cell: (row) => <span className="text-ink-2">{row.description}</span> },
        {
            id: 'seen',
            label: 'Last seen',
            numeric: true,
            width: '110px',
            sort: (row) => Date.parse(row.last_seen_at ?? '') || 0,
            cell: (row) => <span className="text-ink-3">{row.last_seen_at ? formatAgo(row.last_seen_at, now) : '–'}</span>,
        },
    ]
    const rows = sorted(list.data?.results ?? [], columns, sorting)
    const open = rows.find((row) => row.id === search.open)
    return (
        <>
            <div className="mb-3 flex flex-wrap items-center gap-3">
                <SearchInput label="Search events" className="w-[300px] max-w-full" value={typed} onChange={setTyped} />
                <Checkbox className="text-ink-2" label="Show hidden" checked={search.hidden ?? false} onChange={(on) => void navigate({ search: (old) => ({ ...old, hidden: on || undefined }), replace: true })} />
                {list.data?.count !== undefined ? <span className="ml-auto text-sm text-ink-3">{count(list.data.count, 'event')}</span> : null}
            </div>
            <Panel label="Events" className="overflow-hidden">
                {list.isPending ? (
                    <SkeletonRows rows={12} columns={4} />
                ) : list.isError ? (
                    <Failed what="The events could not be read" error={list.error} onRetry={() => void list.refetch()} />
                ) : rows.length === 0 ? (
                    <Empty
                        title={search.search ? 'No event has this in its name' : 'No events yet'}
                        action={
                            search.search ? null : (
                                <Link to="/project/$projectId/onboarding" params={{ projectId: String(project.id) }} className={buttonClass('primary')}>
                                    Send a first event
                                </Link>
                            )
                        }
                    >
                        {search.search ? 'Names are searched as they are sent.' : 'Every event name that is sent appears here by itself, with its properties and their types. Nothing has to be declared first.'}
                    </Empty>
                ) : (
                    <Table label="Events" rows={rows} columns={columns} rowKey={(row) => row.id} sorting={sorting} onSort={setSorting} dim={list.isPlaceholderData} onOpen={(row) => void navigate({ search: (old) => ({ ...old, open: row.id }) })} />
                )}
            </Panel>
            {open ? (
                <DefinitionSheet
                    key={open.id}
                    definition={open}
                    kind="event"
                    label={eventLabel(open.name)}
                    onClose={() => void navigate({ search: (old) => ({ ...old, open: undefined }) })}
                    facts={<EventFacts event={open} />}
                />
            ) : null}
        </>
    )
}

function EventFacts({ event }: { event: EventDefinition }) {
    const project = useProject()
    const properties = useQuery(propertyDefinitions(project.id, { type: 'event' }, '', { events: [event.name], onlySeen: true, limit: 60 }))
    const params = { projectId: String(project.id) }
    return (
        <>
            <div className="flex flex-wrap gap-2">
                <Link to="/project/$projectId/activity" params={params} search={{ event: event.name, from: '-7d' }} className={buttonClass('plain', 'small')}>
                    See its events
                </Link>
                <Link to="/project/$projectId/insights/new" params={params} search={{ series: [{ event: event.name, math: 'total', filters: [] }], from: '-30d' }} className={buttonClass('plain', 'small')}>
                    Chart it
                </Link>
            </div>
            <dl className="grid grid-cols-[auto_1fr] gap-x-6 gap-y-1 text-sm">
                <dt className="text-ink-3">First seen</dt>
                <dd>{event.created_at ? formatDateTime(event.created_at, project.timezone) : '–'}</dd>
                <dt className="text-ink-3">Last seen</dt>
                <dd>{event.last_seen_at ? formatDateTime(event.last_seen_at, project.timezone) : '–'}</dd>
            </dl>
            {properties.data && properties.data.results.length > 0 ? (
                <div>
                    <h3 className="mb-1.5 text-sm font-[550] text-ink-2">Properties sent with it</h3>
                    <div className="flex flex-wrap gap-1">
                        {properties.data.results.map((property) => (
                            <Chip key={property.id} title={property.name}>
                                {propertyLabel(property.name)}
                            </Chip>
                        ))}
                    </div>
                </div>
            ) : null}
        </>
    )
}
