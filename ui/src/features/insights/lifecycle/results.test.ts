import { describe, expect, it } from 'vitest'
import type { LifecycleResult, LifecycleStatus } from '@/api/insight-types'
import { growth, statusLines } from './results'

const result = (status: LifecycleStatus, data: number[]): LifecycleResult => ({ status, label: status, data, days: ['2025-03-10', '2025-03-11'], labels: [], count: 0 })
const results = [result('dormant', [0, -3]), result('new', [1, 0]), result('returning', [1, 1]), result('resurrecting', [0, 1])]

describe('lifecycle', () => {
    it('keeps its order and leaves out what is switched off', () => {
        expect(statusLines(results, ['dormant', 'new']).map((line) => [line.status, line.total])).toEqual([['new', 1], ['dormant', -3]])
    })
    it('weighs who came against who went', () => {
        expect(growth(results)).toEqual({ came: 2, went: 3 })
        expect(growth(results.slice(0, 2))).toBeNull()
    })
})
