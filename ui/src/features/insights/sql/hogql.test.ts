import { describe, expect, it } from 'vitest'
import { asText, askedAt, isQuoted, marksOf, propertyText } from './hogql'

const at = (text: string) => askedAt(text, text.length)

describe('completion', () => {
    it('knows the word before the cursor', () => {
        expect(at('select cou')).toEqual({ from: 7, word: 'cou', properties: null })
        expect(at('select $ses')).toMatchObject({ word: '$ses' })
        expect(at('select ')).toMatchObject({ from: 7, word: '' })
    })
    it('knows whose properties are asked for', () => {
        expect(at('select properties.$br')).toEqual({ from: 18, word: '$br', properties: 'event' })
        expect(at('select person.properties.')).toMatchObject({ word: '', properties: 'person' })
        expect(at('select myproperties.x')).toMatchObject({ properties: null })
    })
    it('is silent in strings and comments', () => {
        expect(isQuoted("select 'ab", 10)).toBe(true)
        expect(isQuoted("select 'a\\'b", 12)).toBe(true)
        expect(isQuoted("select 'ab' ", 12)).toBe(false)
        expect(isQuoted('-- about co', 11)).toBe(true)
        expect(isQuoted('-- about\nco', 11)).toBe(false)
        expect(isQuoted('/* a */ co', 10)).toBe(false)
    })
})

describe('names', () => {
    it('that are no plain words go into brackets', () => {
        expect(propertyText('$browser', 'event')).toBe('properties.$browser')
        expect(propertyText("it's new", 'person')).toBe("person.properties['it\\'s new']")
    })
})

describe('marks', () => {
    it('stay within the text and can be seen', () => {
        const marks = marksOf([{ start: 7, end: 10, message: 'a' }, { message: 'b' }, { start: 90, end: 99, message: 'c' }, { start: 3, end: 3, message: 'd' }], 'error', 12)
        expect(marks.map((mark) => [mark.from, mark.to])).toEqual([[7, 10], [0, 12], [11, 12], [3, 4]])
    })
})

describe('what the server ran', () => {
    it('is written a clause a line, and strings stay whole', () => {
        expect(asText("SELECT ' FROM x', (SELECT 1 FROM b) FROM events WHERE event = 'it\\'s WHERE' GROUP BY a LIMIT 400001")).toBe("SELECT ' FROM x', (SELECT 1 FROM b)\nFROM events\nWHERE event = 'it\\'s WHERE'\nGROUP BY a")
        expect(asText('SELECT 1 FROM events LIMIT 100')).toBe('SELECT 1\nFROM events\nLIMIT 100')
    })
})
