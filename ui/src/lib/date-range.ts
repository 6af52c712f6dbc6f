import { dayIn, type BucketInterval } from './time'

/** A date range in the server's own words: "-7d", "dStart", "-1mStart", "all" or an ISO date. `to` null means now. */
export type DateRange = { from: string; to: string | null }

export type Preset = { label: string; short?: string; range: DateRange }

export const presets: Preset[] = [
    { label: 'Last hour', range: { from: '-1h', to: null } },
    { label: 'Last 24 hours', range: { from: '-24h', to: null } },
    { label: 'Today', short: 'Today', range: { from: 'dStart', to: null } },
    { label: 'Yesterday', range: { from: '-1dStart', to: '-1dEnd' } },
    { label: 'Last 7 days', short: '7 d', range: { from: '-7d', to: null } },
    { label: 'Last 14 days', range: { from: '-14d', to: null } },
    { label: 'Last 30 days', short: '30 d', range: { from: '-30d', to: null } },
    { label: 'Last 90 days', short: '90 d', range: { from: '-90d', to: null } },
    { label: 'Last 180 days', range: { from: '-180d', to: null } },
    { label: 'This month', range: { from: 'mStart', to: null } },
    { label: 'Previous month', range: { from: '-1mStart', to: '-1mEnd' } },
    { label: 'This year', range: { from: 'yStart', to: null } },
    { label: 'All time', range: { from: 'all', to: null } },
]

export const sameRange = (a: DateRange, b: DateRange): boolean => a.from === b.from && a.to === b.to

const iso = /^\d{4}-\d{2}-\d{2}/
const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']
const unitNames: Record<string, string> = { M: 'minutes', h: 'hours', d: 'days', w: 'weeks', m: 'months', q: 'quarters', y: 'years' }

function describeDay(day: string): string {
    const [year, month = 1, date] = day.slice(0, 10).split('-').map(Number)
    const name = months[month - 1] ?? ''
    const clock = /T(\d{2}:\d{2})/.exec(day)?.[1]
    return `${date} ${name.charAt(0).toUpperCase()}${name.slice(1)} ${year}${clock ? ` ${clock}` : ''}`
}

export function describeRange(range: DateRange): string {
    const preset = presets.find((known) => sameRange(known.range, range))
    if (preset) return preset.label
    const relative = /^-(\d+)([hdwmqyM])$/.exec(range.from)
    if (relative && range.to === null) {
        const unit = unitNames[relative[2] ?? 'd'] ?? 'days'
        return `Last ${relative[1]} ${relative[1] === '1' ? unit.slice(0, -1) : unit}`
    }
    if (iso.test(range.from)) {
        if (range.to === null) return `Since ${describeDay(range.from)}`
        if (range.to.slice(0, 10) === range.from && range.to.length === 10) return describeDay(range.from)
        return `${describeDay(range.from)} to ${iso.test(range.to) ? describeDay(range.to) : range.to}`
    }
    return range.to ? `${range.from} to ${range.to}` : range.from
}

/** How many days a range covers, roughly; null when only the server can know. */
export function approximateDays(range: DateRange, now: Date, zone: string): number | null {
    const day = (text: string | null): number | null => {
        if (text === null) return now.getTime()
        if (iso.test(text)) return Date.parse(text.length === 10 ? `${text}T00:00:00Z` : text)
        const today = dayIn(now, zone)
        const match = /^-?(\d*)([hdwmqyMs])(Start|End)?$/.exec(text)
        if (!match) return null
        const amount = Number(match[1] || 0)
        const size = { s: 1 / 86_400, M: 1 / 1440, h: 1 / 24, d: 1, w: 7, m: 30.4, q: 91, y: 365 }[match[2] ?? 'd'] ?? 1
        let at = now.getTime() - amount * size * 86_400_000
        if (match[3] === 'Start' && match[2] === 'm') at -= (Number(today.slice(8, 10)) - 1) * 86_400_000
        if (match[3] === 'Start' && match[2] === 'y') at -= (Number(today.slice(5, 7)) - 1) * 30.4 * 86_400_000
        return at
    }
    const from = day(range.from)
    const last = day(range.to)
    const to = last !== null && range.to?.length === 10 && iso.test(range.to) ? last + 86_400_000 : last
    return from === null || to === null ? null : Math.max(0, (to - from) / 86_400_000)
}

/** The interval that gives a readable number of buckets for this range. */
export function naturalInterval(range: DateRange, now: Date, zone: string): BucketInterval {
    const days = approximateDays(range, now, zone)
    if (days === null) return 'month'
    if (/^-?[01]?dStart$/.test(range.from)) return 'hour'
    if (days <= 0.1) return 'minute'
    if (days <= 2 && (range.from.endsWith('h') || days <= 1)) return 'hour'
    if (days <= 100) return 'day'
    return days <= 400 ? 'week' : 'month'
}

/** Whether an interval makes sense for a range: at least one bucket, and not thousands. */
export function intervalFits(interval: BucketInterval, range: DateRange, now: Date, zone: string): boolean {
    const days = approximateDays(range, now, zone)
    if (days === null) return interval === 'day' || interval === 'week' || interval === 'month'
    const size = { minute: 1 / 1440, hour: 1 / 24, day: 1, week: 7, month: 30 }[interval]
    return days / size <= 1500 && (interval === 'minute' || interval === 'hour' || interval === 'day' || days >= size)
}

const counts: Record<string, number> = { a: 1, an: 1, one: 1, two: 2, three: 3, four: 4, five: 5, six: 6, seven: 7, eight: 8, nine: 9, ten: 10, twelve: 12 }
const unitCodes: Record<string, string> = { minute: 'M', min: 'M', hour: 'h', h: 'h', day: 'd', d: 'd', week: 'w', w: 'w', month: 'm', mo: 'm', quarter: 'q', q: 'q', year: 'y', y: 'y' }

function parseDay(text: string, now: Date, zone: string): string | null {
    const trimmed = text.trim().replace(/(\d)(st|nd|rd|th)\b/, '$1').replace(',', ' ').replace(/\s+/g, ' ')
    const today = dayIn(now, zone)
    if (trimmed === 'today') return today
    if (trimmed === 'yesterday') return dayIn(new Date(now.getTime() - 86_400_000), zone)
    const numeric = /^(\d{4})-(\d{1,2})-(\d{1,2})$/.exec(trimmed)
    if (numeric) return checked(Number(numeric[1]), Number(numeric[2]), Number(numeric[3]))
    const words = /^(\d{1,2})\.? ([a-z]{3,9})(?: (\d{4}))?$/.exec(trimmed) ?? reorder(/^([a-z]{3,9}) (\d{1,2})(?: (\d{4}))?$/.exec(trimmed))
    if (!words) return null
    const month = months.indexOf((words[2] ?? '').slice(0, 3)) + 1
    if (month === 0) return null
    const year = words[3] ? Number(words[3]) : Number(today.slice(0, 4))
    const day = checked(year, month, Number(words[1]))
    // "since 20 Dec" said in March means last December.
    return day !== null && !words[3] && day > today ? checked(year - 1, month, Number(words[1])) : day
}

function reorder(match: RegExpExecArray | null): (string | undefined)[] | null {
    return match ? [match[0], match[2], match[1], match[3]] : null
}

function checked(year: number, month: number, day: number): string | null {
    const date = new Date(Date.UTC(year, month - 1, day))
    if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return null
    return `${year}-${String(month).padStart(2, '0')}-${String(day).padStart(2, '0')}`
}

/** "last 3 weeks", "since 1 Oct", "yesterday", "2025-03-01 to 2025-03-10", "march" … → a range, or null. */
export function parseRange(input: string, now: Date, zone: string): DateRange | null {
    const text = input.trim().toLowerCase().replace(/\s+/g, ' ')
    if (text === '') return null
    const preset = presets.find((known) => known.label.toLowerCase() === text || known.short?.toLowerCase() === text)
    if (preset) return preset.range
    if (text === 'all' || text === 'everything') return { from: 'all', to: null }
    if (text === 'last month') return { from: '-1mStart', to: '-1mEnd' }
    if (/^-\d+[hdwmqyM](start)?$/i.test(input.trim())) return { from: input.trim(), to: null }

    const relative = /^(?:last |past |previous )?(\d+|[a-z]+)? ?(minute|min|hour|h|day|d|week|w|month|mo|quarter|q|year|y)s?$/.exec(text)
    if (relative) {
        const word = relative[1]
        const amount = word === undefined ? 1 : (counts[word] ?? Number(word))
        const unit = unitCodes[relative[2] ?? 'd']
        if (Number.isInteger(amount) && amount > 0 && amount <= 9999 && unit) return { from: `-${amount}${unit}`, to: null }
    }
    const since = /^(?:since|from) (.+)$/.exec(text)
    if (since && !/ (to|until) | - /.test(text)) {
        const day = parseDay(since[1] ?? '', now, zone)
        return day ? { from: day, to: null } : null
    }
    const span = /^(?:from )?(.+?) (?:to|until|till|–|-) (.+)$/.exec(text)
    if (span) {
        const from = parseDay(span[1] ?? '', now, zone)
        const to = parseDay(span[2] ?? '', now, zone)
        return from && to && from <= to ? { from, to } : null
    }
    const month = /^([a-z]{3,9})(?: (\d{4}))?$/.exec(text)
    const index = month ? months.indexOf((month[1] ?? '').slice(0, 3)) : -1
    if (month && index >= 0) {
        const today = dayIn(now, zone)
        let year = month[2] ? Number(month[2]) : Number(today.slice(0, 4))
        if (!month[2] && index + 1 > Number(today.slice(5, 7))) year -= 1
        const last = new Date(Date.UTC(year, index + 1, 0)).getUTCDate()
        return { from: checked(year, index + 1, 1) ?? '', to: checked(year, index + 1, last) }
    }
    const day = parseDay(text, now, zone)
    return day ? { from: day, to: day } : null
}
