/** Events per second over the last minute: one slot per second, the last one still filling. */
export type Rates = { second: number; counts: number[] }

export const emptyRates = (now: number): Rates => ({ second: Math.floor(now / 1000), counts: new Array<number>(60).fill(0) })

export function addToRates(rates: Rates, now: number, events: number): Rates {
    const second = Math.floor(now / 1000)
    const passed = Math.max(0, Math.min(60, second - rates.second))
    const counts = [...rates.counts.slice(passed), ...new Array<number>(passed).fill(0)]
    counts[59] = (counts[59] ?? 0) + events
    return { second: Math.max(second, rates.second), counts }
}

/** The mean of the last ten full seconds. */
export const perSecond = (rates: Rates): number => rates.counts.slice(-11, -1).reduce((sum, value) => sum + value, 0) / 10

export function tops(values: (string | undefined)[], limit: number): [string, number][] {
    const counts = new Map<string, number>()
    for (const value of values) if (value) counts.set(value, (counts.get(value) ?? 0) + 1)
    return [...counts].sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0])).slice(0, limit)
}
