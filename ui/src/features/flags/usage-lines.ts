import type { TrendsResult } from '@/api/types'
import type { ChartLine } from '@/features/insights/public'

/** `false` is how an SDK says that somebody did not get it. */
const answerName = (value: unknown): string => (value === 'true' || value === true ? 'On' : value === 'false' || value === false ? 'Off' : value === '$$_posthog_breakdown_null_$$' || value === null ? 'No answer' : value === '$$_posthog_breakdown_other_$$' ? 'Other' : String(value))

export function usageLines(results: TrendsResult[], variants: string[]): (ChartLine & { total: number })[] {
    const named = results.map((result) => ({ label: answerName(Array.isArray(result.breakdown_value) ? result.breakdown_value[0] : result.breakdown_value), result }))
    const order = ['On', ...variants]
    const rank = (label: string) => (order.includes(label) ? order.indexOf(label) : label === 'Off' ? 98 : 97)
    return named
        .sort((a, b) => rank(a.label) - rank(b.label))
        .map(({ label, result }, index) => ({
            key: label,
            label,
            // A variant has the colour that it has in the editor.
            colour: variants.includes(label) ? variants.indexOf(label) : variants.length + index,
            days: result.days ?? [],
            data: result.data ?? [],
            previous: null,
            total: result.aggregated_value ?? result.count,
        }))
}
