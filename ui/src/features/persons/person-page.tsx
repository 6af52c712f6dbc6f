import { useInfiniteQuery, useQuery, useQueryClient } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import { Trash2 } from 'lucide-react'
import { useState, type ReactNode } from 'react'
import { path, request } from '@/api/client'
import { useProject } from '@/api/project'
import { person as personQuery, runQuery } from '@/api/queries'
import type { Person } from '@/api/types'
import { asText, EventDetails, personName, place, readEventRow, shortId } from '@/features/events/public'
import { EventPicker } from '@/features/filters/public'
import { eventLabel } from '@/lib/known-names'
import { count } from '@/lib/numbers'
import { formatAgo, formatClock, formatDate, formatDateTime, formatSeconds } from '@/lib/time'
import { Button, buttonClass } from '@/ui/button'
import { Checkbox } from '@/ui/choice'
import { cx } from '@/ui/classes'
import { CopyLine } from '@/ui/copy'
import { Confirm } from '@/ui/floating'
import { Page } from '@/ui/page'
import { Panel } from '@/ui/panel'
import { Empty, Failed, Skeleton, SkeletonRows, useNow } from '@/ui/states'
import { TabBar } from '@/ui/tab-links'
import { complain, say } from '@/ui/toast'
import { PersonCohorts, PersonFlags } from './person-flags'
import { PersonProperties } from './person-properties'
import { groupSessions, type Session } from './sessions'
import { whereFrom } from './where'

const route = getRouteApi('/project/$projectId/persons/$personId')

export function PersonPage() {
    const project = useProject()
    const { personId } = route.useParams()
    const found = useQuery(personQuery(project.id, personId))
    const crumbs = (
        <Link to="/project/$projectId/persons" params={{ projectId: String(project.id) }}>
            Persons
        </Link>
    )
    if (found.isError) {
        return (
            <Page title="Person" crumbs={crumbs}>
                <Failed what="This person could not be read" error={found.error} onRetry={() => void found.refetch()} />
            </Page>
        )
    }
    if (found.isPending) {
        return (
            <Page title="Person" crumbs={crumbs}>
                <Skeleton className="h-16" />
                <Panel className="mt-4">
                    <SkeletonRows rows={10} columns={3} />
                </Panel>
            </Page>
        )
    }
    if (!found.data) return <NoPerson id={personId} crumbs={crumbs} />
    return <KnownPerson person={found.data} crumbs={crumbs} />
}

/** A distinct id without a profile still has events. */
function NoPerson({ id, crumbs }: { id: string; crumbs: ReactNode }) {
    const project = useProject()
    return (
        <Page title={shortId(id)} crumbs={crumbs}>
            <Empty
                title="No profile for this ID"
                action={
                    <Link
                        to="/project/$projectId/activity"
                        params={{ projectId: String(project.id) }}
                        search={{ from: 'all', filters: [{ type: 'event_metadata', key: 'distinct_id', operator: 'exact', value: [id] }] }}
                        className={buttonClass('primary')}
                    >
                        Show its events
                    </Link>
                }
            >
                Its events were sent without a person profile, or the person was deleted. Call <code className="font-mono text-[12px]">identify</code> to give it one.
            </Empty>
        </Page>
    )
}

function KnownPerson({ person, crumbs }: { person: Person; crumbs: ReactNode }) {
    const project = useProject()
    const search = route.useSearch()
    const navigate = route.useNavigate()
    const now = useNow(30_000)
    const tab = search.tab ?? 'timeline'
    const name = personName(person.properties, shortId(person.distinct_ids[0] ?? person.uuid), project.person_display_name_properties)
    const facts: [string, ReactNode][] = [
        [
            'First seen',
            <time key="first" dateTime={person.created_at} title={formatDateTime(person.created_at, project.timezone)}>
                {formatAgo(person.created_at, now)}
            </time>,
        ],
        ...(person.last_seen_at ? ([['Last seen', formatAgo(person.last_seen_at, now)]] as [string, ReactNode][]) : []),
        ['From', whereFrom(person) || 'unknown'],
        ['Browser', [person.properties['$browser'], person.properties['$os']].map(asText).filter(Boolean).join(', ') || 'unknown'],
        ['Came by', asText(person.properties['$initial_referring_domain']).replace('$direct', 'typing the address') || asText(person.properties['$initial_utm_source']) || 'unknown'],
    ]
    return (
        <Page title={name} crumbs={crumbs} actions={<DeletePerson person={person} name={name} />}>
            <dl className="mb-4 flex flex-wrap gap-x-9 gap-y-3">
                {facts.map(([label, value]) => (
                    <div key={label} className="min-w-0">
                        <dt className="text-sm text-ink-2">{label}</dt>
                        <dd className="max-w-[260px] truncate text-lg font-[560]" dir="auto">
                            {value}
                        </dd>
                    </div>
                ))}
            </dl>
            <TabBar
                label="Views of this person"
                value={tab}
                onChange={(next) => void navigate({ search: { tab: next === 'timeline' ? undefined : next } })}
                tabs={[
                    { value: 'timeline', label: 'Timeline' },
                    { value: 'properties', label: `Properties ${Object.keys(person.properties).length}` },
                    { value: 'flags', label: 'Flags and cohorts' },
                    { value: 'ids', label: `Distinct IDs ${person.distinct_ids.length}` },
                ]}
            />
            <div className="mt-4">
                {tab === 'timeline' ? <Timeline person={person} event={search.event ?? null} onEvent={(event) => void navigate({ search: (old) => ({ ...old, event: event ?? undefined }), replace: true })} /> : null}
                {tab === 'properties' ? <PersonProperties person={person} /> : null}
                {tab === 'flags' ? (
                    <div className="grid items-start gap-4 lg:grid-cols-[minmax(0,1fr)_300px]">
                        <PersonFlags person={person} />
                        <PersonCohorts person={person} />
                    </div>
                ) : null}
                {tab === 'ids' ? <DistinctIds person={person} /> : null}
            </div>
        </Page>
    )
}

function Timeline({ person, event, onEvent }: { person: Person; event: string | null; onEvent: (event: string | null) => void }) {
    const project = useProject()
    const size = 100
    const id = person.uuid ?? person.id
    const list = useInfiniteQuery({
        queryKey: ['person-events', project.id, id, event],
        queryFn: async ({ pageParam, signal }) => {
            const response = await runQuery<unknown[][]>(
                project.id,
                { kind: 'EventsQuery', select: ['*', 'timestamp'], personId: id, event: event ?? undefined, after: 'all', orderBy: ['timestamp DESC', 'uuid DESC'], limit: size, offset: pageParam },
                { signal }
            )
            return { events: response.results.map((cells) => readEventRow(cells[0])), hasMore: response.hasMore ?? response.results.length === size }
        },
        initialPageParam: 0,
        getNextPageParam: (last, all) => (last.hasMore ? all.length * size : undefined),
        retry: false,
    })
    const sessions = groupSessions((list.data?.pages ?? []).flatMap((page) => page.events))
    return (
        <>
            <div className="mb-3 flex items-center gap-2">
                <EventPicker value={event} onChange={onEvent} className="w-[200px]" />
            </div>
            {list.isPending ? (
                <Panel>
                    <SkeletonRows rows={10} columns={3} />
                </Panel>
            ) : list.isError ? (
                <Failed what="The events could not be read" error={list.error} onRetry={() => void list.refetch()} />
            ) : sessions.length === 0 ? (
                <Empty title={event ? 'No such event of this person' : 'No events of this person'}>{event ? 'Choose another event, or all of them.' : 'Their events may have been deleted, or were sent under another ID.'}</Empty>
            ) : (
                <div className="flex flex-col gap-3">
                    {sessions.map((session) => (
                        <SessionBlock key={`${session.id}-${session.end}`} session={session} person={person} />
                    ))}
                    {list.hasNextPage ? (
                        <Button className="self-center" busy={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>
                            Show earlier events
                        </Button>
                    ) : null}
                </div>
            )}
        </>
    )
}

function SessionBlock({ session, person }: { session: Session; person: Person }) {
    const project = useProject()
    const [open, setOpen] = useState<string | null>(null)
    const seconds = (Date.parse(session.end) - Date.parse(session.start)) / 1000
    const entry = session.events.at(-1)
    return (
        <Panel label={`Session of ${formatDateTime(session.start, project.timezone)}`} className="overflow-hidden">
            <div className="row-line flex flex-wrap items-baseline gap-x-4 gap-y-0.5 bg-sunken px-4 py-1.5 text-sm">
                <h2 className="font-[600]">{formatDate(session.start, project.timezone)}</h2>
                <span className="text-ink-2">
                    {formatClock(session.start, project.timezone)} to {formatClock(session.end, project.timezone)}
                </span>
                <span className="text-ink-3">
                    {count(session.events.length, 'event')}
                    {seconds >= 1 ? ` in ${formatSeconds(seconds)}` : ''}
                </span>
                {entry ? <span className="truncate text-ink-3">entered at {place(entry.properties) || 'an unknown place'}</span> : null}
                {session.id ? null : <span className="text-ink-3">no session ID</span>}
            </div>
            {session.events.map((event) => (
                <div key={event.uuid}>
                    <div
                        role="button"
                        tabIndex={0}
                        data-list-row
                        aria-expanded={open === event.uuid}
                        onClick={() => setOpen(open === event.uuid ? null : event.uuid)}
                        onKeyDown={(key) => {
                            if (key.key === 'Enter' && key.target === key.currentTarget) setOpen(open === event.uuid ? null : event.uuid)
                        }}
                        className={cx('row-line grid h-8 cursor-pointer grid-cols-[72px_minmax(0,1fr)_minmax(0,1.4fr)] items-center gap-4 px-4 hover:bg-sunken focus-visible:-outline-offset-2', open === event.uuid && 'bg-sunken')}
                    >
                        <time className="text-ink-3" dateTime={event.timestamp}>
                            {formatClock(event.timestamp, project.timezone)}
                        </time>
                        <span className="truncate font-[550]" dir="auto">
                            {eventLabel(event.event)}
                        </span>
                        <span className="truncate text-ink-2" dir="auto">
                            {place(event.properties)}
                        </span>
                    </div>
                    {open === event.uuid ? <EventDetails event={{ row: event, person: { uuid: person.uuid, distinct_id: event.distinct_id, properties: person.properties } }} /> : null}
                </div>
            ))}
        </Panel>
    )
}

function DistinctIds({ person }: { person: Person }) {
    const project = useProject()
    const client = useQueryClient()
    const split = async () => {
        try {
            await request('POST', `/api/projects/${project.id}/persons/${person.uuid ?? person.id}/split/`, {})
            say('Each distinct ID is a person of its own now.')
            await client.invalidateQueries({ queryKey: ['person', project.id] })
        } catch (error) {
            complain(error, 'Nothing was split.')
            throw error
        }
    }
    return (
        <div className="flex flex-col gap-3">
            <p className="max-w-[640px] text-ink-2">
                {person.distinct_ids.length === 1
                    ? 'One ID has been seen for this person.'
                    : `These ${person.distinct_ids.length} IDs were found to be one person, by identify, alias or merge. Their events count as one person everywhere.`}
            </p>
            <Panel label="Distinct IDs" className="overflow-hidden">
                <ul>
                    {person.distinct_ids.map((id) => (
                        <li key={id} className="row-line flex h-8 items-center px-4 last:border-0">
                            <CopyLine text={id} label="distinct ID" />
                        </li>
                    ))}
                </ul>
            </Panel>
            {person.distinct_ids.length > 1 ? (
                <Confirm
                    trigger={<Button className="self-start">Split into single persons</Button>}
                    title="Split this person?"
                    consequence={`The first ID keeps the properties; the other ${person.distinct_ids.length - 1} become persons without properties. Charts that count persons change.`}
                    action="Split person"
                    onConfirm={split}
                />
            ) : null}
        </div>
    )
}

function DeletePerson({ person, name }: { person: Person; name: string }) {
    const project = useProject()
    const navigate = route.useNavigate()
    const client = useQueryClient()
    const [events, setEvents] = useState(false)
    const remove = async () => {
        try {
            await request('DELETE', path(`/api/projects/${project.id}/persons/${person.uuid ?? person.id}/`, { delete_events: events || undefined }))
            say(events ? `${name} is deleted; their events follow.` : `${name} is deleted.`)
            client.removeQueries({ queryKey: ['person', project.id] })
            await client.invalidateQueries({ queryKey: ['persons', project.id] })
            await navigate({ to: '/project/$projectId/persons', params: { projectId: String(project.id) }, search: {} })
        } catch (error) {
            complain(error, 'The person was not deleted.')
            throw error
        }
    }
    return (
        <Confirm
            trigger={
                <Button kind="danger" aria-label="Delete person">
                    <Trash2 className="size-3.5" aria-hidden /> <span className="hidden sm:inline">Delete</span>
                </Button>
            }
            title={`Delete ${name}?`}
            consequence="The profile, its properties and its distinct IDs are removed for good. An event sent later with one of these IDs makes a new person."
            action="Delete person"
            onConfirm={remove}
        >
            <Checkbox checked={events} onChange={setEvents} label="Delete their events too" />
        </Confirm>
    )
}
