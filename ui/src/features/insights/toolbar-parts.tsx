import { useProject } from '@/api/project'
import type { Interval } from '@/api/types'
import { DateRangePicker } from '@/features/filters/public'
import { describeRange, intervalFits, naturalInterval, type DateRange } from '@/lib/date-range'
import { Segmented, Select } from '@/ui/choice'
import type { Common } from './common'

const intervals: { value: Interval; label: string }[] = [
    { value: 'minute', label: 'Minute' },
    { value: 'hour', label: 'Hour' },
    { value: 'day', label: 'Day' },
    { value: 'week', label: 'Week' },
    { value: 'month', label: 'Month' },
]

type Timed = Common & { interval: Interval }

/** A new range keeps the interval where it still reads well, and otherwise takes the one that does. */
export function withRange<S extends Timed>(state: S, range: DateRange, zone: string): S {
    const now = new Date()
    const natural = naturalInterval(range, now, zone)
    const keep = intervalFits(state.interval, range, now, zone) && state.interval !== 'minute' && !(state.interval === 'hour' && natural !== 'hour') && !(natural === 'hour' || natural === 'minute')
    return { ...state, range, interval: keep ? state.interval : natural }
}

export function RangeChoice<S extends Common>({ state, onChange }: { state: S; onChange: (state: S) => void }) {
    return <DateRangePicker range={state.range} onChange={(range) => onChange({ ...state, range })} />
}

/** Dates and how they are cut; the two keep each other sensible. */
export function TimeChoice<S extends Timed>({ state, onChange, cut = true }: { state: S; onChange: (state: S) => void; cut?: boolean }) {
    const project = useProject()
    const now = new Date()
    const fits = (interval: Interval) => intervalFits(interval, state.range, now, project.timezone)
    return (
        <>
            <DateRangePicker range={state.range} onChange={(range) => onChange(withRange(state, range, project.timezone))} />
            {cut ? (
                <>
                    <Segmented
                        label="Interval"
                        className="max-lg:hidden"
                        value={state.interval}
                        onChange={(interval) => onChange({ ...state, interval })}
                        options={intervals.filter((interval) => fits(interval.value) || interval.value === state.interval)}
                    />
                    <Select
                        label="Interval"
                        className="lg:hidden"
                        value={state.interval}
                        options={intervals.map((interval) => ({ ...interval, disabled: !fits(interval.value) }))}
                        onChange={(interval) => onChange({ ...state, interval })}
                    />
                </>
            ) : null}
        </>
    )
}

const known = ['previous', '-1w', '-1m', '-1y']

export function CompareChoice({ compare, range, onChange }: { compare: string | null; range: DateRange; onChange: (compare: string | null) => void }) {
    return (
        <Select
            label="Compare"
            value={compare ?? 'none'}
            options={[
                { value: 'none', label: 'No comparison' },
                { value: 'previous', label: 'Compare: period before', hint: `the same length before ${describeRange(range).toLowerCase()}` },
                { value: '-1w', label: 'Compare: a week earlier' },
                { value: '-1m', label: 'Compare: a month earlier' },
                { value: '-1y', label: 'Compare: a year earlier' },
                ...(compare && !known.includes(compare) ? [{ value: compare, label: `Compare: ${compare}` }] : []),
            ]}
            onChange={(value) => onChange(value === 'none' ? null : value)}
        />
    )
}

export const toolbarClass = 'mb-3 flex flex-wrap items-center gap-2'
