import { useQuery, useQueryClient } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import { ArrowUp, Pause, Play } from 'lucide-react'
import { useEffect, useRef, useState } from 'react'
import { followLiveEvents, type StreamState } from '@/api/live-stream'
import { useProject } from '@/api/project'
import { ingestionHealth, liveStats } from '@/api/queries'
import type { LiveEvent } from '@/api/types'
import { asText, EventDetails, place, shortId } from '@/features/events/public'
import { EventPicker } from '@/features/filters/public'
import { eventLabel } from '@/lib/known-names'
import { count, formatNumber } from '@/lib/numbers'
import { formatAgo, formatClock } from '@/lib/time'
import { Button, buttonClass } from '@/ui/button'
import { cx } from '@/ui/classes'
import { SearchInput } from '@/ui/field'
import { Page } from '@/ui/page'
import { Dot } from '@/ui/panel'
import { Empty, useNow } from '@/ui/states'
import { addToRates, emptyRates, perSecond, tops } from './rates'

const route = getRouteApi('/project/$projectId/live')
const kept = 300

export function LivePage() {
    const project = useProject()
    const search = route.useSearch()
    const navigate = route.useNavigate()
    const [paused, setPaused] = useState(false)
    const stream = useStream(search.event, paused)
    const stats = useQuery(liveStats(project.live_events_token))
    // A watcher gets at most what its channel can hold; the true pace is the server's.
    const health = useQuery(ingestionHealth(project.id))
    const seen = perSecond(stream.rates)
    const rate = Math.max(seen, health.data?.accepted.per_second ?? 0)
    const partly = rate > 50 && rate > seen * 1.5
    const [open, setOpen] = useState<string | null>(null)
    const now = useNow(1000)
    const wanted = (search.search ?? '').toLowerCase()
    const rows = wanted === '' ? stream.rows : stream.rows.filter((event) => matches(event, wanted))

    return (
        <Page
            title="Live"
            fill
            actions={
                <Button kind={paused ? 'primary' : 'plain'} onClick={() => setPaused(!paused)} aria-pressed={paused}>
                    {paused ? <Play className="size-3.5" aria-hidden /> : <Pause className="size-3.5" aria-hidden />}
                    {paused ? 'Resume' : 'Pause'}
                </Button>
            }
        >
            <div className="grid shrink-0 grid-cols-2 gap-x-6 gap-y-3 border-b border-line px-3 py-3 md:flex md:gap-9 md:px-5">
                <Figure label="Events per second" value={formatNumber(rate >= 10 ? Math.round(rate) : Math.round(rate * 10) / 10)} extra={partly ? null : <Spark counts={stream.rates.counts} />} />
                <Figure label="Persons online now" value={formatNumber(stats.data?.users_on_product ?? new Set(stream.rows.map((event) => event.distinct_id)).size)} />
                <Ranking label="Most frequent" entries={tops(stream.rows.map((event) => eventLabel(event.event)), 3)} />
                <Ranking label="From where" entries={tops(stream.rows.map((event) => asText(event.properties['$geoip_country_name'] ?? event.properties['$geoip_country_code']) || undefined), 3)} />
            </div>
            <div className="flex shrink-0 flex-wrap items-center gap-2 border-b border-line px-3 py-2 md:px-5">
                <EventPicker value={search.event ?? null} onChange={(event) => void navigate({ search: (old) => ({ ...old, event: event ?? undefined }), replace: true })} className="w-[180px]" />
                <SearchInput
                    label="Filter by person, page or property"
                    className="w-[260px] max-w-full flex-1 md:flex-none"
                    value={search.search ?? ''}
                    onChange={(text) => void navigate({ search: (old) => ({ ...old, search: text || undefined }), replace: true })}
                />
                <StreamLine state={stream.state} paused={paused} held={stream.held} partly={partly} />
            </div>
            <div className="relative min-h-0 flex-1">
                {stream.held > 0 && !paused ? (
                    <button
                        type="button"
                        onClick={stream.release}
                        className={cx(buttonClass('plain', 'small'), 'arrive absolute top-2 left-1/2 z-10 -translate-x-1/2 !rounded-full shadow-float')}
                    >
                        <ArrowUp className="size-3.5" aria-hidden /> {count(stream.held, 'new event')}
                    </button>
                ) : null}
                <div ref={stream.scroller} onScroll={stream.onScroll} className="h-full overflow-auto" role="log" aria-label="Live events" aria-live="off" tabIndex={-1}>
                    {rows.map((event) => (
                        <LiveRow key={event.uuid} event={event} now={now} open={open === event.uuid} onToggle={() => setOpen(open === event.uuid ? null : event.uuid)} />
                    ))}
                    {rows.length === 0 ? <Nothing filtered={wanted !== '' || search.event !== undefined} state={stream.state} /> : null}
                </div>
            </div>
        </Page>
    )
}

function matches(event: LiveEvent, wanted: string): boolean {
    return event.event.toLowerCase().includes(wanted) || event.distinct_id.toLowerCase().includes(wanted) || JSON.stringify(event.properties).toLowerCase().includes(wanted)
}

/** The newest events. While paused, or while someone reads further down, new ones wait outside of the list so that nothing moves. */
function useStream(eventType: string | undefined, paused: boolean) {
    const project = useProject()
    const client = useQueryClient()
    const [rows, setRows] = useState<LiveEvent[]>([])
    const [held, setHeld] = useState(0)
    const [rates, setRates] = useState(() => emptyRates(Date.now()))
    const [state, setState] = useState<StreamState>({ kind: 'connecting' })
    const waiting = useRef<LiveEvent[]>([])
    const reading = useRef(false)
    const arrived = useRef(0)
    const scroller = useRef<HTMLDivElement>(null)
    const still = useRef(paused)
    still.current = paused

    useEffect(() => {
        setRows([])
        waiting.current = []
        setHeld(0)
        const token = project.live_events_token
        if (!token) {
            setState({ kind: 'waiting', reason: 'this server has no live stream', retryInSeconds: 0 })
            return
        }
        return followLiveEvents({
            token,
            eventType,
            onState: setState,
            onUnauthorized: () => void client.invalidateQueries({ queryKey: ['project', project.id] }),
            onEvents: (events) => {
                arrived.current += events.length
                waiting.current = [...events.reverse(), ...waiting.current].slice(0, kept)
            },
        })
    }, [project.id, project.live_events_token, eventType, client])

    const release = () => {
        const fresh = waiting.current
        waiting.current = []
        const known = new Set(fresh.map((event) => event.uuid))
        setRows((old) => [...fresh, ...old.filter((event) => !known.has(event.uuid))].slice(0, kept))
        setHeld(0)
        reading.current = false
        if (scroller.current) scroller.current.scrollTop = 0
    }
    const releaseLater = useRef(release)
    releaseLater.current = release

    useEffect(() => {
        const timer = setInterval(() => {
            setRates((old) => addToRates(old, Date.now(), arrived.current))
            arrived.current = 0
            if (waiting.current.length === 0) return
            if (still.current || reading.current) setHeld(waiting.current.length)
            else releaseLater.current()
        }, 250)
        return () => clearInterval(timer)
    }, [])
    const onScroll = () => {
        reading.current = (scroller.current?.scrollTop ?? 0) > 8
    }
    return { rows, held, rates, state, release, scroller, onScroll }
}

function LiveRow({ event, now, open, onToggle }: { event: LiveEvent; now: Date; open: boolean; onToggle: () => void }) {
    const project = useProject()
    const email = event.properties['$set'] && typeof event.properties['$set'] === 'object' ? (event.properties['$set'] as Record<string, unknown>)['email'] : undefined
    return (
        <div className="arrive">
            <div
                role="button"
                tabIndex={0}
                data-list-row
                aria-expanded={open}
                onClick={onToggle}
                onKeyDown={(key) => {
                    if ((key.key === 'Enter' || key.key === ' ') && key.target === key.currentTarget) {
                        key.preventDefault()
                        onToggle()
                    }
                }}
                className="row-line grid h-8 cursor-pointer grid-cols-[minmax(0,1fr)_84px] items-center gap-4 px-3 hover:bg-sunken focus-visible:-outline-offset-2 sm:grid-cols-[minmax(0,1.1fr)_minmax(0,1fr)_84px] md:grid-cols-[minmax(0,1fr)_minmax(0,1fr)_minmax(0,1.6fr)_110px_90px] md:px-5"
            >
                <span className="truncate font-[550]" dir="auto">
                    {eventLabel(event.event)}
                </span>
                <Link
                    to="/project/$projectId/persons/$personId"
                    params={{ projectId: String(project.id), personId: event.person_id || event.distinct_id }}
                    onClick={(click) => click.stopPropagation()}
                    className="hidden truncate text-ink-2 hover:text-ink hover:underline sm:block"
                    title={event.distinct_id}
                >
                    {asText(email) || shortId(event.distinct_id)}
                </Link>
                <span className="hidden truncate text-ink-2 md:block">{place(event.properties)}</span>
                <span className="hidden truncate text-ink-3 md:block">{asText(event.properties['$lib'])}</span>
                <time className="text-right text-ink-3" dateTime={event.timestamp} title={formatClock(event.timestamp, project.timezone)}>
                    {formatAgo(event.timestamp, now)}
                </time>
            </div>
            {open ? <EventDetails event={{ row: event, person: { distinct_id: event.distinct_id, uuid: event.person_id } }} /> : null}
        </div>
    )
}

function StreamLine({ state, paused, held, partly }: { state: StreamState; paused: boolean; held: number; partly: boolean }) {
    const text = paused
        ? held > 0
            ? `Paused, ${held >= kept ? `the newest ${kept} wait` : `${count(held, 'event')} waiting`}`
            : 'Paused'
        : state.kind === 'open'
          ? partly
              ? 'Connected; too fast to show every event'
              : 'Connected'
          : state.kind === 'connecting'
            ? 'Connecting'
            : `Not connected: ${state.reason}. Trying again in ${state.retryInSeconds} s`
    return (
        <span role="status" className="ml-auto flex items-center gap-2 text-sm text-ink-3">
            <Dot tone={paused ? 'warn' : state.kind === 'open' ? 'good' : state.kind === 'waiting' ? 'bad' : 'idle'} /> {text}
        </span>
    )
}

function Nothing({ filtered, state }: { filtered: boolean; state: StreamState }) {
    const project = useProject()
    if (filtered) return <Empty title="Nothing matches yet">The stream is quiet for this filter. Events that match appear here as they come in.</Empty>
    return (
        <Empty
            title={state.kind === 'open' ? 'Quiet, and listening' : 'Waiting for the stream'}
            action={
                <Link to="/project/$projectId/onboarding" params={{ projectId: String(project.id) }} className={buttonClass('primary')}>
                    Send a first event
                </Link>
            }
        >
            Every event appears here a moment after it is sent. Open your own site in another tab and click around.
        </Empty>
    )
}

function Figure({ label, value, extra }: { label: string; value: string; extra?: React.ReactNode }) {
    return (
        <div>
            <div className="text-sm text-ink-2">{label}</div>
            <div className="flex items-end gap-3">
                <span className="text-figure font-[620] tracking-[-0.02em]">{value}</span>
                {extra}
            </div>
        </div>
    )
}

function Spark({ counts }: { counts: number[] }) {
    const top = Math.max(1, ...counts)
    return (
        <svg viewBox="0 0 120 28" width={120} height={28} className="mb-1.5 hidden sm:block" role="img" aria-label="Events per second in the last minute">
            {counts.map((value, index) => (
                <rect key={index} x={index * 2} width={1.4} y={28 - (value / top) * 27} height={Math.max(0.6, (value / top) * 27)} fill="var(--s1)" opacity={index === 59 ? 0.4 : 0.85} />
            ))}
        </svg>
    )
}

function Ranking({ label, entries }: { label: string; entries: [string, number][] }) {
    return (
        <div className="hidden min-w-[150px] md:block">
            <div className="text-sm text-ink-2">{label}</div>
            {entries.length === 0 ? <div className="text-sm text-ink-3">–</div> : null}
            {entries.map(([name, value]) => (
                <div key={name} className="flex justify-between gap-4 text-sm leading-[1.35]">
                    <span className="max-w-[150px] truncate" dir="auto">
                        {name}
                    </span>
                    <span className="text-ink-3">{value}</span>
                </div>
            ))}
        </div>
    )
}
