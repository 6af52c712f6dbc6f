import type { QueryResponse } from '@/api/types'

/** Any answer as a table. */
export type Grid = { columns: string[]; types: string[]; rows: unknown[][]; hasMore: boolean }

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value)

/** The type of each column by name, however the kind of query writes them: "Int64" or ["n", "Int64"]. */
const typeNames = (types: unknown[] | undefined): string[] => (types ?? []).map((type) => (Array.isArray(type) ? String(type[1] ?? '') : String(type)))

/** Rows of arrays keep their columns; lists of objects get one column per field; anything else is one cell. */
export function toGrid(response: Pick<QueryResponse<unknown>, 'results' | 'columns' | 'types' | 'hasMore'>): Grid {
    const { results } = response
    const hasMore = response.hasMore ?? false
    const list = Array.isArray(results) ? results : results === null || results === undefined ? [] : [results]
    if (list.length > 0 && list.every(Array.isArray) && response.columns) return { columns: response.columns, types: typeNames(response.types), rows: list as unknown[][], hasMore }
    const flat = list.flat(1)
    if (flat.length > 0 && flat.every(isObject)) {
        const columns = [...new Set(flat.flatMap((item) => Object.keys(item)))]
        return { columns, types: [], rows: flat.map((item) => columns.map((column) => item[column])), hasMore }
    }
    return { columns: response.columns ?? (list.length > 0 ? ['value'] : []), types: typeNames(response.types), rows: list.map((item) => (Array.isArray(item) ? item : [item])), hasMore }
}

export const isNumeric = (type: string | undefined): boolean => /^(Nullable\()?(U?Int|Float|Decimal)/i.test(type ?? '')
export const isTime = (type: string | undefined): boolean => /^(Nullable\()?Date/i.test(type ?? '')

/** What a column holds, by its type or, where that is missing, by its values. */
export function columnKind(grid: Grid, index: number): 'number' | 'time' | 'text' {
    const type = grid.types[index]
    if (isNumeric(type)) return 'number'
    if (isTime(type)) return 'time'
    const values = grid.rows.slice(0, 200).map((row) => row[index]).filter((value) => value !== null && value !== undefined)
    if (values.length === 0) return 'text'
    if (values.every((value) => typeof value === 'number')) return 'number'
    return values.every((value) => typeof value === 'string' && /^\d{4}-\d{2}(-\d{2})?([T ]\d{2}:\d{2}|$)/.test(value)) ? 'time' : 'text'
}
