import { describe, expect, it } from 'vitest'
import { instantOf, localOf } from './zoned'

describe('a time on the clocks of a zone', () => {
    it('is the right instant in summer and winter', () => {
        expect(instantOf('2026-07-01T12:00', 'Europe/Berlin')?.toISOString()).toBe('2026-07-01T10:00:00.000Z')
        expect(instantOf('2026-01-01T12:00', 'Europe/Berlin')?.toISOString()).toBe('2026-01-01T11:00:00.000Z')
        expect(instantOf('2026-01-01T00:30', 'Asia/Kolkata')?.toISOString()).toBe('2025-12-31T19:00:00.000Z')
    })
    it('is the right instant on both sides of a change of clocks', () => {
        expect(instantOf('2026-03-29T01:30', 'Europe/Berlin')?.toISOString()).toBe('2026-03-29T00:30:00.000Z')
        expect(instantOf('2026-03-29T03:30', 'Europe/Berlin')?.toISOString()).toBe('2026-03-29T01:30:00.000Z')
    })
    it('comes back as it was written', () => expect(localOf(instantOf('2026-07-01T12:34', 'America/New_York') ?? new Date(0), 'America/New_York')).toBe('2026-07-01T12:34'))
    it('is nothing for what is no time', () => expect(instantOf('soon', 'UTC')).toBeNull())
})
