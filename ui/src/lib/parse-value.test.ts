import { expect, it } from 'vitest'
import { parseValue } from './parse-value'

it('understands typed values', () => {
    expect(parseValue('5')).toBe(5)
    expect(parseValue(' -2.5 ')).toBe(-2.5)
    expect(parseValue('true')).toBe(true)
    expect(parseValue('"5"')).toBe('5')
    expect(parseValue('[1,2]')).toEqual([1, 2])
    expect(parseValue('{broken')).toBe('{broken')
    expect(parseValue('{broken}')).toBe('{broken}')
    expect(parseValue('pro plan')).toBe('pro plan')
    expect(parseValue('12345678901234567890')).toBe('12345678901234567890')
    expect(parseValue('007')).toBe('007')
})
