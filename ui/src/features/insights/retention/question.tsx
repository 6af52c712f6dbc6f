import { Grid3x3, LineChart } from 'lucide-react'
import type { RetentionPeriod } from '@/api/insight-types'
import { Segmented, Select, Switch } from '@/ui/choice'
import { BreakdownSection } from '../breakdown-section'
import { NumberInput } from '../number-input'
import { ActorChoice, FilterSection, Line, Section, type Change } from '../question-parts'
import { SeriesRow } from '../series-list'
import { RangeChoice, toolbarClass } from '../toolbar-parts'
import { maxIntervals, periods, retentionProblem, types, type RetentionState, type RetentionView } from './state'

type Props = { state: RetentionState; onChange: Change<RetentionState> }

/** Who is followed, and what counts as coming back. */
export function RetentionQuestion({ state, onChange }: Props) {
    const set = (part: Partial<RetentionState>, options?: { replace?: boolean }) => onChange({ ...state, ...part }, options)
    const problem = retentionProblem(state)
    const unit = state.period.toLowerCase()
    return (
        <div className="flex flex-col">
            <Section title="Who did">
                <SeriesRow badge="1" what="the start" colour={null} series={state.target} mathGroups={null} onChange={(target, options) => set({ target }, options)}>
                    <div className="mt-1.5 pl-[26px]">
                        <Select label="Which start counts" className="!h-[26px] max-w-full text-sm" value={state.type} options={types} onChange={(type) => set({ type })} />
                    </div>
                </SeriesRow>
            </Section>
            <Section title="and came back with">
                <SeriesRow badge="2" what="the return" colour={null} series={state.returning} mathGroups={null} onChange={(returning, options) => set({ returning }, options)}>
                    <div className="mt-1.5 flex items-center gap-1.5 pl-[26px] text-sm text-ink-2">
                        at least
                        <NumberInput label="Returns that a period needs" className="!w-[48px]" value={state.atLeast} min={1} max={1000} onChange={(atLeast) => set({ atLeast }, { replace: true })} />
                        {state.atLeast === 1 ? 'time' : 'times'} in the {unit}
                    </div>
                </SeriesRow>
            </Section>
            <Section title="Followed">
                <div className="flex flex-col gap-1.5 px-3.5 pb-3">
                    <Line label="for">
                        <NumberInput label="Number of periods" className="!w-[48px]" value={state.intervals} min={2} max={maxIntervals} onChange={(intervals) => set({ intervals }, { replace: true })} />
                        <Select label="Period" className="!h-[26px] text-sm" value={state.period} options={periods.map((period: RetentionPeriod) => ({ value: period, label: `${period.toLowerCase()}s` }))} onChange={(period) => set({ period })} />
                    </Line>
                    <Line label="where a period is">
                        <Select
                            label="What a period is"
                            className="!h-[26px] text-sm"
                            value={state.windows}
                            options={[
                                { value: 'strict_calendar_dates', label: `a calendar ${unit}` },
                                { value: '24_hour_windows', label: state.period === 'Day' || state.period === 'Hour' ? '24 hours from the start' : `a ${unit} from the start` },
                            ]}
                            onChange={(windows) => set({ windows })}
                        />
                    </Line>
                    <Line label="Counts coming back then or later">
                        <Switch label="Counts coming back then or later" checked={state.cumulative} onChange={(cumulative) => set({ cumulative })} />
                    </Line>
                    <ActorChoice state={state} onChange={onChange} />
                    {problem ? (
                        <p role="alert" className="text-sm text-bad">
                            {problem}
                        </p>
                    ) : null}
                </div>
            </Section>
            <FilterSection state={state} onChange={onChange} events={[state.target, state.returning]} aside="both events" />
            <BreakdownSection breakdowns={state.breakdowns} events={[state.target]} most={1} onChange={(breakdowns) => set({ breakdowns })} />
        </div>
    )
}

const views: { value: RetentionView; name: string; icon: typeof LineChart }[] = [
    { value: 'grid', name: 'Grid', icon: Grid3x3 },
    { value: 'lines', name: 'Lines', icon: LineChart },
]

export function RetentionToolbar({ state, onChange }: Props) {
    return (
        <div className={toolbarClass}>
            <RangeChoice state={state} onChange={onChange} />
            <Select
                label="Percentages are"
                value={state.reference}
                options={[
                    { value: 'total', label: '% of the start' },
                    { value: 'previous', label: '% of the period before' },
                ]}
                onChange={(reference) => onChange({ ...state, reference })}
            />
            <Segmented label="Show as" className="md:ml-auto" value={state.view} onChange={(view) => onChange({ ...state, view })} options={views.map(({ value, name, icon: Icon }) => ({ value, name, hint: name, label: <Icon aria-hidden /> }))} />
        </div>
    )
}
