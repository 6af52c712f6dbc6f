import { describe, expect, it } from 'vitest'
import { addToRates, emptyRates, perSecond, tops } from './rates'

describe('live rates', () => {
    it('forgets what is older than a minute', () => {
        let rates = emptyRates(0)
        rates = addToRates(rates, 0, 100)
        rates = addToRates(rates, 5_000, 10)
        expect(rates.counts[54]).toBe(100)
        expect(perSecond(rates)).toBe(10)
        expect(addToRates(rates, 120_000, 0).counts.every((value) => value === 0)).toBe(true)
    })
    it('does not go back in time', () => {
        const rates = addToRates(addToRates(emptyRates(10_000), 10_000, 1), 9_000, 1)
        expect(rates.counts[59]).toBe(2)
    })
    it('finds the most frequent', () => {
        expect(tops(['a', 'b', 'a', undefined], 1)).toEqual([['a', 2]])
    })
})
