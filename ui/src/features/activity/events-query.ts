import type { EventsQuery } from '@/api/types'
import { forQuery } from '@/api/property-filters'
import type { DateRange } from '@/lib/date-range'
import type { ActivitySearch } from './search'

export const defaultRange: DateRange = { from: '-24h', to: null }

export const rangeOf = (search: ActivitySearch): DateRange => (search.from ? { from: search.from, to: search.to ?? null } : defaultRange)

/** A day as upper bound means all of that day. */
const endOf = (to: string): string => (/^\d{4}-\d{2}-\d{2}$/.test(to) ? `${to}T23:59:59.999999` : to)

/** `anchor` is when the list was opened: pages below it stay put while new events arrive. */
export function eventsQuery(search: ActivitySearch, anchor: string, limit: number, offset: number): EventsQuery {
    const range = rangeOf(search)
    const query: EventsQuery = {
        kind: 'EventsQuery',
        select: ['*', 'person', 'timestamp'],
        after: range.from,
        before: range.to === null ? anchor : endOf(range.to),
        // Events of one batch can share their timestamp; the uuid keeps pages from overlapping.
        orderBy: search.order === 'oldest' ? ['timestamp ASC', 'uuid ASC'] : ['timestamp DESC', 'uuid DESC'],
        limit,
        offset,
    }
    if (search.event) query.event = search.event
    if (search.filters?.length) query.properties = forQuery(search.filters)
    if (search.test) query.filterTestAccounts = true
    return query
}
