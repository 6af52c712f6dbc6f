/** 45 → "45 s"; 0.312 → "0.3 s"; 4000 → "1 h 6 min". */
export function formatSeconds(seconds: number): string {
    if (seconds < 0) return '0 s'
    if (seconds < 10) return `${seconds.toFixed(1)} s`
    if (seconds < 60) return `${Math.round(seconds)} s`
    const minutes = Math.floor(seconds / 60)
    if (minutes < 60) return `${minutes} min ${Math.floor(seconds % 60)} s`
    const hours = Math.floor(minutes / 60)
    if (hours < 24) return `${hours} h ${minutes % 60} min`
    return `${Math.floor(hours / 24)} d ${hours % 24} h`
}

export function formatMilliseconds(ms: number): string {
    if (ms < 1) return '<1 ms'
    return ms < 1000 ? `${Math.round(ms)} ms` : formatSeconds(ms / 1000)
}

const steps: [limit: number, size: number, unit: string][] = [
    [60, 1, 's'],
    [3600, 60, 'min'],
    [86_400, 3600, 'h'],
    [86_400 * 60, 86_400, 'd'],
    [86_400 * 365, 86_400 * 30, 'mo'],
]

/** "just now", "14 s ago", "3 h ago", "in 5 min". */
export function formatAgo(then: Date | string, now: Date): string {
    const seconds = (now.getTime() - new Date(then).getTime()) / 1000
    if (Number.isNaN(seconds)) return '–'
    const distance = Math.abs(seconds)
    if (distance < 5) return 'just now'
    const step = steps.find(([limit]) => distance < limit)
    const text = step ? `${Math.floor(distance / step[1])} ${step[2]}` : `${Math.floor(distance / (86_400 * 365))} y`
    return seconds >= 0 ? `${text} ago` : `in ${text}`
}

const formats = new Map<string, Intl.DateTimeFormat>()

function format(zone: string, name: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
    const key = `${zone}|${name}`
    let known = formats.get(key)
    if (!known) {
        known = new Intl.DateTimeFormat('en-GB', { timeZone: zone, hourCycle: 'h23', ...options })
        formats.set(key, known)
    }
    return known
}

/** "12 Mar 2025, 15:20:30" in the project's time zone. */
export function formatDateTime(when: Date | string, zone: string): string {
    const date = new Date(when)
    if (Number.isNaN(date.getTime())) return '–'
    return format(zone, 'datetime', { day: 'numeric', month: 'short', year: 'numeric', hour: '2-digit', minute: '2-digit', second: '2-digit' }).format(date)
}

export function formatDate(when: Date | string, zone: string): string {
    const date = new Date(when)
    if (Number.isNaN(date.getTime())) return '–'
    return format(zone, 'date', { day: 'numeric', month: 'short', year: 'numeric' }).format(date)
}

export function formatClock(when: Date | string, zone: string): string {
    const date = new Date(when)
    if (Number.isNaN(date.getTime())) return '–'
    return format(zone, 'clock', { hour: '2-digit', minute: '2-digit', second: '2-digit' }).format(date)
}

/** The calendar day "2025-03-12" that `when` falls on in `zone`. */
export function dayIn(when: Date, zone: string): string {
    const parts = new Map(
        format(zone, 'day', { year: 'numeric', month: '2-digit', day: '2-digit' })
            .formatToParts(when)
            .map((part) => [part.type, part.value])
    )
    return `${parts.get('year')}-${parts.get('month')}-${parts.get('day')}`
}

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
const weekdays = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat']

export type BucketInterval = 'minute' | 'hour' | 'day' | 'week' | 'month'

/** A bucket as the server names it ("2025-03-12" or "2025-03-12 14:00:00", project time) → axis text. */
export function bucketLabel(day: string, interval: BucketInterval, long = false): string {
    const [date = '', clock = '00:00:00'] = day.replace('T', ' ').split(' ')
    const [year = 0, month = 1, dayOfMonth = 1] = date.split('-').map(Number)
    const name = months[month - 1] ?? ''
    if (interval === 'month') return `${name} ${year}`
    const weekday = weekdays[new Date(Date.UTC(year, month - 1, dayOfMonth)).getUTCDay()]
    if (interval === 'hour' || interval === 'minute') {
        const time = clock.slice(0, 5)
        return long ? `${weekday} ${dayOfMonth} ${name}, ${time}` : time === '00:00' ? `${dayOfMonth} ${name}` : time
    }
    if (interval === 'week') return long ? `Week of ${dayOfMonth} ${name} ${year}` : `${dayOfMonth} ${name}`
    return long ? `${weekday} ${dayOfMonth} ${name} ${year}` : `${dayOfMonth} ${name}`
}
