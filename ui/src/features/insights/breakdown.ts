import type { BreakdownValue } from '@/api/types'

export const otherValue = '$$_posthog_breakdown_other_$$'
export const nullValue = '$$_posthog_breakdown_null_$$'

/** A breakdown value in words. */
export function breakdownText(value: BreakdownValue | undefined): string {
    if (value === undefined) return ''
    const one = (part: unknown): string => {
        if (part === null || part === nullValue || part === '') return '(none)'
        if (part === otherValue) return 'Other'
        return String(part)
    }
    return Array.isArray(value) ? value.map(one).join(', ') : one(value)
}
