import { describe, expect, it } from 'vitest'
import { asKind } from './carry'
import type { FunnelsState } from './funnels/state'
import type { InsightState, Kind } from './kinds'
import type { RetentionState } from './retention/state'
import { plainSeries } from './series'
import { initialState, type TrendsState } from './trends/state'

const trends: TrendsState = {
    ...initialState,
    series: [{ ...plainSeries('signed_up'), math: 'dau', name: 'Sign-ups' }, { ...plainSeries('paid'), math: 'sum', property: 'amount' }, plainSeries('refunded')],
    formulas: [{ formula: 'A / B' }],
    filters: [{ type: 'event', key: 'plan', operator: 'exact', value: ['pro'] }],
    range: { from: '-30d', to: null },
    interval: 'week',
    breakdowns: [{ type: 'event', property: '$os' }],
    testAccounts: true,
}

const visit = (start: InsightState, kinds: Kind[], edit: (state: InsightState) => InsightState = (state) => state): InsightState => {
    const known: Partial<Record<Kind, InsightState>> = {}
    return kinds.reduce((state, kind) => {
        const edited = edit(state)
        known[edited.kind] = edited
        return asKind(edited, kind, known)
    }, start)
}

describe('from one kind to another', () => {
    it('series become steps, without maths that steps do not have', () => {
        const funnel = visit(trends, ['funnels']) as FunnelsState
        expect(funnel.series.map((step) => [step.event, step.math, step.name])).toEqual([['signed_up', 'total', 'Sign-ups'], ['paid', 'total', undefined], ['refunded', 'total', undefined]])
        expect(funnel).toMatchObject({ filters: trends.filters, range: trends.range, testAccounts: true, breakdowns: trends.breakdowns })
    })
    it('the first two series become start and return, the interval the period', () => {
        const retention = visit(trends, ['retention']) as RetentionState
        expect([retention.target.event, retention.returning.event, retention.period]).toEqual(['signed_up', 'paid', 'Week'])
    })
    it('dates and filters come along to paths and SQL', () => {
        expect(visit(trends, ['paths'])).toMatchObject({ kind: 'paths', filters: trends.filters, range: trends.range })
        expect(visit(trends, ['sql'])).toMatchObject({ kind: 'sql', filters: trends.filters, range: trends.range, testAccounts: true })
    })
    it('coming back unchanged brings back what the other kind had no room for', () => {
        for (const kind of ['funnels', 'retention', 'paths', 'stickiness', 'lifecycle', 'sql'] as const) expect(visit(trends, [kind, 'trends'])).toEqual(trends)
    })
    it('what was changed meanwhile wins, the rest stays', () => {
        const back = visit(trends, ['lifecycle', 'trends'], (state) => (state.kind === 'lifecycle' ? { ...state, range: { from: '-7d', to: null } } : state))
        expect(back).toMatchObject({ kind: 'trends', range: { from: '-7d', to: null }, formulas: [{ formula: 'A / B' }] })
    })
    it('a step that may be skipped is a plain series elsewhere', () => {
        const funnel: FunnelsState = { ...(visit(initialState, ['funnels']) as FunnelsState), series: [plainSeries('a'), { ...plainSeries('b'), optional: true }] }
        expect((visit(funnel, ['trends']) as TrendsState).series[1]).toEqual(plainSeries('b'))
    })
})
