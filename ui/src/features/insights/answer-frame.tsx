import { useQuery, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { RefreshCw } from 'lucide-react'
import { createContext, useContext, useMemo, useRef, useState, type ReactNode } from 'react'
import { useProject } from '@/api/project'
import { queryNode } from '@/api/queries'
import type { QueryResponse } from '@/api/types'
import { formatShort } from '@/lib/numbers'
import { formatClock, formatMilliseconds } from '@/lib/time'
import { Button, IconButton } from '@/ui/button'
import { cx } from '@/ui/classes'
import { Panel } from '@/ui/panel'
import { Empty, Failed, Skeleton, useLasting, useSettled } from '@/ui/states'
import { DrillDown, type Door } from './drill-down'
import { withKept } from './keep'
import { problemOf, queryOf, searchOf, type InsightState } from './kinds'
import { asText } from './sql/hogql'
import { initialSql } from './sql/state'

/** What the stored query has beyond the editor; it counts when the question is asked. */
export const KeptContext = createContext<Record<string, unknown>>({})

export type Answered<S, R> = { state: S; results: R; response: QueryResponse<unknown>; meta: ReactNode; openDoor: (door: Door) => void }

/**
 * Asks the question while it is edited: the last whole one is asked once typing rests, a newer one cancels it here and on the
 * server, and the old answer stays, dimmed, until the new one is there.
 */
export function AnswerFrame<S extends InsightState, R>({ state, pause = 150, children }: { state: S; pause?: number; children: (answered: Answered<S, R>) => ReactNode }) {
    const project = useProject()
    const client = useQueryClient()
    const kept = useContext(KeptContext)
    const problem = problemOf(state)
    const [asked, setAsked] = useState(state)
    if (!problem && asked !== state) setAsked(state)
    const settled = useSettled(asked, pause)
    const query = useMemo(() => withKept(queryOf(settled), kept), [settled, kept])
    const options = queryNode<R>(project.id, query)
    const answer = useQuery({ ...options, enabled: problemOf(settled) === null })
    const waiting = answer.isFetching
    const dim = useLasting(waiting && answer.isPlaceholderData, 300)
    const slow = useLasting(waiting, 2000)
    const [door, setDoor] = useState<Door | null>(null)
    // While the next answer is on its way, the old one is shown as the answer to its own question.
    const answered = useRef(settled)
    if (answer.data && !answer.isPlaceholderData) answered.current = settled

    if (answer.isError && !waiting) return <Panel>{<Failed what="This question could not be answered" error={answer.error} onRetry={() => void answer.refetch()} />}</Panel>
    const cancel = () => void client.cancelQueries({ queryKey: options.queryKey })
    return (
        <div className="flex min-w-0 flex-col gap-[14px]">
            {problem && answer.data ? (
                <p role="status" className="rounded-md border border-line bg-warn-soft px-3 py-2 text-sm">
                    {problem} before this can be answered.
                </p>
            ) : null}
            {slow ? <SlowLine onCancel={cancel} /> : null}
            {answer.data ? (
                <div className={cx('flex min-w-0 flex-col gap-[14px] transition-opacity duration-[120ms]', dim && 'opacity-50')}>
                    {children({
                        state: answered.current,
                        results: answer.data.results,
                        response: answer.data,
                        openDoor: setDoor,
                        meta: (
                            <Meta
                                rows={answer.data.query_metadata?.rows_read}
                                tookMs={answer.data.query_metadata?.time_elapsed_ms ?? answer.data.took_ms}
                                cached={answer.data.is_cached ?? false}
                                asOf={answer.data.last_refresh}
                                hogql={settled.kind === 'trends' ? answer.data.hogql : undefined}
                                onReload={() => void client.fetchQuery({ ...queryNode<R>(project.id, query, 'force_blocking'), staleTime: 0 })}
                            />
                        ),
                    })}
                </div>
            ) : problem ? (
                <Panel>
                    <Empty title="Not a whole question yet">{problem} before this can be answered.</Empty>
                </Panel>
            ) : answer.fetchStatus === 'idle' ? (
                <Panel>
                    <Empty title="Not asked yet" action={<Button onClick={() => void answer.refetch()}>Ask again</Button>}>
                        The question was cancelled before an answer came.
                    </Empty>
                </Panel>
            ) : (
                <AnswerSkeleton />
            )}
            {door ? <DrillDown door={door} onClose={() => setDoor(null)} /> : null}
        </div>
    )
}

export function SlowLine({ onCancel }: { onCancel: () => void }) {
    return (
        <div role="status" className="flex items-center gap-3 text-sm text-ink-2">
            <span className="h-[3px] flex-1 overflow-hidden rounded-full bg-line" aria-hidden>
                <span className="travel block h-full w-1/4 rounded-full bg-ink-3" />
            </span>
            Still reading
            <Button size="small" onClick={onCancel}>
                Cancel
            </Button>
        </div>
    )
}

export function AnswerSkeleton() {
    return (
        <Panel className="p-4">
            <div role="status" aria-label="Loading the answer">
                <Skeleton className="h-9 w-40" />
                <Skeleton className="mt-5 h-[250px]" />
            </div>
        </Panel>
    )
}

/** What an answer read, how long it took and how fresh it is. */
export function Meta({ rows, tookMs, cached, asOf, hogql, onReload }: { rows?: number; tookMs: number; cached: boolean; asOf?: string; hogql?: string | null; onReload?: () => void }) {
    const project = useProject()
    return (
        <div className="flex flex-wrap items-center gap-x-3.5 gap-y-0.5 border-t border-line py-1.5 pr-2 pl-[18px] text-sm text-ink-3">
            <span>{rows !== undefined && rows > 0 ? `${formatShort(rows)} events read in ${formatMilliseconds(tookMs)}` : `Answered in ${formatMilliseconds(tookMs)}`}</span>
            {asOf ? (
                <span>
                    {cached ? 'Nothing new since' : 'Exact, as of'} {formatClock(asOf, project.timezone)}
                </span>
            ) : null}
            <span className="flex-1" />
            {hogql ? (
                <Link to="/project/$projectId/insights/new" params={{ projectId: String(project.id) }} search={searchOf({ ...initialSql, sql: asText(hogql) })} title="Open what was asked as SQL" className="rounded-sm hover:text-ink hover:underline">
                    As SQL
                </Link>
            ) : null}
            <span>{project.timezone}</span>
            {onReload ? (
                <IconButton label="Ask again" size="small" className="!w-[26px]" onClick={onReload}>
                    <RefreshCw aria-hidden className="!size-3.5" />
                </IconButton>
            ) : null}
        </div>
    )
}
