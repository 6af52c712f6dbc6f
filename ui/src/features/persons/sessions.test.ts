import { describe, expect, it } from 'vitest'
import { groupSessions } from './sessions'

const event = (minute: number, session?: string) => ({
    uuid: String(minute),
    event: 'e',
    distinct_id: 'd',
    timestamp: new Date(Date.UTC(2025, 2, 12, 12, minute)).toISOString(),
    properties: session ? { $session_id: session } : {},
})

describe('person timeline', () => {
    it('keeps a session together however long it lasted', () => {
        const sessions = groupSessions([event(59, 's2'), event(50, 's1'), event(1, 's1')])
        expect(sessions.map((session) => [session.id, session.events.length])).toEqual([
            ['s2', 1],
            ['s1', 2],
        ])
        expect(sessions[1]?.start).toBe(event(1).timestamp)
    })
    it('splits events without a session where there was a pause', () => {
        expect(groupSessions([event(59), event(50), event(5)]).map((session) => session.events.length)).toEqual([2, 1])
    })
    it('knows nothing of nothing', () => {
        expect(groupSessions([])).toEqual([])
    })
})
