import type { StoredQuery } from '@/api/types'

type Fields = Record<string, unknown>

const isFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null && !Array.isArray(value)

/**
 * What a stored query has beyond what the editor makes of it: chart settings of other clients, a sampling factor, a version.
 * `again` is the same query after a trip through the editor.
 */
export function beyondEditor(stored: Fields, again: Fields): Fields {
    const kept: Fields = {}
    for (const [key, value] of Object.entries(stored)) {
        if (value === null || value === undefined) continue
        if (!(key in again)) {
            // A comparison or breakdown that is switched off says nothing.
            if (!(isFields(value) && Object.keys(value).length === 0)) kept[key] = value
        } else if (isFields(value) && isFields(again[key]) && key.endsWith('Filter')) {
            const inner = beyondEditor(value, again[key])
            if (Object.keys(inner).length > 0) kept[key] = inner
        }
    }
    return kept
}

/** The editor's query with what was kept; the editor wins where both speak. */
export function withKept<Q extends { kind: string }>(query: Q, kept: Fields): Q {
    const done: Fields = { ...kept, ...query }
    for (const [key, value] of Object.entries(kept)) {
        const own = (query as Fields)[key]
        if (isFields(value) && isFields(own)) done[key] = { ...value, ...own }
    }
    return done as Q
}

/** The same for the wrapper that a query is stored in. */
export const rewrapped = (wrapper: StoredQuery | null, stored: StoredQuery): StoredQuery => (wrapper && wrapper.kind === stored.kind ? { ...wrapper, ...stored } : stored)
