import { expect, it } from 'vitest'
import { strength } from './password'

it('judges passwords as a careful colleague would', () => {
    expect(strength('abc')).toEqual({ level: 0, text: '5 more characters needed' })
    expect(strength('aaaaaaaaaaaaaaaa').level).toBe(1)
    expect(strength('Password1234').level).toBe(1)
    expect(strength('tortoise9').level).toBe(2)
    expect(strength('correct horse battery').level).toBe(3)
})
