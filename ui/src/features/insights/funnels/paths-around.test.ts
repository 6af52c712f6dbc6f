import { describe, expect, it } from 'vitest'
import { readInsightSearch, stateOf } from '../kinds'
import { plainSeries } from '../series'
import { waysAround } from './paths-around'
import { funnelQuery, initialFunnel } from './state'

const funnel = { ...initialFunnel, series: [plainSeries('a'), plainSeries('b')], range: { from: '-30d', to: null } }
const query = funnelQuery(funnel)

describe('paths around a step', () => {
    it('those who dropped off went somewhere else', () => {
        const [instead, before] = waysAround(query, funnel, 2, true)
        expect(instead?.search).toMatchObject({ kind: 'paths', from: '-30d', funnel: { funnelPathType: 'funnel_path_after_step', funnelStep: 1, funnelSource: query } })
        expect(before?.search).toMatchObject({ funnel: { funnelPathType: 'funnel_path_before_step', funnelStep: -2 } })
    })
    it('those who got here came from somewhere, unless it is the first step', () => {
        expect(waysAround(query, funnel, 2, false).map((ways) => ways.label)).toEqual(['How they got here', 'What they did since the step before', 'What they did next'])
        expect(waysAround(query, funnel, 1, false).map((ways) => ways.label)).toEqual(['What they did next'])
    })
    it('survive the address with their whole funnel', () => {
        const [next] = waysAround(query, funnel, 1, false)
        expect(stateOf(readInsightSearch(JSON.parse(JSON.stringify(next?.search))))).toMatchObject({ kind: 'paths', funnel: { funnelSource: query, funnelStep: 1 } })
    })
    it('are not offered where paths cannot tell', () => {
        expect(waysAround(query, { ...funnel, order: 'unordered' }, 2, true)).toEqual([])
        expect(waysAround(query, { ...funnel, breakdowns: [{ type: 'event', property: 'x' }] }, 2, true)).toEqual([])
    })
})
