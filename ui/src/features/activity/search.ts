import type { PropertyFilter } from '@/api/types'
import { readFilter } from '@/api/property-filters'
import { compact, flag, list, oneOf, text, words } from '@/lib/search'

export type ActivitySearch = {
    event?: string
    filters?: PropertyFilter[]
    columns?: string[]
    from?: string
    to?: string
    test?: boolean
    order?: 'oldest'
    open?: string
}

export const defaultColumns = ['event', 'person', 'url', 'library', 'time']

export function readActivitySearch(raw: Record<string, unknown>): ActivitySearch {
    return compact({
        event: text(raw, 'event'),
        filters: list(raw, 'filters', readFilter),
        columns: list(raw, 'columns', words, 30),
        from: text(raw, 'from'),
        to: text(raw, 'to'),
        test: flag(raw, 'test'),
        order: oneOf(raw, 'order', ['oldest'] as const),
        open: text(raw, 'open'),
    })
}
