import type { Completion } from '@codemirror/autocomplete'
import { queryOptions, type QueryClient } from '@tanstack/react-query'
import type { DatabaseSchemaAnswer, DatabaseSchemaQuery, HogQLAutocomplete, HogQLAutocompleteAnswer, HogQLMetadata, HogQLMetadataAnswer, SchemaField } from '@/api/insight-types'
import { propertyDefinitions } from '@/api/queries'
import { request } from '@/api/client'
import { propertyLabel } from '@/lib/known-names'
import { marksOf, type Asked, type Mark } from './hogql'

/** Kinds without `results` answer at the top level. */
const ask = <A>(projectId: number, query: HogQLAutocomplete | HogQLMetadata | DatabaseSchemaQuery, signal?: AbortSignal): Promise<A> => request<A>('POST', `/api/projects/${projectId}/query/`, { query }, signal)

const kinds: Record<string, string> = { Function: 'function', Folder: 'table', Variable: 'field', Class: 'table', Keyword: 'keyword' }

/** Names at the cursor: the server knows the schema; which properties were really sent stands in the definitions. */
export function suggester(client: QueryClient, projectId: number) {
    return async (text: string, asked: Asked, cursor: number, signal: AbortSignal): Promise<Completion[]> => {
        if (asked.properties) {
            const found = await client.fetchQuery(propertyDefinitions(projectId, { type: asked.properties }, asked.word))
            return found.results.map((property) => ({ label: property.name, detail: [propertyLabel(property.name) === property.name ? '' : propertyLabel(property.name), property.property_type ?? ''].filter(Boolean).join(', ') }))
        }
        const answer = await ask<HogQLAutocompleteAnswer>(projectId, { kind: 'HogQLAutocomplete', language: 'hogQL', query: text, startPosition: asked.from, endPosition: cursor }, signal)
        return answer.suggestions.map((suggestion) => ({
            label: suggestion.label,
            apply: suggestion.kind === 'Function' && suggestion.insertText.endsWith('()') ? called(suggestion.insertText) : suggestion.insertText,
            detail: suggestion.detail ?? kinds[suggestion.kind] ?? '',
            info: suggestion.documentation ?? undefined,
        }))
    }
}

/** A function is written with the cursor between its brackets. */
const called = (insertText: string): Completion['apply'] => (view, _, from, to) =>
    view.dispatch({ changes: { from, to, insert: insertText }, selection: { anchor: from + insertText.length - 1 } })

/** What the server finds wrong, where it is. A newer text cancels the question about an older one. */
export function checker(projectId: number) {
    let running: AbortController | null = null
    return async (text: string): Promise<Mark[]> => {
        running?.abort()
        if (text.trim() === '') return []
        running = new AbortController()
        const answer = await ask<HogQLMetadataAnswer>(projectId, { kind: 'HogQLMetadata', language: 'hogQL', query: text }, running.signal)
        return [...marksOf(answer.errors, 'error', text.length), ...marksOf(answer.warnings, 'warning', text.length), ...marksOf(answer.notices, 'info', text.length)]
    }
}

/** What is asked for most stands first, what SDKs add by themselves last. */
const first = ['event', 'timestamp', 'distinct_id', 'person_id', 'properties', 'person', 'id', 'session_id', '$session_id', 'session']

function byUse(a: SchemaField, b: SchemaField): number {
    const place = (name: string): number => (first.includes(name) ? first.indexOf(name) : name.startsWith('$') ? 200 : 100)
    return place(a.name) - place(b.name) || a.name.localeCompare(b.name)
}

/** Tables with their fields, as SQL can ask them. */
export const schema = (projectId: number) =>
    queryOptions({
        queryKey: ['schema', projectId],
        queryFn: async ({ signal }) => Object.values((await ask<DatabaseSchemaAnswer>(projectId, { kind: 'DatabaseSchemaQuery' }, signal)).tables).map((table) => ({ name: table.name, fields: Object.values(table.fields).sort(byUse) })),
        staleTime: 300_000,
    })
