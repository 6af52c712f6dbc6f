import type { CorrelationResult } from '@/api/insight-types'

export type Correlated = { name: string; value: string | null; success: number; failure: number; odds: number; helps: boolean }

/** The server's rows, strongest first in either direction; "name::value" is a property. */
export function correlationsOf(result: CorrelationResult, what: 'events' | 'properties'): Correlated[] {
    const strength = (odds: number) => Math.abs(Math.log(Math.max(odds, 1e-9)))
    return result.events
        .map((row) => {
            const [name = '', ...rest] = what === 'properties' ? row.event.event.split('::') : [row.event.event]
            return { name, value: what === 'properties' ? rest.join('::') : null, success: row.success_count, failure: row.failure_count, odds: row.odds_ratio, helps: row.correlation_type === 'success' }
        })
        .sort((a, b) => strength(b.odds) - strength(a.odds))
}

/** 9 → "× 9"; 0.142857 → "÷ 7": how having it changes the odds. */
export function oddsText(odds: number): string {
    const times = (value: number) => (value >= 100 ? '100+' : value >= 10 ? String(Math.round(value)) : value.toFixed(1).replace(/\.0$/, ''))
    return odds >= 1 ? `× ${times(odds)}` : `÷ ${times(1 / Math.max(odds, 1e-9))}`
}
