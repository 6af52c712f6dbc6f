import { BarChart3, Hash, LineChart, Rows3, Table2, TrendingUp } from 'lucide-react'
import { useProject } from '@/api/project'
import type { Interval, TrendsDisplay } from '@/api/types'
import { DateRangePicker } from '@/features/filters/public'
import { describeRange, intervalFits, naturalInterval, type DateRange } from '@/lib/date-range'
import { Segmented, Select } from '@/ui/choice'
import { isTotalDisplay } from './results'
import type { TrendsState } from './trends-state'

const displays: { value: TrendsDisplay; name: string; icon: typeof LineChart }[] = [
    { value: 'ActionsLineGraph', name: 'Line', icon: LineChart },
    { value: 'ActionsLineGraphCumulative', name: 'Running total', icon: TrendingUp },
    { value: 'ActionsBar', name: 'Bars over time', icon: BarChart3 },
    { value: 'ActionsBarValue', name: 'Ranking', icon: Rows3 },
    { value: 'BoldNumber', name: 'Number', icon: Hash },
    { value: 'ActionsTable', name: 'Table', icon: Table2 },
]

const intervals: { value: Interval; label: string }[] = [
    { value: 'minute', label: 'Minute' },
    { value: 'hour', label: 'Hour' },
    { value: 'day', label: 'Day' },
    { value: 'week', label: 'Week' },
    { value: 'month', label: 'Month' },
]

/** A new range keeps the interval where it still reads well, and otherwise takes the one that does. */
export function withRange(state: TrendsState, range: DateRange, zone: string): TrendsState {
    const now = new Date()
    const natural = naturalInterval(range, now, zone)
    const keep = intervalFits(state.interval, range, now, zone) && state.interval !== 'minute' && !(state.interval === 'hour' && natural !== 'hour') && !(natural === 'hour' || natural === 'minute')
    return { ...state, range, interval: keep ? state.interval : natural }
}

export function Toolbar({ state, onChange }: { state: TrendsState; onChange: (state: TrendsState) => void }) {
    const project = useProject()
    const now = new Date()
    const fits = (interval: Interval) => intervalFits(interval, state.range, now, project.timezone)
    return (
        <div className="mb-3 flex flex-wrap items-center gap-2">
            <DateRangePicker range={state.range} onChange={(range) => onChange(withRange(state, range, project.timezone))} />
            {isTotalDisplay(state.display) ? null : (
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
            )}
            <Select
                label="Compare"
                value={state.compare ?? 'none'}
                options={[
                    { value: 'none', label: 'No comparison' },
                    { value: 'previous', label: 'Compare: period before', hint: `the same length before ${describeRange(state.range).toLowerCase()}` },
                    { value: '-1w', label: 'Compare: a week earlier' },
                    { value: '-1m', label: 'Compare: a month earlier' },
                    { value: '-1y', label: 'Compare: a year earlier' },
                    ...(state.compare && !['previous', '-1w', '-1m', '-1y'].includes(state.compare) ? [{ value: state.compare, label: `Compare: ${state.compare}` }] : []),
                ]}
                onChange={(value) => onChange({ ...state, compare: value === 'none' ? null : value })}
            />
            <Segmented
                label="Show as"
                className="md:ml-auto"
                value={state.display}
                onChange={(display) => onChange({ ...state, display })}
                options={displays.map(({ value, name, icon: Icon }) => ({ value, name, hint: name, label: <Icon aria-hidden /> }))}
            />
        </div>
    )
}
