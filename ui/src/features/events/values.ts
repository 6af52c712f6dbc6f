import type { EventPerson, EventRow, Properties } from '@/api/types'
import { propertyLabel } from '@/lib/known-names'

export type ShownEvent = { row: EventRow; person: EventPerson | null }

/** A property value as one line of text. */
export function asText(value: unknown): string {
    if (value === null || value === undefined) return ''
    if (typeof value === 'string') return value
    if (typeof value === 'number' || typeof value === 'boolean') return String(value)
    return JSON.stringify(value)
}

export type ValueKind = 'text' | 'number' | 'boolean' | 'object' | 'list' | 'null' | 'time'

export function kindOf(value: unknown): ValueKind {
    if (value === null || value === undefined) return 'null'
    if (typeof value === 'number') return 'number'
    if (typeof value === 'boolean') return 'boolean'
    if (Array.isArray(value)) return 'list'
    if (typeof value === 'object') return 'object'
    return /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}/.test(String(value)) ? 'time' : 'text'
}

/** Page address without the site, or the screen of an app. */
export function place(properties: Properties): string {
    const url = properties['$current_url']
    if (typeof url === 'string') {
        try {
            const parsed = new URL(url)
            return parsed.host + (parsed.pathname === '/' ? '' : parsed.pathname)
        } catch {
            return url
        }
    }
    return asText(properties['$screen_name'] ?? properties['$pathname'])
}

export function columnLabel(column: string): string {
    switch (column) {
        case 'event':
            return 'Event'
        case 'person':
            return 'Person'
        case 'url':
            return 'Page or screen'
        case 'library':
            return 'Library'
        case 'time':
            return 'Time'
        case 'distinct_id':
            return 'Distinct ID'
        default:
            return column.startsWith('person.properties.') ? `Person: ${propertyLabel(column.slice(18))}` : propertyLabel(column.replace(/^properties\./, ''))
    }
}

/** The raw value of a column for one event, for cells and for exports alike. */
export function columnValue(column: string, { row, person }: ShownEvent): unknown {
    switch (column) {
        case 'event':
            return row.event
        case 'person':
            return person?.properties?.['email'] ?? person?.properties?.['name'] ?? row.distinct_id
        case 'url':
            return row.properties['$current_url'] ?? row.properties['$screen_name'] ?? null
        case 'library':
            return row.properties['$lib'] ?? null
        case 'time':
            return row.timestamp
        case 'distinct_id':
            return row.distinct_id
        default:
            if (column.startsWith('person.properties.')) return person?.properties?.[column.slice(18)] ?? null
            return row.properties[column.replace(/^properties\./, '')] ?? null
    }
}

/** Some servers send the properties of `*` as JSON text. */
export function readEventRow(raw: unknown): EventRow {
    const row = raw as EventRow & { properties: Properties | string }
    if (typeof row.properties !== 'string') return row
    try {
        return { ...row, properties: JSON.parse(row.properties) as Properties }
    } catch {
        return { ...row, properties: {} }
    }
}
