import { BarChart3, LineChart, Plus } from 'lucide-react'
import { Button } from '@/ui/button'
import { Segmented, Select, Switch } from '@/ui/choice'
import { NumberInput } from '../number-input'
import { FilterSection, Line, Section, type Change } from '../question-parts'
import { maths, maxSeries } from '../series'
import { SeriesList } from '../series-list'
import { CompareChoice, TimeChoice, toolbarClass } from '../toolbar-parts'
import { operators, type StickinessState } from './state'

type Props = { state: StickinessState; onChange: Change<StickinessState> }

/** A series counts persons, or groups; how many events they sent does not matter beyond the criteria. */
const counted = [
    {
        label: 'Counts',
        maths: [
            { value: 'total', label: 'Persons', short: 'Persons' },
            { value: 'unique_group', label: 'Groups', short: 'Groups', needs: 'group' as const },
            ...maths.flatMap((group) => group.maths).filter((math) => math.value === 'hogql'),
        ],
    },
]

export function StickinessQuestion({ state, onChange }: Props) {
    const set = (part: Partial<StickinessState>, options?: { replace?: boolean }) => onChange({ ...state, ...part }, options)
    return (
        <div className="flex flex-col">
            <Section title="Series">
                <SeriesList series={state.series} mathGroups={counted} onChange={(series, options) => set({ series }, options)} />
                <div className="px-3 pt-1 pb-3">
                    <Button kind="quiet" size="small" disabled={state.series.length >= maxSeries} onClick={() => set({ series: [...state.series, { event: null, math: 'total', filters: [] }] })}>
                        <Plus className="size-3" aria-hidden /> Series
                    </Button>
                </div>
            </Section>
            <Section title="Counted">
                <div className="flex flex-col gap-1.5 px-3.5 pb-3">
                    <Line label={`A ${state.interval} counts with`}>
                        <Select
                            label="How many events"
                            className="!h-[26px] text-sm"
                            value={state.criteria?.operator ?? 'any'}
                            options={[{ value: 'any', label: 'any event' }, ...operators]}
                            onChange={(operator) => set({ criteria: operator === 'any' ? null : { operator: operator as 'gte', value: state.criteria?.value ?? 2 } })}
                        />
                        {state.criteria ? (
                            <>
                                <NumberInput label="Number of events" className="!w-[48px]" value={state.criteria.value} min={1} max={1_000_000} onChange={(value) => set({ criteria: { operator: state.criteria?.operator ?? 'gte', value } }, { replace: true })} />
                                {state.criteria.value === 1 ? 'event' : 'events'}
                            </>
                        ) : null}
                    </Line>
                    <Line label={`On that many ${state.interval}s or more`}>
                        <Switch label={`On that many ${state.interval}s or more`} checked={state.cumulative} onChange={(cumulative) => set({ cumulative })} />
                    </Line>
                </div>
            </Section>
            <FilterSection state={state} onChange={onChange} events={state.series} aside="all series" last />
        </div>
    )
}

export function StickinessToolbar({ state, onChange }: Props) {
    return (
        <div className={toolbarClass}>
            <TimeChoice state={state} onChange={onChange} />
            <CompareChoice compare={state.compare} range={state.range} onChange={(compare) => onChange({ ...state, compare })} />
            <Segmented
                label="Show as"
                className="md:ml-auto"
                value={state.display}
                onChange={(display) => onChange({ ...state, display })}
                options={[
                    { value: 'ActionsBar', name: 'Bars', hint: 'Bars', label: <BarChart3 aria-hidden /> },
                    { value: 'ActionsLineGraph', name: 'Line', hint: 'Line', label: <LineChart aria-hidden /> },
                ]}
            />
        </div>
    )
}
