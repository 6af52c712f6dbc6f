import { propertyLabel } from '@/lib/known-names'
import type { InsightState } from './kinds'
import { pathTypes } from './paths/state'
import { entityLabel, seriesLabel } from './series'
import { derivedName as trendsName } from './trends/results'

const listed = (parts: string[], most = 3): string => (parts.length > most ? [...parts.slice(0, most), `${parts.length - most} more`] : parts).join(', ')

/** A name for an insight nobody has named: what it asks. */
export function derivedName(state: InsightState): string {
    const by = 'breakdowns' in state && state.breakdowns.length > 0 ? ` by ${state.breakdowns.map((breakdown) => propertyLabel(breakdown.property)).join(', ')}` : ''
    switch (state.kind) {
        case 'trends':
            return trendsName(state, propertyLabel)
        case 'funnels': {
            const steps = state.series.map(seriesLabel)
            const shown = steps.length > 4 ? [...steps.slice(0, 2), '…', steps.at(-1)!] : steps
            return `${shown.join(' → ')}${by}`
        }
        case 'retention':
            return `${seriesLabel(state.target)}, then ${seriesLabel(state.returning)} by ${state.period.toLowerCase()}${by.replace(' by', ' and')}`
        case 'paths': {
            const ends = `${state.start ? ` from ${state.start}` : ''}${state.end ? ` to ${state.end}` : ''}`
            return `Paths of ${listed(pathTypes.filter((type) => state.types.includes(type.value)).map((type) => type.label.toLowerCase()))}${ends}`
        }
        case 'stickiness':
            return `Stickiness of ${listed(state.series.map(seriesLabel))}`
        case 'lifecycle':
            return `Lifecycle of ${state.series[0] ? entityLabel(state.series[0]) : 'everything'}`
        case 'sql':
            return sqlName(state.sql)
    }
}

/** The first comment of a query says what it is for; otherwise its first line. */
function sqlName(sql: string): string {
    const comment = /^\s*--\s*(\S.*)$/m.exec(sql)?.[1]
    const line = comment ?? sql.trim().replace(/\s+/g, ' ')
    return line === '' ? 'SQL' : line.length > 80 ? `${line.slice(0, 79)}…` : line
}
