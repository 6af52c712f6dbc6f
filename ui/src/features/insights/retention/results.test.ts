import { describe, expect, it } from 'vitest'
import type { RetentionRow } from '@/api/insight-types'
import { blocksOf, heat, openPeriods, retentionLines } from './results'

const row = (day: number, counts: number[], value?: string): RetentionRow => ({ date: `2025-03-${day}T00:00:00Z`, label: `Day ${day - 10}`, values: counts.map((count, index) => ({ count, label: `Day ${index}` })), ...(value ? { breakdown_value: value } : {}) })
const rows = [row(10, [2, 1, 1, 1, 0]), row(11, [2, 0, 1, 1, 0]), row(12, [2, 1, 0, 0, 0]), row(13, [2, 0, 0, 0, 0]), row(14, [1, 0, 0, 0, 0])]
const noon = new Date('2025-03-14T12:00:00Z')
const later = new Date('2025-04-01T00:00:00Z')

describe('retention grid', () => {
    it('knows zero from not known yet', () => {
        const [block] = blocksOf(rows, 'Day', 'total', noon)
        expect(block?.cohorts.map((cohort) => cohort.cells.map((cell) => ({ full: 'f', partial: 'p', unknown: '.' })[cell.state]).join(''))).toEqual(['ffffp', 'fffp.', 'ffp..', 'fp...', 'p....'])
    })
    it('a range that is over has no unfinished cells', () => {
        expect(openPeriods(rows, later)).toBe(0)
        expect(blocksOf(rows, 'Day', 'total', later)[0]?.cohorts[0]?.cells.at(-1)?.state).toBe('full')
    })
    it('the mean weighs cohorts by size and leaves out what is not over', () => {
        expect(blocksOf(rows, 'Day', 'total', noon)[0]?.mean).toEqual([1, 2 / 6, 2 / 4, 1 / 2, null])
    })
    it('can be read against the period before', () => {
        const [block] = blocksOf([row(10, [10, 5, 4]), row(11, [10, 1, 0]), row(12, [0, 0, 0])], 'Day', 'previous', later)
        expect(block?.cohorts[0]?.cells.map((cell) => cell.share)).toEqual([1, 0.5, 0.8])
    })
    it('breakdown values are grids of their own', () => {
        const blocks = blocksOf([row(10, [4, 2], 'pro'), row(11, [1, 0], 'pro'), row(10, [8, 2], 'free'), row(11, [1, 0], 'free')], 'Day', 'total', later)
        expect(blocks.map((block) => [block.label, block.mean[1]])).toEqual([['pro', 0.5], ['free', 0.25]])
        expect(retentionLines(blocks, () => '').map((line) => line.label)).toEqual(['pro', 'free'])
    })
    it('lines stop where nothing is known', () => {
        const [mean, first, second] = retentionLines(blocksOf(rows, 'Day', 'total', noon), (cohort) => cohort.date.slice(0, 10))
        expect(mean?.data).toEqual([expect.closeTo(33.33, 1), 50, 50, Number.NaN])
        expect([first?.label, first?.data]).toEqual(['2025-03-10', [50, 50, 50, 0]])
        expect(second?.data.map(Number.isNaN)).toEqual([false, false, false, true])
    })
    it('heat is relative to the strongest return', () => {
        const [block] = blocksOf([row(10, [10, 4, 2]), row(11, [10, 0, 0]), row(12, [10, 0, 0])], 'Day', 'total', later)
        expect(block && [heat(0.4, block), heat(0.2, block), heat(0, block)]).toEqual([1, 0.5, 0])
    })
})
