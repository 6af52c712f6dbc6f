import { describe, expect, it } from 'vitest'
import { formulaProblem, fromQuery, initialState, problemOf, readTrendsSearch, searchOf, stateOf, toQuery, type TrendsState } from './state'

const rich: TrendsState = {
    kind: 'trends',
    series: [
        { event: 'signed_up', math: 'dau', name: 'Sign-ups', filters: [{ type: 'event', key: 'plan', operator: 'is_not', value: ['internal'] }] },
        { event: null, math: 'sum', property: 'price', propertyOf: 'event', filters: [] },
    ],
    formulas: [{ formula: 'A / B', name: 'Rate' }],
    filters: [{ type: 'person', key: 'email', operator: 'is_set' }],
    testAccounts: true,
    breakdowns: [{ type: 'event', property: '$browser' }],
    range: { from: '-1mStart', to: '-1mEnd' },
    interval: 'week',
    compare: '-1y',
    display: 'ActionsBar',
}

describe('trends editor state', () => {
    it('asks the plain question without extra fields', () => {
        expect(toQuery(initialState)).toEqual({
            kind: 'TrendsQuery',
            series: [{ kind: 'EventsNode', event: '$pageview', math: 'total', name: '$pageview' }],
            interval: 'day',
            dateRange: { date_from: '-7d' },
            trendsFilter: { display: 'ActionsLineGraph' },
        })
    })
    it('asks the rich question', () => {
        const query = toQuery(rich)
        expect(query.series[0]).toEqual({
            kind: 'EventsNode',
            event: 'signed_up',
            math: 'dau',
            name: 'signed_up',
            custom_name: 'Sign-ups',
            properties: [{ type: 'event', key: 'plan', operator: 'is_not', value: ['internal'] }],
        })
        expect(query.series[1]).toMatchObject({ event: null, math: 'sum', math_property: 'price', math_property_type: 'event_properties' })
        expect(query.trendsFilter).toEqual({ display: 'ActionsBar', formulaNodes: [{ formula: 'A / B', custom_name: 'Rate' }] })
        expect(query.compareFilter).toEqual({ compare: true, compare_to: '-1y' })
        expect(query.breakdownFilter).toEqual({ breakdowns: [{ type: 'event', property: '$browser' }] })
        expect(query.filterTestAccounts).toBe(true)
        expect(query.dateRange).toEqual({ date_from: '-1mStart', date_to: '-1mEnd' })
    })
    it('survives being saved and opened again', () => {
        const again = fromQuery(toQuery(rich))
        expect(again && toQuery(again)).toEqual(toQuery(rich))
    })
    it('survives a trip through the address', () => {
        const again = stateOf(readTrendsSearch(JSON.parse(JSON.stringify(searchOf(rich)))))
        expect(toQuery(again)).toEqual(toQuery(rich))
    })
    it('opens queries of other clients', () => {
        const state = fromQuery({
            kind: 'TrendsQuery',
            series: [{ kind: 'EventsNode', event: 'a' }],
            breakdownFilter: { breakdown: '$os', breakdown_type: 'person' },
            trendsFilter: { formula: 'A*2' },
            properties: { type: 'AND', values: [{ type: 'AND', values: [{ type: 'event', key: 'x', operator: 'exact', value: 'y' }] }] },
        })
        expect(state?.breakdowns).toEqual([{ type: 'person', property: '$os' }])
        expect(state?.formulas).toEqual([{ formula: 'A*2' }])
        expect(state?.filters).toHaveLength(1)
        expect(state?.series[0]?.math).toBe('total')
    })
    it('shows displays of other clients by their nearest likeness', () => {
        const shown = (display: string) => fromQuery({ kind: 'TrendsQuery', series: [{ kind: 'EventsNode', event: 'a' }], trendsFilter: { display: display as 'BoldNumber' } })?.display
        expect([shown('ActionsPie'), shown('ActionsAreaGraph'), shown('CalendarHeatmap')]).toEqual(['ActionsBarValue', 'ActionsBar', undefined])
    })
    it('keeps saved actions, and leaves what it does not know alone', () => {
        const state = fromQuery({ kind: 'TrendsQuery', series: [{ kind: 'ActionsNode', id: 7, name: 'Checkout' }] })
        expect(state && toQuery(state).series).toEqual([{ kind: 'ActionsNode', id: 7, name: 'Checkout', math: 'total' }])
        expect(fromQuery({ kind: 'TrendsQuery', series: [{ kind: 'DataWarehouseNode' } as never] })).toBeNull()
        expect(fromQuery({ kind: 'TrendsQuery', series: [{ kind: 'EventsNode', event: 'a' }], breakdownFilter: { breakdown: [3], breakdown_type: 'cohort' } })).toBeNull()
    })
    it('ignores nonsense in the address', () => {
        expect(readTrendsSearch({ series: 'x', display: 'Pie', interval: 'eon', by: [{ type: 'event' }] })).toEqual({})
    })
    it('says what is missing before it asks', () => {
        expect(problemOf(initialState)).toBeNull()
        expect(problemOf({ ...initialState, series: [{ event: 'a', math: 'sum', filters: [] }] })).toBe('Series A: choose a property')
        expect(formulaProblem('A / C', 2)).toBe('There is no series C')
        expect(formulaProblem('(A + B', 2)).toBe('A bracket is never closed')
        expect(formulaProblem('A; drop', 2)).toBe('Use letters of series, numbers and + − * / % ( )')
        expect(formulaProblem('a * 100 / (a + b)', 2)).toBeNull()
    })
})
