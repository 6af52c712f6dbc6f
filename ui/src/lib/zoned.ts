/** How far the clock of `zone` is ahead of UTC at `when`, in minutes. */
function offsetMinutes(when: number, zone: string): number {
    const parts = new Map(
        new Intl.DateTimeFormat('en-US', { timeZone: zone, hourCycle: 'h23', year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric' })
            .formatToParts(when)
            .map((part) => [part.type, Number(part.value)])
    )
    const part = (name: Intl.DateTimeFormatPartTypes) => parts.get(name) ?? 0
    const shown = Date.UTC(part('year'), part('month') - 1, part('day'), part('hour'), part('minute'), part('second'))
    return Math.round((shown - Math.floor(when / 1000) * 1000) / 60_000)
}

/** "2026-03-29T14:30" on the clocks of `zone`, as an instant; null for what is no time. */
export function instantOf(local: string, zone: string): Date | null {
    const utc = Date.parse(`${local}Z`)
    if (Number.isNaN(utc)) return null
    // The offset at the guess can be that of the other side of a change of clocks; the second try is on the right one.
    const first = utc - offsetMinutes(utc, zone) * 60_000
    return new Date(utc - offsetMinutes(first, zone) * 60_000)
}

/** An instant as a date and time field shows it, on the clocks of `zone`. */
export function localOf(when: Date, zone: string): string {
    return new Date(when.getTime() + offsetMinutes(when.getTime(), zone) * 60_000).toISOString().slice(0, 16)
}
