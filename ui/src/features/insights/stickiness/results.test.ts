import { describe, expect, it } from 'vitest'
import type { StickinessResult } from '@/api/insight-types'
import { average, periodCount, stickyLines } from './results'
import { initialStickiness } from './state'

const result = (data: number[], part: Partial<StickinessResult> = {}): StickinessResult => ({ label: 'a', data, days: data.map((_, index) => index + 1), count: 3, action: { id: 'a', order: 0, name: 'a', custom_name: null }, ...part })

describe('stickiness', () => {
    it('pairs each series with its period before', () => {
        const lines = stickyLines([result([1, 1, 1], { compare_label: 'current' }), result([2, 0, 0], { compare_label: 'previous' })], initialStickiness)
        expect(lines.map((line) => [line.label, line.days, line.previous?.data])).toEqual([['Pageview', ['1', '2', '3'], [2, 0, 0]]])
    })
    it('has the same average, counted either way', () => {
        const [plain] = stickyLines([result([1, 1, 1])], initialStickiness)
        const [cumulative] = stickyLines([result([3, 2, 1])], initialStickiness)
        expect([plain && average(plain, false), cumulative && average(cumulative, true)]).toEqual([2, 2])
        expect(average({ ...plain!, persons: 0 }, false)).toBeNull()
    })
    it('names its places', () => {
        expect([periodCount('1', initialStickiness), periodCount('3', { ...initialStickiness, interval: 'week', cumulative: true })]).toEqual(['1 day', '3 weeks or more'])
    })
})
