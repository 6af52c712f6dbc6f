import { describe, expect, it } from 'vitest'
import { plainSeries } from '../series'
import { exclusionProblem, funnelProblem, funnelQuery, initialFunnel, withSteps, type FunnelsState } from './state'

const funnel: FunnelsState = { ...initialFunnel, series: [plainSeries('a'), plainSeries('b'), plainSeries('c')] }

describe('funnel editor', () => {
    it('asks the plain question without extra fields', () => {
        expect(funnelQuery({ ...initialFunnel, series: [plainSeries('a'), plainSeries('b')] })).toEqual({
            kind: 'FunnelsQuery',
            series: [
                { kind: 'EventsNode', event: 'a', name: 'a' },
                { kind: 'EventsNode', event: 'b', name: 'b' },
            ],
            dateRange: { date_from: '-7d' },
            funnelsFilter: { funnelVizType: 'steps', funnelOrderType: 'ordered', funnelWindowInterval: 14, funnelWindowIntervalUnit: 'day' },
        })
    })
    it('optional steps are asked only where they count', () => {
        const skippable = { ...funnel, series: [plainSeries('a'), { ...plainSeries('b'), optional: true }, plainSeries('c')] }
        expect(funnelQuery(skippable).series[1]).toMatchObject({ optionalInFunnel: true })
        expect(funnelQuery({ ...skippable, view: 'trends' }).series[1]).not.toHaveProperty('optionalInFunnel')
        expect(funnelQuery({ ...skippable, order: 'unordered' }).series[1]).not.toHaveProperty('optionalInFunnel')
    })
    it('steps that go take along what pointed at them', () => {
        const pointed: FunnelsState = { ...funnel, exclusions: [{ event: 'x', filters: [], from: 1, to: 2 }], fromStep: 1, toStep: 2, attributionStep: 2 }
        expect(withSteps(pointed, pointed.series.slice(0, 2))).toMatchObject({ exclusions: [{ from: 0, to: 1 }], fromStep: 1, toStep: null, attributionStep: 1 })
        expect(withSteps(pointed, pointed.series.slice(0, 1)).exclusions).toEqual([])
    })
    it('the first step cannot be skipped', () => {
        const moved = withSteps(funnel, [{ ...plainSeries('b'), optional: true }, plainSeries('a')])
        expect(moved.series[0]?.optional).toBeUndefined()
    })
    it('says which exclusions cannot be', () => {
        const problem = (part: object, state = funnel) => exclusionProblem(state, { event: 'x', filters: [], from: 0, to: 2, ...part })
        expect(problem({})).toBeNull()
        expect(problem({ from: 2, to: 1 })).toContain('later step')
        expect(problem({ to: 5 })).toBe('There is no step 6')
        expect(problem({ event: 'b' })).toBe('Step 2 is this very event')
        expect(problem({ event: 'c', to: 1 })).toBeNull()
        expect(problem({ from: 1 }, { ...funnel, order: 'unordered' })).toContain('whole funnel')
        expect(funnelProblem({ ...funnel, exclusions: [{ event: 'b', filters: [], from: 0, to: 2 }] })).toBe('Leaving out b: step 2 is this very event')
    })
    it('says when an optional step is the same as the next', () => {
        expect(funnelProblem({ ...funnel, series: [plainSeries('a'), { ...plainSeries('c'), optional: true }, plainSeries('c')] })).toContain('Step 2')
    })
    it('measures from an earlier to a later step', () => {
        expect(funnelProblem({ ...funnel, view: 'trends', fromStep: 2 })).toContain('after the first')
        expect(funnelProblem({ ...funnel, view: 'trends', fromStep: 1 })).toBeNull()
    })
})
