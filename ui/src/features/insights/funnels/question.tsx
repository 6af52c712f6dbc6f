import { Plus, X } from 'lucide-react'
import type { WindowUnit } from '@/api/insight-types'
import { EventPicker, FilterChips } from '@/features/filters/public'
import { Button, IconButton } from '@/ui/button'
import { Checkbox, Select } from '@/ui/choice'
import { BreakdownSection } from '../breakdown-section'
import { NumberInput } from '../number-input'
import { ActorChoice, FilterSection, Line, Section, type Change } from '../question-parts'
import { maxSeries, stepMaths } from '../series'
import { SeriesList } from '../series-list'
import { attributions, exclusionProblem, maxExclusions, optionalProblem, orders, units, withSteps, type Exclusion, type FunnelsState } from './state'

type Props = { state: FunnelsState; onChange: Change<FunnelsState> }

/** What people do step by step, and what makes it one way through. */
export function FunnelQuestion({ state, onChange }: Props) {
    const set = (part: Partial<FunnelsState>, options?: { replace?: boolean }) => onChange({ ...state, ...part }, options)
    const skippable = state.view === 'steps' && state.order !== 'unordered'
    return (
        <div className="flex flex-col">
            <Section title="Steps">
                <SeriesList
                    series={state.series}
                    noun="step"
                    movable
                    mathGroups={stepMaths}
                    onChange={(series, options) => onChange(withSteps(state, series), options)}
                    below={(index, change) => {
                        const step = state.series[index]
                        if (!skippable || index === 0 || !step) return null
                        const problem = optionalProblem(state, index)
                        return (
                            <div className="mt-1.5 pl-[26px] text-sm text-ink-2">
                                <Checkbox label={`Step ${index + 1} may be skipped`} checked={step.optional ?? false} onChange={(on) => change({ ...step, optional: on || undefined })}>
                                    <span>may be skipped</span>
                                </Checkbox>
                                {problem ? <Problem>{problem}</Problem> : null}
                            </div>
                        )
                    }}
                />
                <div className="px-3 pt-1 pb-3">
                    <Button kind={state.series.length < 2 ? 'plain' : 'quiet'} size="small" disabled={state.series.length >= maxSeries} onClick={() => set({ series: [...state.series, { event: null, math: 'total', filters: [] }] })}>
                        <Plus className="size-3" aria-hidden /> Step
                    </Button>
                    {state.series.length < 2 ? <p className="mt-1.5 px-0.5 text-sm text-ink-3">A funnel needs a second step.</p> : null}
                </div>
            </Section>
            <Section title="Counts as converted">
                <div className="flex flex-col gap-1.5 px-3.5 pb-3">
                    <Select label="Order of the steps" className="!h-[28px] text-sm" value={state.order} options={orders} onChange={(order) => set({ order })} />
                    <Line label="all of it within">
                        <NumberInput label="Conversion window" className="w-[64px]" value={state.window} min={1} max={10_000} onChange={(window) => set({ window }, { replace: true })} />
                        <Select label="Unit of the conversion window" className="!h-[26px] text-sm" value={state.unit} options={units.map((unit) => ({ value: unit, label: unitName(unit, state.window) }))} onChange={(unit) => set({ unit })} />
                    </Line>
                    <ActorChoice state={state} onChange={onChange} />
                    {state.view !== 'steps' && state.series.length > 2 ? <StepRange state={state} set={set} /> : null}
                </div>
            </Section>
            <Exclusions state={state} onChange={onChange} />
            <FilterSection state={state} onChange={onChange} events={state.series} aside="all steps" />
            <BreakdownSection breakdowns={state.breakdowns} events={state.series} onChange={(breakdowns) => set({ breakdowns })}>
                {state.breakdowns.length > 0 ? <AttributionChoice state={state} set={set} /> : null}
            </BreakdownSection>
        </div>
    )
}

const unitName = (unit: WindowUnit, amount: number): string => (amount === 1 ? unit : `${unit}s`)

const stepOptions = (state: FunnelsState) => state.series.map((_, index) => ({ value: String(index), label: `step ${index + 1}` }))

export function Problem({ children }: { children: string }) {
    return (
        <p role="alert" className="mt-1 text-sm text-bad">
            {children}
        </p>
    )
}

function StepRange({ state, set }: { state: FunnelsState; set: (part: Partial<FunnelsState>) => void }) {
    const last = state.series.length - 1
    const [from, to] = [state.fromStep ?? 0, state.toStep ?? last]
    const options = stepOptions(state)
    return (
        <>
            <Line label="measured from">
                <Select label="Measured from step" className="!h-[26px] text-sm" value={String(from)} options={options.slice(0, -1)} onChange={(step) => set({ fromStep: Number(step) === 0 ? null : Number(step) })} />
                to
                <Select label="Measured to step" className="!h-[26px] text-sm" value={String(to)} options={options.slice(1)} onChange={(step) => set({ toStep: Number(step) === last ? null : Number(step) })} />
            </Line>
            {from >= to ? <Problem>The last step has to come after the first</Problem> : null}
        </>
    )
}

function AttributionChoice({ state, set }: { state: FunnelsState; set: (part: Partial<FunnelsState>) => void }) {
    const offered = state.order === 'unordered' ? stepOptions(state).slice(0, 1) : stepOptions(state)
    return (
        <div className="flex flex-wrap items-center gap-1.5 px-3.5 pb-3 text-sm text-ink-2">
            by
            <Select label="Which value counts" className="!h-[26px] text-sm" value={state.attribution} options={attributions} onChange={(attribution) => set({ attribution })} />
            {state.attribution === 'step' ? (
                <Select label="Value at which step" className="!h-[26px] text-sm" value={String(state.order === 'unordered' ? 0 : state.attributionStep)} options={offered} onChange={(step) => set({ attributionStep: Number(step) })} />
            ) : null}
        </div>
    )
}

/** Events that end an attempt when they come between two steps. */
function Exclusions({ state, onChange }: Props) {
    const last = state.series.length - 1
    if (last < 1 && state.exclusions.length === 0) return null
    const replace = (index: number, next: Exclusion) => onChange({ ...state, exclusions: state.exclusions.map((old, at) => (at === index ? next : old)) })
    const options = stepOptions(state)
    return (
        <Section title="Leave out who also did">
            {state.exclusions.map((exclusion, index) => {
                const problem = exclusionProblem(state, exclusion)
                const name = `exclusion ${index + 1}`
                return (
                    <div key={index} className="px-3.5 pb-2.5">
                        <div className="flex items-center gap-2">
                            <EventPicker label={`Event of ${name}`} value={exclusion.event} shown={exclusion.action === undefined ? undefined : `Action ${exclusion.action}`} onChange={(event) => replace(index, { event, filters: exclusion.filters, from: exclusion.from, to: exclusion.to })} className="flex-1" />
                            <IconButton label={`Remove ${name}`} size="small" className="!w-[24px]" onClick={() => onChange({ ...state, exclusions: state.exclusions.filter((_, at) => at !== index) })}>
                                <X aria-hidden className="!size-3.5" />
                            </IconButton>
                        </div>
                        <div className="mt-1.5 flex flex-wrap items-center gap-1.5 text-sm text-ink-2">
                            {state.order === 'unordered' ? (
                                'at any point'
                            ) : (
                                <>
                                    between
                                    <Select label={`First step of ${name}`} className="!h-[26px] text-sm" value={String(exclusion.from)} options={options.slice(0, -1)} onChange={(step) => replace(index, { ...exclusion, from: Number(step) })} />
                                    and
                                    <Select label={`Last step of ${name}`} className="!h-[26px] text-sm" value={String(exclusion.to)} options={options.slice(1)} onChange={(step) => replace(index, { ...exclusion, to: Number(step) })} />
                                </>
                            )}
                            <FilterChips filters={exclusion.filters} events={exclusion.event ? [exclusion.event] : undefined} onChange={(filters) => replace(index, { ...exclusion, filters })} />
                        </div>
                        {problem ? <Problem>{problem}</Problem> : null}
                    </div>
                )
            })}
            <div className="px-3 pb-3">
                <AddExclusion disabled={state.exclusions.length >= maxExclusions} onAdd={(event) => onChange({ ...state, exclusions: [...state.exclusions, { event, filters: [], from: 0, to: last }] })} />
            </div>
        </Section>
    )
}

function AddExclusion({ onAdd, disabled }: { onAdd: (event: string | null) => void; disabled: boolean }) {
    if (disabled) return <p className="px-0.5 text-sm text-ink-3">No more than {maxExclusions} exclusions.</p>
    return <EventPicker label="Add an exclusion" value={null} shown="+ Event" onChange={onAdd} className="!h-[25px] border-dashed bg-transparent text-sm text-ink-2" />
}
