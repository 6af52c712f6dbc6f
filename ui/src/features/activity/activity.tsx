import { keepPreviousData, useInfiniteQuery } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import { useVirtualizer } from '@tanstack/react-virtual'
import { ArrowDown, ArrowUp, ChevronRight, Download, RefreshCw } from 'lucide-react'
import { useEffect, useMemo, useRef, useState } from 'react'
import { useProject } from '@/api/project'
import { runQuery } from '@/api/queries'
import type { EventPerson, PropertyFilter } from '@/api/types'
import { asText, columnLabel, columnValue, EventDetails, personName, place, readEventRow, shortId, type ShownEvent } from '@/features/events/public'
import { DateRangePicker, EventPicker, FilterChips } from '@/features/filters/public'
import { download, toCsv } from '@/lib/csv'
import { eventLabel } from '@/lib/known-names'
import { count } from '@/lib/numbers'
import { formatAgo, formatDateTime } from '@/lib/time'
import { Button, buttonClass, IconButton } from '@/ui/button'
import { Checkbox } from '@/ui/choice'
import { cx } from '@/ui/classes'
import { useNarrow } from '@/ui/narrow'
import { Page } from '@/ui/page'
import { Empty, Failed, SkeletonRows, useLasting, useNow } from '@/ui/states'
import { complain, say } from '@/ui/toast'
import { ColumnChooser } from './columns'
import { eventsQuery, rangeOf } from './events-query'
import { defaultColumns, type ActivitySearch } from './search'

const route = getRouteApi('/project/$projectId/activity')
const pageSize = 100
const exportLimit = 10_000

export function ActivityPage() {
    const project = useProject()
    const search = route.useSearch()
    const navigate = route.useNavigate()
    const [anchor, setAnchor] = useState(() => new Date().toISOString())
    const change = (part: Partial<ActivitySearch>) => void navigate({ search: (old) => ({ ...old, ...part }), replace: true })
    const [exporting, setExporting] = useState(false)
    const columns = search.columns ?? defaultColumns
    const filters = search.filters ?? []

    const list = useInfiniteQuery({
        queryKey: ['activity', project.id, { ...search, columns: undefined, open: undefined }, anchor],
        queryFn: ({ pageParam, signal }) => loadEvents(project.id, search, anchor, pageSize, pageParam, signal),
        initialPageParam: 0,
        getNextPageParam: (last, all) => (last.hasMore ? all.length * pageSize : undefined),
        placeholderData: keepPreviousData,
        retry: false,
    })
    const dim = useLasting(list.isPlaceholderData, 300)
    const events = useMemo(() => {
        const seen = new Set<string>()
        return (list.data?.pages ?? []).flatMap((page) => page.events).filter((event) => !seen.has(event.row.uuid) && seen.add(event.row.uuid))
    }, [list.data])

    const exportCsv = async () => {
        setExporting(true)
        try {
            const { events: all, hasMore } = await loadEvents(project.id, search, anchor, exportLimit, 0)
            const rows = all.map((event) => columns.map((column) => columnValue(column, event)))
            download(`${project.name}-events.csv`, 'text/csv', toCsv(columns.map(columnLabel), rows))
            say(hasMore ? `Exported the first ${count(all.length, 'event')}.` : `Exported ${count(all.length, 'event')}.`)
        } catch (error) {
            complain(error, 'Nothing was exported.')
        } finally {
            setExporting(false)
        }
    }
    return (
        <Page
            title="Activity"
            fill
            actions={
                <>
                    <IconButton kind="plain" label="Load the newest events" onClick={() => setAnchor(new Date().toISOString())}>
                        <RefreshCw aria-hidden className={list.isFetching ? 'breathe' : undefined} />
                    </IconButton>
                    <Button onClick={() => void exportCsv()} busy={exporting} disabled={events.length === 0} aria-label="Export as CSV">
                        <Download className="size-4" aria-hidden /> <span className="hidden sm:inline">Export</span>
                    </Button>
                </>
            }
        >
            <div className="flex shrink-0 flex-wrap items-center gap-2 border-b border-line px-3 py-2 md:px-5">
                <EventPicker value={search.event ?? null} onChange={(event) => change({ event: event ?? undefined })} className="w-[170px]" />
                <DateRangePicker quick={false} range={rangeOf(search)} onChange={(range) => change({ from: range.from, to: range.to ?? undefined })} />
                <FilterChips filters={filters} onChange={(next) => change({ filters: next.length > 0 ? next : undefined })} events={search.event ? [search.event] : undefined} />
                <span className="ml-auto flex items-center gap-3">
                    {project.test_account_filters.length > 0 ? (
                        <Checkbox label="Hide internal users" checked={search.test ?? false} onChange={(on) => change({ test: on || undefined })} className="text-ink-2" />
                    ) : null}
                    <ColumnChooser columns={columns} onChange={(next) => change({ columns: sameColumns(next, defaultColumns) ? undefined : next })} />
                </span>
            </div>
            {list.isPending ? (
                <SkeletonRows rows={18} columns={5} />
            ) : list.isError ? (
                <Failed what="The events could not be read" error={list.error} onRetry={() => void list.refetch()} />
            ) : events.length === 0 ? (
                <NoEvents search={search} onWiden={() => change({ from: 'all', to: undefined })} onClear={() => change({ event: undefined, filters: undefined, test: undefined })} />
            ) : (
                <EventTable
                    dim={dim}
                    events={events}
                    columns={columns}
                    order={search.order}
                    onOrder={() => change({ order: search.order ? undefined : 'oldest' })}
                    open={search.open ?? null}
                    onOpen={(uuid) => change({ open: uuid ?? undefined })}
                    more={list.hasNextPage}
                    loading={list.isFetchingNextPage}
                    onMore={() => void list.fetchNextPage()}
                    onFilter={(filter) => change({ filters: [...filters, filter] })}
                />
            )}
        </Page>
    )
}

const sameColumns = (a: string[], b: string[]): boolean => a.length === b.length && a.every((column, index) => column === b[index])

async function loadEvents(projectId: number, search: ActivitySearch, anchor: string, limit: number, offset: number, signal?: AbortSignal): Promise<{ events: ShownEvent[]; hasMore: boolean }> {
    const response = await runQuery<unknown[][]>(projectId, eventsQuery(search, anchor, limit, offset), { signal })
    const events = response.results.map((cells): ShownEvent => ({ row: readEventRow(cells[0]), person: (cells[1] as EventPerson | null) ?? null }))
    return { events, hasMore: response.hasMore ?? events.length === limit }
}

type TableProps = {
    dim: boolean
    events: ShownEvent[]
    columns: string[]
    order: 'oldest' | undefined
    onOrder: () => void
    open: string | null
    onOpen: (uuid: string | null) => void
    more: boolean
    loading: boolean
    onMore: () => void
    onFilter: (filter: PropertyFilter) => void
}

const widths: Record<string, string> = { event: 'minmax(160px,1.2fr)', person: 'minmax(150px,1.2fr)', url: 'minmax(180px,1.8fr)', library: 'minmax(80px,.6fr)', time: 'minmax(96px,.6fr)' }

function EventTable({ dim, events, columns: wanted, order, onOrder, open, onOpen, more, loading, onMore, onFilter }: TableProps) {
    const narrow = useNarrow()
    const columns = narrow ? [wanted[0] ?? 'event', 'time'] : wanted
    const scroller = useRef<HTMLDivElement>(null)
    const virtual = useVirtualizer({
        count: events.length,
        getScrollElement: () => scroller.current,
        estimateSize: () => 32,
        getItemKey: (index) => events[index]?.row.uuid ?? index,
        overscan: 12,
    })
    const items = virtual.getVirtualItems()
    const last = items.at(-1)?.index ?? 0
    useEffect(() => {
        if (more && !loading && last >= events.length - 20) onMore()
    }, [last, more, loading, events.length, onMore])
    const template = `28px ${columns.map((column) => (narrow ? (column === 'time' ? '92px' : 'minmax(0,1fr)') : (widths[column] ?? 'minmax(140px,1fr)'))).join(' ')}`

    return (
        <div ref={scroller} className={cx('min-h-0 flex-1 overflow-auto transition-opacity duration-[120ms]', dim && 'opacity-50')} tabIndex={-1}>
            <div role="table" aria-label="Events" aria-rowcount={more ? -1 : events.length + 1} className="min-w-fit">
                <div role="row" className="row-line sticky top-0 z-10 grid h-8 items-center gap-4 bg-bg px-3 text-sm font-[550] text-ink-2 md:px-5" style={{ gridTemplateColumns: template }}>
                    <span role="columnheader">
                        <span className="sr-only">Details</span>
                    </span>
                    {columns.map((column) =>
                        column === 'time' ? (
                            <span key={column} role="columnheader" aria-sort={order ? 'ascending' : 'descending'} className="flex justify-end">
                                <button type="button" onClick={onOrder} className="flex items-center gap-1 hover:text-ink" title={order ? 'Oldest first' : 'Newest first'}>
                                    Time {order ? <ArrowUp className="size-3" aria-hidden /> : <ArrowDown className="size-3" aria-hidden />}
                                </button>
                            </span>
                        ) : (
                            <span key={column} role="columnheader" className="truncate" title={column}>
                                {columnLabel(column)}
                            </span>
                        )
                    )}
                </div>
                <div className="relative" style={{ height: virtual.getTotalSize() }}>
                    {items.map((item) => {
                        const event = events[item.index]
                        if (!event) return null
                        return (
                            <div key={item.key} data-index={item.index} ref={virtual.measureElement} className="absolute inset-x-0 top-0" style={{ transform: `translateY(${item.start}px)` }}>
                                <EventLine
                                    event={event}
                                    columns={columns}
                                    template={template}
                                    open={open === event.row.uuid}
                                    onToggle={() => onOpen(open === event.row.uuid ? null : event.row.uuid)}
                                    onFilter={(key, value) => onFilter({ type: 'event', key, operator: 'exact', value: [asText(value)] })}
                                />
                            </div>
                        )
                    })}
                </div>
            </div>
            <p role="status" className="px-5 py-3 text-sm text-ink-3">
                {loading ? 'Loading more…' : more ? `${count(events.length, 'event')} loaded, scroll for more` : `${count(events.length, 'event')}, that is all`}
            </p>
        </div>
    )
}

function EventLine({ event, columns, template, open, onToggle, onFilter }: { event: ShownEvent; columns: string[]; template: string; open: boolean; onToggle: () => void; onFilter: (key: string, value: unknown) => void }) {
    return (
        <>
            <div
                role="row"
                tabIndex={0}
                data-list-row
                onClick={onToggle}
                onKeyDown={(key) => {
                    if (key.key === 'Enter' && key.target === key.currentTarget) onToggle()
                }}
                className={cx('row-line grid h-8 cursor-pointer items-center gap-4 px-3 hover:bg-sunken focus-visible:-outline-offset-2 md:px-5', open && 'bg-sunken')}
                style={{ gridTemplateColumns: template }}
            >
                <span role="cell">
                    <button
                        type="button"
                        aria-expanded={open}
                        aria-label={`Details of ${eventLabel(event.row.event)}`}
                        tabIndex={-1}
                        onClick={(click) => {
                            click.stopPropagation()
                            onToggle()
                        }}
                        className="flex size-5 items-center justify-center rounded-sm text-ink-3"
                    >
                        <ChevronRight className={cx('size-4 transition-transform duration-[120ms]', open && 'rotate-90')} aria-hidden />
                    </button>
                </span>
                {columns.map((column) => (
                    <span role="cell" key={column} className={cx('min-w-0 truncate', column === 'time' && 'text-right')}>
                        <Cell column={column} event={event} />
                    </span>
                ))}
            </div>
            {open ? (
                <div role="row">
                    <div role="cell" aria-colspan={columns.length + 1}>
                        <EventDetails event={event} onFilter={onFilter} />
                    </div>
                </div>
            ) : null}
        </>
    )
}

function Cell({ column, event }: { column: string; event: ShownEvent }) {
    const project = useProject()
    const now = useNow(15_000)
    const { row, person } = event
    switch (column) {
        case 'event':
            return (
                <span className="font-[550]" title={row.event} dir="auto">
                    {eventLabel(row.event)}
                </span>
            )
        case 'person':
            return (
                <Link
                    to="/project/$projectId/persons/$personId"
                    params={{ projectId: String(project.id), personId: person?.uuid ?? row.distinct_id }}
                    onClick={(click) => click.stopPropagation()}
                    title={row.distinct_id}
                    className="text-ink-2 hover:text-ink hover:underline"
                    dir="auto"
                >
                    {personName(person?.properties, shortId(row.distinct_id), project.person_display_name_properties)}
                </Link>
            )
        case 'url':
            return (
                <span className="text-ink-2" title={asText(row.properties['$current_url'])} dir="auto">
                    {place(row.properties)}
                </span>
            )
        case 'time':
            return (
                <time className="text-ink-3" dateTime={row.timestamp} title={`${formatDateTime(row.timestamp, project.timezone)} ${project.timezone}`}>
                    {formatAgo(row.timestamp, now)}
                </time>
            )
        default: {
            const value = columnValue(column, event)
            return (
                <span className={column === 'library' ? 'text-ink-3' : 'text-ink-2'} title={asText(value)} dir="auto">
                    {asText(value)}
                </span>
            )
        }
    }
}

function NoEvents({ search, onWiden, onClear }: { search: ActivitySearch; onWiden: () => void; onClear: () => void }) {
    const project = useProject()
    const filtered = Boolean(search.event || search.filters?.length || search.test)
    if (!project.ingested_event) {
        return (
            <Empty
                title="No events yet"
                action={
                    <Link to="/project/$projectId/onboarding" params={{ projectId: String(project.id) }} className={buttonClass('primary')}>
                        Send a first event
                    </Link>
                }
            >
                Here you will find every event that was sent: who, when, where, with all its properties, a second after it happened.
            </Empty>
        )
    }
    return (
        <Empty
            title={filtered ? 'No event matches' : 'No events in this time'}
            action={
                <>
                    {search.from !== 'all' ? (
                        <Button kind="primary" onClick={onWiden}>
                            Look at all time
                        </Button>
                    ) : null}
                    {filtered ? <Button onClick={onClear}>Clear filters</Button> : null}
                </>
            }
        >
            {filtered ? 'Widen the dates or remove a filter.' : 'Events exist in this project, but none in the dates chosen.'}
        </Empty>
    )
}
