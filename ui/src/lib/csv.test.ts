import { describe, expect, it } from 'vitest'
import { toCsv } from './csv'

describe('csv', () => {
    it('quotes what needs quotes', () => {
        expect(toCsv(['a', 'b,c'], [['say "hi"', 'line\nbreak'], [1, null]])).toBe('a,"b,c"\r\n"say ""hi""","line\nbreak"\r\n1,\r\n')
    })
    it('disarms formulas but leaves numbers alone', () => {
        expect(toCsv(['x'], [['=cmd()'], [-5], ['@here']])).toBe("x\r\n'=cmd()\r\n-5\r\n'@here\r\n")
    })
    it('writes objects as JSON', () => {
        expect(toCsv(['x'], [[{ a: 1 }]])).toBe('x\r\n"{""a"":1}"\r\n')
    })
})
