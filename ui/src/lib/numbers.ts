const exact = new Intl.NumberFormat('en-US', { maximumFractionDigits: 2 })
const short = new Intl.NumberFormat('en-US', { notation: 'compact', maximumFractionDigits: 1 })

/** 12480 → "12,480"; 3.14159 → "3.14". Small fractions keep their first two significant digits. */
export function formatNumber(value: number | null | undefined): string {
    if (value === null || value === undefined || Number.isNaN(value)) return '–'
    if (!Number.isFinite(value)) return value > 0 ? '∞' : '−∞'
    const text =
        value !== 0 && Math.abs(value) < 0.01
            ? new Intl.NumberFormat('en-US', { maximumSignificantDigits: 2 }).format(value)
            : exact.format(value)
    return text.replace('-', '−')
}

/** 2100000 → "2.1M". Values under ten thousand stay exact: they fit. */
export function formatShort(value: number | null | undefined): string {
    if (value === null || value === undefined || Number.isNaN(value)) return '–'
    return Math.abs(value) < 10_000 ? formatNumber(value) : short.format(value).replace('-', '−')
}

/** The relative change from `before` to `now`, or null when there is no honest percentage (nothing before). */
export function change(now: number, before: number): number | null {
    if (before === 0) return null
    return (now - before) / Math.abs(before)
}

/** 0.182 → "+18.2%"; large changes lose the decimal. */
export function formatChange(ratio: number): string {
    const percent = ratio * 100
    const digits = Math.abs(percent) >= 1000 ? 0 : 1
    const text = Math.abs(percent).toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits })
    if (Number(text.replaceAll(',', '')) === 0) return '±0%'
    return `${percent > 0 ? '+' : '−'}${text}%`
}

const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'] as const

export function formatBytes(bytes: number | null | undefined): string {
    if (bytes === null || bytes === undefined) return '–'
    let value = bytes
    let unit = 0
    while (value >= 1000 && unit < units.length - 1) {
        value /= 1000
        unit += 1
    }
    const digits = unit === 0 || value >= 100 ? 0 : 1
    return `${value.toFixed(digits)} ${units[unit]}`
}

/** 1 event, 2 events, 12,480 events. */
export function count(value: number, one: string, many = `${one}s`): string {
    return `${formatNumber(value)} ${value === 1 ? one : many}`
}
