import { describe, expect, it } from 'vitest'
import { beyondEditor, rewrapped, withKept } from './keep'
import { queryOf, stateFrom, type InsightState } from './kinds'

const stored = {
    kind: 'TrendsQuery',
    series: [{ kind: 'EventsNode', event: 'a' }],
    samplingFactor: 0.1,
    version: 2,
    compareFilter: { compare: true },
    trendsFilter: { display: 'ActionsBar', showLegend: true, goalLines: [{ label: 'x', value: 3 }] },
}
const state = stateFrom(stored) as InsightState & { kind: 'trends' }

describe('what the editor does not know', () => {
    const kept = beyondEditor(stored, queryOf(state))
    it('is found: chart settings, sampling, versions', () => {
        expect(kept).toEqual({ samplingFactor: 0.1, version: 2, trendsFilter: { showLegend: true, goalLines: [{ label: 'x', value: 3 }] } })
    })
    it('is kept when the question changes, and never overrules it', () => {
        const next = withKept(queryOf({ ...state, display: 'ActionsLineGraph', compare: null }), kept)
        expect(next).toMatchObject({ samplingFactor: 0.1, trendsFilter: { display: 'ActionsLineGraph', showLegend: true } })
        expect('compareFilter' in next).toBe(false)
    })
    it('stays around the question as well, unless the kind of node changes', () => {
        expect(rewrapped({ kind: 'InsightVizNode', showTable: true, source: stored }, { kind: 'InsightVizNode', source: { kind: 'B' } })).toEqual({ kind: 'InsightVizNode', showTable: true, source: { kind: 'B' } })
        expect(rewrapped({ kind: 'DataTableNode', full: true }, { kind: 'InsightVizNode', source: { kind: 'B' } })).toEqual({ kind: 'InsightVizNode', source: { kind: 'B' } })
    })
})
