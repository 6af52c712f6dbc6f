import { describe, expect, it } from 'vitest'
import type { FunnelStepResult } from '@/api/insight-types'
import { plainSeries } from '../series'
import { correlationsOf, oddsText } from './correlations'
import { actorsOf, barsOf, funnelsOf, percent, together, trendLines } from './results'
import { funnelQuery, initialFunnel, type FunnelsState } from './state'

const abc: FunnelsState = { ...initialFunnel, series: ['a', 'b', 'c'].map(plainSeries) }
const step = (order: number, count: number, median: number | null = null, value?: string[]): FunnelStepResult => ({ action_id: 'x', name: 'x', order, count, average_conversion_time: median, median_conversion_time: median, ...(value ? { breakdown: value, breakdown_value: value } : {}) })

describe('funnel results', () => {
    it('counts who dropped off and what share got how far', () => {
        const steps = funnelsOf([step(0, 4), step(1, 3, 600), step(2, 1, 2400)], abc)[0]?.steps
        expect(steps?.map((one) => [one.name, one.count, one.dropped, one.ofFirst, one.ofPrevious, one.medianSeconds])).toEqual([
            ['a', 4, 0, 1, 1, null],
            ['b', 3, 1, 0.75, 0.75, 600],
            ['c', 1, 2, 0.25, 1 / 3, 2400],
        ])
    })
    it('an optional step loses nobody to the steps after it', () => {
        const state = { ...abc, series: [plainSeries('a'), { ...plainSeries('b'), optional: true }, plainSeries('c')] }
        const steps = funnelsOf([step(0, 4), step(1, 2), step(2, 3)], state)[0]?.steps
        expect(steps?.map((one) => [one.dropped, one.ofPrevious])).toEqual([[0, 1], [2, 0.5], [1, 0.75]])
    })
    it('breakdown values are funnels of their own, and add up', () => {
        const funnels = funnelsOf([[step(0, 8, null, ['red']), step(1, 2, null, ['red'])], [step(0, 2, null, ['']), step(1, 2, null, [''])]], { ...abc, series: abc.series.slice(0, 2) })
        expect(funnels.map((funnel) => funnel.label)).toEqual(['red', '(none)'])
        expect(together(funnels).map((one) => [one.count, one.dropped, one.ofFirst])).toEqual([[10, 0, 1], [4, 6, 0.4]])
    })
    it('nobody at all is no division by zero', () => {
        expect(funnelsOf([step(0, 0), step(1, 0)], abc)[0]?.steps.map((one) => [one.ofFirst, one.ofPrevious])).toEqual([[0, 1], [0, 0]])
        expect(funnelsOf([], abc)).toEqual([])
    })
    it('in any order, steps are called by how many were done', () => {
        expect(funnelsOf([{ ...step(0, 3), name: 'Completed 1 step' }], { ...abc, order: 'unordered' })[0]?.steps[0]?.name).toBe('Completed 1 step')
    })
    it('bins of the time to convert end where the next begins', () => {
        const bars = barsOf({ average_conversion_time: 132.25, bins: [[10, 5], [108, 1], [206, 2], [304, 0]] })
        expect(bars.map((bar) => [bar.from, bar.to, bar.count, bar.share])).toEqual([[10, 108, 5, 0.625], [108, 206, 1, 0.125], [206, 304, 2, 0.25]])
        expect(barsOf({ average_conversion_time: 1, bins: [[45, 1], [105, 2]] })).toHaveLength(2)
        expect(barsOf({ average_conversion_time: null, bins: [] })).toEqual([])
    })
    it('a door leads to those who got here, or to those who stopped before', () => {
        const query = funnelQuery(abc)
        expect(actorsOf(query, 3, false, undefined)).toEqual({ kind: 'FunnelsActorsQuery', source: query, funnelStep: 3 })
        expect(actorsOf(query, 3, true, ['red'])).toEqual({ kind: 'FunnelsActorsQuery', source: query, funnelStep: -3, funnelStepBreakdown: ['red'] })
    })
    it('lines over time carry their value', () => {
        expect(trendLines([{ count: 1, data: [50], days: ['2025-03-10'], labels: [], breakdown_value: ['red'] }])).toMatchObject([{ label: 'red', breakdown: ['red'], data: [50] }])
    })
    it('writes shares so that all and nothing stand out', () => {
        expect([percent(1), percent(0), percent(0.4166), percent(Number.NaN)]).toEqual(['100%', '0%', '41.7%', '–'])
    })
})

describe('correlation', () => {
    it('puts the strongest first, whichever way it pulls', () => {
        const rows = correlationsOf(
            {
                events: [
                    { event: { event: 'even' }, success_count: 5, failure_count: 5, odds_ratio: 1, correlation_type: 'failure' },
                    { event: { event: 'help' }, success_count: 1, failure_count: 6, odds_ratio: 0.142857, correlation_type: 'failure' },
                    { event: { event: 'watched' }, success_count: 8, failure_count: 2, odds_ratio: 9, correlation_type: 'success' },
                ],
                skewed: false,
            },
            'events'
        )
        expect(rows.map((row) => [row.name, row.helps, oddsText(row.odds)])).toEqual([['watched', true, '× 9'], ['help', false, '÷ 7'], ['even', false, '× 1']])
    })
    it('does not pretend to know odds that nobody contradicts', () => {
        expect([oddsText(85_280), oddsText(0), oddsText(41.4), oddsText(1.04)]).toEqual(['× 100+', '÷ 100+', '× 41', '× 1'])
    })
    it('reads properties as name and value', () => {
        const [row] = correlationsOf({ events: [{ event: { event: 'plan::a::b' }, success_count: 1, failure_count: 1, odds_ratio: 2, correlation_type: 'success' }], skewed: true }, 'properties')
        expect([row?.name, row?.value]).toEqual(['plan', 'a::b'])
    })
})
