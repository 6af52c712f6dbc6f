import { Checkbox } from '@/ui/choice'
import { seriesColour } from '../colours'
import { ActorChoice, FilterSection, Section, type Change } from '../question-parts'
import { SeriesList } from '../series-list'
import { TimeChoice, toolbarClass } from '../toolbar-parts'
import { statuses, type LifecycleState } from './state'

type Props = { state: LifecycleState; onChange: Change<LifecycleState> }

export function LifecycleQuestion({ state, onChange }: Props) {
    return (
        <div className="flex flex-col">
            <Section title="Active is who did">
                <SeriesList series={state.series} mathGroups={null} onChange={(series, options) => onChange({ ...state, series: series.slice(0, 1) }, options)} />
            </Section>
            <Section title="Shown">
                <div className="flex flex-col gap-2 px-3.5 pb-3">
                    {statuses.map((status) => {
                        const on = state.shown.includes(status.value)
                        return (
                            <Checkbox
                                key={status.value}
                                label={`Show ${status.label.toLowerCase()}`}
                                checked={on}
                                className="!items-start"
                                onChange={(next) => {
                                    const shown = statuses.map((known) => known.value).filter((value) => (value === status.value ? next : state.shown.includes(value)))
                                    if (shown.length > 0) onChange({ ...state, shown })
                                }}
                            >
                                <span>
                                    <span className="flex items-center gap-1.5">
                                        <span aria-hidden className="size-[9px] rounded-[3px]" style={{ background: seriesColour(status.colour) }} /> {status.label}
                                    </span>
                                    <span className="text-sm text-ink-3">{status.says}</span>
                                </span>
                            </Checkbox>
                        )
                    })}
                    <ActorChoice state={state} onChange={onChange} />
                </div>
            </Section>
            <FilterSection state={state} onChange={onChange} events={state.series} last />
        </div>
    )
}

export function LifecycleToolbar({ state, onChange }: Props) {
    return (
        <div className={toolbarClass}>
            <TimeChoice state={state} onChange={onChange} />
        </div>
    )
}
