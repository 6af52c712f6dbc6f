import { describe, expect, it } from 'vitest'
import { eventsQuery } from './events-query'
import { readActivitySearch } from './search'

describe('activity queries', () => {
    it('looks at the last day by default, from when the list was opened', () => {
        const query = eventsQuery({}, '2025-03-12T15:00:00Z', 100, 200)
        expect(query).toEqual({
            kind: 'EventsQuery',
            select: ['*', 'person', 'timestamp'],
            after: '-24h',
            before: '2025-03-12T15:00:00Z',
            orderBy: ['timestamp DESC', 'uuid DESC'],
            limit: 100,
            offset: 200,
        })
    })
    it('includes the whole last day of a range', () => {
        expect(eventsQuery({ from: '2025-03-01', to: '2025-03-10', order: 'oldest' }, 'now', 1, 0)).toMatchObject({
            after: '2025-03-01',
            before: '2025-03-10T23:59:59.999999',
            orderBy: ['timestamp ASC', 'uuid ASC'],
        })
    })
    it('reads its address and nothing else', () => {
        expect(readActivitySearch({ event: 'a', columns: ['event', 5, ''], order: 'random', test: 'true', x: 1 })).toEqual({ event: 'a', columns: ['event'], test: true })
    })
})
