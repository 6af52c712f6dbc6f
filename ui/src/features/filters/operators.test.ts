import { describe, expect, it } from 'vitest'
import { convertValue, describeValue, operatorsFor, problem } from './operators'

describe('filter operators', () => {
    it('offers what fits the type', () => {
        expect(operatorsFor('Boolean')).not.toContain('gt')
        expect(operatorsFor('Numeric')).toContain('between')
        expect(operatorsFor('DateTime')).toContain('is_date_after')
        expect(operatorsFor(null)).toContain('gt')
    })
    it('keeps what it can when the operator changes', () => {
        expect(convertValue(['a', 'b'], 'icontains')).toBe('a')
        expect(convertValue('a', 'exact')).toEqual(['a'])
        expect(convertValue(['7'], 'gt')).toBe(7)
        expect(convertValue(['x'], 'gt')).toBeNull()
        expect(convertValue([1, 5], 'exact')).toEqual(['1', '5'])
        expect(convertValue(['a'], 'is_set')).toBeNull()
    })
    it('says what is missing', () => {
        expect(problem({ type: 'event', key: 'x', operator: 'exact', value: [] })).toBe('Pick at least one value')
        expect(problem({ type: 'event', key: 'x', operator: 'regex', value: '(' })).toBe('This is not a valid regular expression')
        expect(problem({ type: 'event', key: 'x', operator: 'between', value: [5, 1] })).toBe('The first number must not be larger')
        expect(problem({ type: 'event', key: 'x', operator: 'is_set' })).toBeNull()
        expect(problem({ type: 'event', key: 'x', operator: 'gt', value: 0 })).toBeNull()
        expect(problem({ type: 'event', key: 'x', value: 'kept by an older client' })).toBeNull()
    })
    it('describes values briefly', () => {
        expect(describeValue({ type: 'event', key: 'x', operator: 'exact', value: ['a', 'b', 'c', 'd'] })).toBe('a, b +2')
        expect(describeValue({ type: 'event', key: 'x', operator: 'between', value: [1, 5] })).toBe('1 and 5')
        expect(describeValue({ type: 'event', key: 'x', operator: 'is_not_set' })).toBe('')
    })
})
