import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { followLiveEvents, type StreamState } from '@/api/live-stream'
import { runQuery } from '@/api/queries'
import { useProject } from '@/api/project'
import type { EventRow, LiveEvent } from '@/api/types'
import { readEventRow } from '@/features/events/public'

export type Arrived = { event: Pick<LiveEvent, 'uuid' | 'event' | 'distinct_id' | 'timestamp' | 'properties'> & { person_id?: string }; /** From the event's own time until this page saw it. */ latencyMs: number | null }

/** The newest event of the project: pushed by the live stream, and looked up as well in case the stream cannot be reached. */
export function useFirstEvent(): { arrived: Arrived | null; stream: StreamState; looking: boolean } {
    const project = useProject()
    const client = useQueryClient()
    const [live, setLive] = useState<Arrived | null>(null)
    const [stream, setStream] = useState<StreamState>({ kind: 'connecting' })
    const token = project.live_events_token

    useEffect(() => {
        if (!token) return
        return followLiveEvents({
            token,
            onState: setStream,
            onEvents: (events, receivedAt) => {
                const event = events.at(-1)
                if (event) setLive({ event, latencyMs: Math.max(0, receivedAt - Date.parse(event.timestamp)) })
            },
        })
    }, [token])

    const stored = useQuery({
        queryKey: ['newest-event', project.id],
        queryFn: async ({ signal }) => {
            const response = await runQuery<unknown[][]>(project.id, { kind: 'EventsQuery', select: ['*'], after: 'all', orderBy: ['timestamp DESC'], limit: 1 }, { refresh: 'force_blocking', signal })
            const cell = response.results[0]?.[0]
            return cell ? readEventRow(cell) : null
        },
        enabled: live === null,
        refetchInterval: (query) => (query.state.data ? false : 4000),
        retry: false,
    })
    const arrived = live ?? (stored.data ? fromStore(stored.data) : null)

    const has = arrived !== null
    useEffect(() => {
        if (has && !project.ingested_event) void client.invalidateQueries({ queryKey: ['project', project.id] })
    }, [has, project.ingested_event, project.id, client])
    return { arrived, stream, looking: arrived === null && project.ingested_event && stored.isPending }
}

const fromStore = (row: EventRow): Arrived => ({ event: row, latencyMs: null })
