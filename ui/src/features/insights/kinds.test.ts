import { describe, expect, it } from 'vitest'
import { initialFunnel } from './funnels/state'
import { kindNames, initialOf, problemOf, queryOf, readInsightSearch, searchOf, stateFrom, stateOf, storedOf, type InsightState } from './kinds'
import { initialLifecycle } from './lifecycle/state'
import { initialPaths } from './paths/state'
import { initialRetention } from './retention/state'
import { plainSeries } from './series'
import { initialSql } from './sql/state'
import { initialStickiness } from './stickiness/state'

const common = { filters: [{ type: 'person' as const, key: 'plan', operator: 'exact' as const, value: ['pro'] }], testAccounts: true, range: { from: '-30d', to: '-1dEnd' }, groupType: 1 }
const { groupType: _, ...persons } = common
const paid = { ...plainSeries('paid'), name: 'Payment', filters: [{ type: 'event' as const, key: 'amount', operator: 'gt' as const, value: '5' }] }

const rich: InsightState[] = [
    {
        ...initialFunnel,
        ...common,
        series: [plainSeries('$pageview'), { ...plainSeries('signed_up'), optional: true }, { event: null, action: 4, actionName: 'Bought', math: 'first_time_for_user', filters: [] }],
        breakdowns: [{ type: 'event', property: '$browser' }],
        order: 'strict',
        window: 3,
        unit: 'hour',
        exclusions: [{ event: 'refunded', filters: [{ type: 'event', key: 'x', operator: 'is_set' }], from: 0, to: 2 }],
        attribution: 'step',
        attributionStep: 1,
        reference: 'previous',
    },
    { ...initialFunnel, ...common, series: [plainSeries('a'), plainSeries('b'), plainSeries('c')], view: 'trends', interval: 'week', fromStep: 1, toStep: 2 },
    { ...initialFunnel, series: [plainSeries('a'), plainSeries('b')], view: 'time_to_convert', bins: 20 },
    { ...initialRetention, ...common, target: plainSeries(null), returning: paid, type: 'retention_recurring', period: 'Week', intervals: 11, cumulative: true, atLeast: 2, breakdowns: [{ type: 'person', property: 'plan' }], reference: 'previous', view: 'lines' },
    { ...initialRetention, windows: '24_hour_windows' },
    { ...initialPaths, ...common, types: ['$pageview', 'custom_event', 'hogql'], expression: 'properties.$host', start: '/a', end: '/b', steps: 7, edges: 20, atLeast: 3, exclude: ['x'], groupings: ['/blog/*'], clean: true },
    { ...initialStickiness, ...persons, series: [plainSeries('$pageview'), paid], interval: 'week', cumulative: true, criteria: { operator: 'gte', value: 3 }, compare: 'previous', display: 'ActionsLineGraph' },
    { ...initialLifecycle, ...common, series: [paid], interval: 'month', shown: ['new', 'dormant'] },
    { ...initialSql, ...persons, sql: 'select event from events where {filters}', view: 'ActionsBar', x: 'event', y: ['n'] },
]

describe('kinds of insight', () => {
    it.each(rich.map((state) => [state.kind, state] as const))('a rich %s question survives being saved and opened again', (_kind, state) => {
        const again = stateFrom(JSON.parse(JSON.stringify(storedOf(state))))
        expect(again).not.toBeNull()
        expect(again && storedOf(again)).toEqual(storedOf(state))
    })
    it.each(rich.map((state) => [state.kind, state] as const))('a rich %s question survives a trip through the address', (_kind, state) => {
        const search = readInsightSearch(JSON.parse(JSON.stringify(searchOf(state))))
        expect(stateOf(search)).toEqual(state)
        expect(readInsightSearch(search)).toEqual(search)
    })
    it.each(kindNames.filter((kind) => kind !== 'trends'))('a link to plain %s names the kind and stays short', (kind) => {
        expect(searchOf(initialOf(kind))).toEqual({ kind, from: '-7d' })
        expect(readInsightSearch({ kind })).toEqual({ kind, from: '-7d' })
    })
    it('nonsense in an address becomes the start of the kind', () => {
        expect(stateOf(readInsightSearch({ kind: 'funnels', series: 7, window: -1, view: 'pie', exclusions: [{ event: 'x' }] }))).toEqual(initialFunnel)
        expect(readInsightSearch({ kind: 'astrology' })).toEqual({})
    })
    it('questions without an editor are left as they are', () => {
        expect(stateFrom({ kind: 'DataTableNode', source: { kind: 'EventsQuery', select: ['*'] } })).toBeNull()
        expect(stateFrom({ kind: 'InsightVizNode', source: { kind: 'CalendarHeatmapQuery', series: [] } })).toBeNull()
        expect(stateFrom(null)).toBeNull()
        expect(stateFrom({ kind: 'RetentionQuery', retentionFilter: { retentionCustomBrackets: [1, 3] } })).toBeNull()
        expect(stateFrom({ kind: 'RetentionQuery', retentionFilter: { aggregationType: 'sum', aggregationProperty: 'price' } })).toBeNull()
        expect(stateFrom({ kind: 'FunnelsQuery', series: [{ kind: 'EventsNode', event: 'a' }], compareFilter: { compare: true } })).toBeNull()
        const either = { type: 'OR', values: [{ type: 'AND', values: [{ type: 'event', key: 'a' }] }, { type: 'AND', values: [{ type: 'event', key: 'b' }] }] }
        expect(stateFrom({ kind: 'TrendsQuery', series: [{ kind: 'EventsNode', event: 'a' }], properties: either })).toBeNull()
    })
    it('SQL opens from every node that other clients keep it in', () => {
        for (const stored of [{ kind: 'HogQLQuery', query: 'select 1' }, { kind: 'DataTableNode', source: { kind: 'HogQLQuery', query: 'select 1' } }, { kind: 'DataVisualizationNode', source: { kind: 'HogQLQuery', query: 'select 1' }, display: 'ActionsBar' }]) {
            expect(stateFrom(stored)).toMatchObject({ kind: 'sql', sql: 'select 1' })
        }
    })
    it('asks SQL with dates only where the text takes them', () => {
        expect(queryOf({ ...initialSql, sql: 'select 1' })).toEqual({ kind: 'HogQLQuery', query: 'select 1' })
        expect(queryOf({ ...initialSql, sql: 'select 1 from events where {filters}' })).toMatchObject({ filters: { dateRange: { date_from: '-7d' } } })
    })
    it('says what is missing before it asks', () => {
        expect(problemOf(initialFunnel)).toBe('A funnel needs at least two steps')
        expect(problemOf({ ...initialRetention, cumulative: true, windows: '24_hour_windows' })).toContain('calendar periods')
        expect(problemOf({ ...initialPaths, types: ['hogql'] })).toContain('expression')
        expect(problemOf({ ...initialSql, sql: ' ' })).toBe('Write a query')
        expect(problemOf({ ...initialStickiness, series: [{ ...plainSeries('a'), math: 'hogql' }] })).toContain('expression')
    })
})
