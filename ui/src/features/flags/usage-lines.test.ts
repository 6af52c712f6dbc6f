import { expect, it } from 'vitest'
import type { TrendsResult } from '@/api/types'
import { usageLines } from './usage-lines'

const result = (answer: string, count: number): TrendsResult => ({ label: answer, data: [count], days: ['2026-01-01'], count, action: null, breakdown_value: [answer] })

it('answers have names, an order and the colours of their variants', () => {
    const lines = usageLines([result('false', 5), result('test', 3), result('control', 4)], ['control', 'test'])
    expect(lines.map((line) => [line.label, line.total])).toEqual([
        ['control', 4],
        ['test', 3],
        ['Off', 5],
    ])
    expect(lines.map((line) => line.colour).slice(0, 2)).toEqual([0, 1])
})
it('on comes before off', () => expect(usageLines([result('false', 1), result('true', 1)], []).map((line) => line.label)).toEqual(['On', 'Off']))
it('an answer that is gone is still counted', () => expect(usageLines([result('holdout-3', 2)], ['control']).map((line) => line.label)).toEqual(['holdout-3']))
