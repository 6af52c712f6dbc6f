import type { LifecycleResult, LifecycleStatus } from '@/api/insight-types'
import type { ChartLine } from '../time-chart'
import { statuses } from './state'

export type StatusLine = ChartLine & { status: LifecycleStatus; total: number }

/** The four in their fixed order, those that are shown; dormant is below the axis. */
export function statusLines(results: LifecycleResult[], shown: LifecycleStatus[]): StatusLine[] {
    return statuses.flatMap((status) => {
        const result = results.find((one) => one.status === status.value)
        if (!result || !shown.includes(status.value)) return []
        return [{ key: status.value, status: status.value, label: status.label, colour: status.colour, days: result.days, data: result.data, total: result.data.reduce((sum, value) => sum + value, 0), previous: null }]
    })
}

/** Who came against who went, over the whole range; null when one of the four is missing. */
export function growth(results: LifecycleResult[]): { came: number; went: number } | null {
    const total = (status: LifecycleStatus) => results.find((one) => one.status === status)?.data.reduce((sum, value) => sum + value, 0)
    const [fresh, back, gone] = [total('new'), total('resurrecting'), total('dormant')]
    return fresh === undefined || back === undefined || gone === undefined ? null : { came: fresh + back, went: Math.abs(gone) }
}
