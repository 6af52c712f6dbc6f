import { describe, expect, it } from 'vitest'
import type { TrendsResult } from '@/api/types'
import { breakdownText } from '../breakdown'
import { chartLines, derivedName, lastIsIncomplete, linesOf, whatMoved, type Line } from './results'
import { initialState, type TrendsState } from './state'

const result = (part: Partial<TrendsResult>): TrendsResult => ({ label: 'x', data: [1, 2], days: ['2025-03-11', '2025-03-12'], count: 3, action: { id: 'x', order: 0, name: 'x', custom_name: null }, ...part })
const byBrowser: TrendsState = { ...initialState, breakdowns: [{ type: 'event', property: '$browser' }], compare: 'previous' }

describe('trends results', () => {
    it('pairs each line with its previous period', () => {
        const lines = linesOf(
            [
                result({ breakdown_value: 'Chrome', compare_label: 'current', count: 10 }),
                result({ breakdown_value: 'Safari', compare_label: 'current', count: 5 }),
                result({ breakdown_value: 'Safari', compare_label: 'previous', count: 9 }),
            ],
            byBrowser
        )
        expect(lines.map((line) => [line.label, line.total, line.previous?.total ?? null])).toEqual([
            ['Chrome', 10, null],
            ['Safari', 5, 9],
        ])
        expect(whatMoved(lines)).toEqual([{ key: '0|"Safari"', label: 'Safari', delta: -4 }])
    })
    it('names both series and value when there are several of both', () => {
        const state = { ...byBrowser, series: [...byBrowser.series, { event: 'paid', math: 'total', filters: [] }] }
        const lines = linesOf([result({ breakdown_value: 'Chrome' }), result({ breakdown_value: 'Chrome', action: { id: 'paid', order: 1, name: 'paid', custom_name: null } })], state)
        expect(lines.map((line) => line.label)).toEqual(['Pageview: Chrome', 'paid: Chrome'])
    })
    it('reads totals of single-number displays', () => {
        expect(linesOf([result({ data: [], count: 0, aggregated_value: 42 })], { ...initialState, display: 'BoldNumber' })[0]?.total).toBe(42)
    })
    it('says the special breakdown values in words', () => {
        expect(breakdownText('$$_posthog_breakdown_other_$$')).toBe('Other')
        expect(breakdownText(['$$_posthog_breakdown_null_$$', 'DE'])).toBe('(none), DE')
        expect(breakdownText(null)).toBe('(none)')
    })
    it('folds what does not fit on a chart into Other, but only where sums mean something', () => {
        const lines: Line[] = Array.from({ length: 12 }, (_, index) => ({ key: String(index), order: 0, isFormula: false, name: 'x', breakdown: index, label: String(index), colour: index, days: [], data: [1, 2], total: 3, previous: null }))
        const folded = chartLines(lines, true)
        expect(folded.lines).toHaveLength(8)
        expect(folded.lines[7]).toMatchObject({ label: 'Other (5)', data: [5, 10], total: 15 })
        expect(chartLines(lines, false)).toMatchObject({ hidden: 4 })
    })
    it('knows when the last bucket is not over', () => {
        expect(lastIsIncomplete(['2025-03-12'], 'day', '2025-03-12 10:00:00')).toBe(true)
        expect(lastIsIncomplete(['2025-03-11'], 'day', '2025-03-12 10:00:00')).toBe(false)
        expect(lastIsIncomplete(['2025-03-12 09:00:00'], 'hour', '2025-03-12 10:00:00')).toBe(false)
        expect(lastIsIncomplete(['2025-03-09'], 'week', '2025-03-12 10:00:00')).toBe(true)
        expect(lastIsIncomplete(['2025-03-01'], 'month', '2025-03-12 10:00:00')).toBe(true)
    })
    it('names an insight by what it asks', () => {
        expect(derivedName(byBrowser, (key) => (key === '$browser' ? 'Browser' : key))).toBe('Pageview by Browser')
        expect(derivedName({ ...initialState, series: [{ event: 'paid', math: 'sum', property: 'price', filters: [] }] }, (key) => key)).toBe('paid, sum of price')
        expect(derivedName({ ...initialState, formulas: [{ formula: 'A/B', name: 'Rate' }] }, (key) => key)).toBe('Rate')
    })
})
