import { describe, expect, it } from 'vitest'
import { personName, shortId } from './person-name'
import { columnLabel, columnValue, kindOf, place, readEventRow } from './values'

const row = { uuid: 'u', event: '$pageview', distinct_id: 'd1', timestamp: '2025-03-12T00:00:00Z', properties: { $current_url: 'https://acme.test/pricing?x=1', plan: 'pro' } }

describe('event values', () => {
    it('finds the value of any column', () => {
        const event = { row, person: { distinct_id: 'd1', properties: { email: 'a@b.c', tier: 2 } } }
        expect(columnValue('properties.plan', event)).toBe('pro')
        expect(columnValue('person.properties.tier', event)).toBe(2)
        expect(columnValue('person', event)).toBe('a@b.c')
        expect(columnValue('properties.missing', event)).toBeNull()
        expect(columnLabel('person.properties.$browser')).toBe('Person: Browser')
    })
    it('shows places without noise', () => {
        expect(place(row.properties)).toBe('acme.test/pricing')
        expect(place({ $screen_name: 'Home' })).toBe('Home')
        expect(place({ $current_url: 'not a url' })).toBe('not a url')
    })
    it('tells kinds of values apart', () => {
        expect([1, true, 'x', null, [], {}, '2025-03-12T00:00:00Z'].map(kindOf)).toEqual(['number', 'boolean', 'text', 'null', 'list', 'object', 'time'])
    })
    it('reads properties sent as text', () => {
        expect(readEventRow({ ...row, properties: '{"a":1}' }).properties).toEqual({ a: 1 })
    })
    it('names persons by what the project prefers', () => {
        expect(personName({ email: 'a@b.c', name: 'Ann' }, 'id', null)).toBe('a@b.c')
        expect(personName({ email: 'a@b.c', name: 'Ann' }, 'id', ['name'])).toBe('Ann')
        expect(personName({}, 'id', null)).toBe('id')
        expect(shortId('elif.vogel1583@mail.example')).toBe('elif.vogel1583@mail.example')
        expect(shortId('0192f5e0-7c3a-7abc-8def-0123456789ab')).toBe('0192f5e0…6789ab')
    })
})
