import type { EventRow } from '@/api/types'

export type Session = { id: string | null; events: EventRow[]; start: string; end: string }

/** Newest first; neighbours with the same session id belong together, and so do neighbours without one that are close in time. */
export function groupSessions(events: EventRow[], gapMinutes = 30): Session[] {
    const sessions: Session[] = []
    for (const event of events) {
        const id = typeof event.properties['$session_id'] === 'string' ? event.properties['$session_id'] : null
        const last = sessions.at(-1)
        const close = last !== undefined && Date.parse(last.start) - Date.parse(event.timestamp) <= gapMinutes * 60_000
        if (last && last.id === id && (id !== null || close)) {
            last.events.push(event)
            last.start = event.timestamp
        } else {
            sessions.push({ id, events: [event], start: event.timestamp, end: event.timestamp })
        }
    }
    return sessions
}
