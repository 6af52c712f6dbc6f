import { describe, expect, it } from 'vitest'
import { bucketLabel, dayIn, formatAgo, formatDateTime, formatMilliseconds, formatSeconds } from './time'

const now = new Date('2025-03-12T15:20:30Z')

describe('time', () => {
    it('says how long something took', () => {
        expect(formatSeconds(0.31)).toBe('0.3 s')
        expect(formatSeconds(45.2)).toBe('45 s')
        expect(formatSeconds(75)).toBe('1 min 15 s')
        expect(formatSeconds(4000)).toBe('1 h 6 min')
        expect(formatSeconds(90_000)).toBe('1 d 1 h')
        expect(formatMilliseconds(84.4)).toBe('84 ms')
        expect(formatMilliseconds(0.2)).toBe('<1 ms')
    })
    it('says how long ago something was', () => {
        expect(formatAgo('2025-03-12T15:20:28Z', now)).toBe('just now')
        expect(formatAgo('2025-03-12T15:20:00Z', now)).toBe('30 s ago')
        expect(formatAgo('2025-03-12T12:20:30Z', now)).toBe('3 h ago')
        expect(formatAgo('2025-03-12T15:25:31Z', now)).toBe('in 5 min')
        expect(formatAgo('2022-03-12T15:20:30Z', now)).toBe('3 y ago')
        expect(formatAgo('nonsense', now)).toBe('–')
    })
    it('shows times in the zone of the project', () => {
        expect(formatDateTime(now, 'Asia/Tokyo')).toBe('13 Mar 2025, 00:20:30')
        expect(dayIn(now, 'Asia/Tokyo')).toBe('2025-03-13')
        expect(dayIn(now, 'America/Los_Angeles')).toBe('2025-03-12')
    })
    it('names buckets by their interval', () => {
        expect(bucketLabel('2025-03-12', 'day')).toBe('12 Mar')
        expect(bucketLabel('2025-03-12', 'day', true)).toBe('Wed 12 Mar 2025')
        expect(bucketLabel('2025-03-12 14:00:00', 'hour')).toBe('14:00')
        expect(bucketLabel('2025-03-12 00:00:00', 'hour')).toBe('12 Mar')
        expect(bucketLabel('2025-03-09', 'week', true)).toBe('Week of 9 Mar 2025')
        expect(bucketLabel('2025-03-01', 'month')).toBe('Mar 2025')
    })
})
