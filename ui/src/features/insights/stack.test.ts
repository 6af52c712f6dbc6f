import { describe, expect, it } from 'vitest'
import { niceTop } from './axis'
import { stack } from './stack'

describe('bars', () => {
    it('stack upwards, and downwards by themselves', () => {
        expect(stack([{ data: [1, 2] }, { data: [3, -1] }, { data: [-2, -4] }, { data: [5, 1] }])).toEqual([
            [1, 2],
            [4, -1],
            [-2, -5],
            [9, 3],
        ])
    })
    it('end at a round number', () => {
        expect([niceTop(0), niceTop(3), niceTop(640), niceTop(1000), niceTop(1001)]).toEqual([4, 4, 800, 1000, 1200])
    })
})
