import { describe, expect, it } from 'vitest'
import { change, count, formatBytes, formatChange, formatNumber, formatShort } from './numbers'

describe('numbers', () => {
    it('groups thousands and keeps two decimals', () => {
        expect(formatNumber(12480)).toBe('12,480')
        expect(formatNumber(3.14159)).toBe('3.14')
        expect(formatNumber(-431)).toBe('−431')
    })
    it('does not round a small fraction to zero', () => {
        expect(formatNumber(0.00123)).toBe('0.0012')
        expect(formatNumber(0)).toBe('0')
    })
    it('shows missing values as a dash', () => {
        expect(formatNumber(null)).toBe('–')
        expect(formatShort(Number.NaN)).toBe('–')
    })
    it('shortens only what would not fit', () => {
        expect(formatShort(9999)).toBe('9,999')
        expect(formatShort(2_100_000)).toBe('2.1M')
        expect(formatShort(10_000_000)).toBe('10M')
    })
    it('signs changes and refuses a percentage of nothing', () => {
        expect(formatChange(0.182)).toBe('+18.2%')
        expect(formatChange(-0.0312)).toBe('−3.1%')
        expect(formatChange(0.00001)).toBe('±0%')
        expect(formatChange(25.4)).toBe('+2,540%')
        expect(change(5, 0)).toBeNull()
        expect(change(5, 10)).toBe(-0.5)
    })
    it('speaks of bytes in steps of a thousand', () => {
        expect(formatBytes(999)).toBe('999 B')
        expect(formatBytes(1_500)).toBe('1.5 kB')
        expect(formatBytes(123_456_789)).toBe('123 MB')
    })
    it('knows one from many', () => {
        expect(count(1, 'event')).toBe('1 event')
        expect(count(2, 'person', 'persons')).toBe('2 persons')
    })
})
