import { describe, expect, it } from 'vitest'
import { asCurl } from './curl'
import { SseParser } from './sse'

describe('server-sent events', () => {
    it('joins frames that arrive in pieces', () => {
        const parser = new SseParser()
        expect(parser.push('data: {"a"')).toEqual([])
        expect(parser.push(':1}\n\ndata: 2\n\nda')).toEqual(['{"a":1}', '2'])
        expect(parser.push('ta: 3\r\n\r\n')).toEqual(['3'])
    })
    it('ignores comments and keeps lines of one event together', () => {
        expect(new SseParser().push(': ping\n\ndata: a\ndata: b\n\n')).toEqual(['a\nb'])
    })
})

describe('copy as curl', () => {
    it('survives quotes in values', () => {
        const text = asCurl('https://h.example', 'phc_x', { event: "it's", distinct_id: 'u', timestamp: '2025-01-01T00:00:00Z', properties: {} })
        expect(text).toContain(`"event":"it'\\''s"`)
        expect(text).toContain("'https://h.example/i/v0/e/'")
    })
})
