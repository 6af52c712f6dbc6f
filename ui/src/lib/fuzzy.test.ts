import { describe, expect, it } from 'vitest'
import { rank, score } from './fuzzy'

describe('fuzzy matching', () => {
    it('finds letters in order and nothing else', () => {
        expect(score('pgv', '$pageview')).not.toBeNull()
        expect(score('vgp', '$pageview')).toBeNull()
    })
    it('prefers starts of words', () => {
        expect(rank('per', ['Properties of events', 'Paper trail', 'Persons'], (text) => text)[0]).toBe('Persons')
        expect(rank('set', ['Reset token', 'Settings'], (text) => text)[0]).toBe('Settings')
    })
    it('keeps the order when nothing is asked', () => {
        expect(rank('', ['b', 'a'], (text) => text)).toEqual(['b', 'a'])
    })
})
