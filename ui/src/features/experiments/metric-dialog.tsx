import { Plus, X } from 'lucide-react'
import { useState, type ReactNode } from 'react'
import type { ExperimentMetric, MetricGoal, MetricMath, MetricSource, MetricType, WindowUnit } from '@/api/experiment-types'
import { EventPicker, FilterChips, PropertyList } from '@/features/filters/public'
import { NumberInput } from '@/features/insights/public'
import { Button, IconButton } from '@/ui/button'
import { Checkbox, Segmented, Select } from '@/ui/choice'
import { Field, Input } from '@/ui/field'
import { Dialog, Popover } from '@/ui/floating'
import { emptySource, goals, maths, metricName, metricProblem, metricTypes, needsProperty, windowUnits, withType } from './metric-draft'

const maxSteps = 10

/** One metric: what is measured, of which events, and which direction is good. */
export function MetricDialog({ title, metric, action, onSave, onClose }: { title: string; metric: ExperimentMetric; action: string; onSave: (metric: ExperimentMetric) => void; onClose: () => void }) {
    const [draft, setDraft] = useState(metric)
    const [tried, setTried] = useState(false)
    const problem = metricProblem(draft)
    const type = metricTypes.find((known) => known.value === draft.metric_type)
    const save = () => {
        setTried(true)
        if (problem === null) onSave(draft)
    }
    return (
        <Dialog
            open
            onOpenChange={(open) => !open && onClose()}
            side="right"
            title={title}
            footer={
                <>
                    <span role="alert" className="mr-auto text-sm text-bad">
                        {tried ? problem : null}
                    </span>
                    <Button onClick={onClose}>Cancel</Button>
                    <Button kind="primary" onClick={save}>
                        {action}
                    </Button>
                </>
            }
        >
            <div className="flex flex-col gap-5 p-4">
                <div className="flex flex-col gap-1">
                    <Segmented<MetricType> label="Kind of metric" className="max-w-full self-start overflow-x-auto" value={draft.metric_type} options={metricTypes} onChange={(next) => setDraft(withType(draft, next))} />
                    <p className="text-sm text-ink-3">{type?.hint}</p>
                </div>
                <Sources draft={draft} onChange={setDraft} />
                <Field label="Goal">{(control) => <Select<MetricGoal> id={control.id} label="Goal" className="w-[200px]" value={draft.goal ?? 'increase'} options={goals} onChange={(goal) => setDraft({ ...draft, goal })} />}</Field>
                <Window draft={draft} onChange={setDraft} />
                {draft.metric_type === 'mean' ? <Outliers draft={draft} onChange={setDraft} /> : null}
                <Field label="Name" hint={`Without one: ${metricName({ ...draft, name: undefined })}`}>
                    {(control) => <Input {...control} dir="auto" maxLength={400} value={draft.name ?? ''} onChange={(event) => setDraft({ ...draft, name: event.target.value || undefined })} />}
                </Field>
            </div>
        </Dialog>
    )
}

type PartProps = { draft: ExperimentMetric; onChange: (draft: ExperimentMetric) => void }

function Sources({ draft, onChange }: PartProps) {
    switch (draft.metric_type) {
        case 'funnel':
            return <Steps draft={draft} onChange={onChange} />
        case 'mean':
            return <Source label="Of" amount source={draft.source ?? emptySource} onChange={(source) => onChange({ ...draft, source })} />
        case 'ratio':
            return (
                <>
                    <Source label="This" amount source={draft.numerator ?? emptySource} onChange={(numerator) => onChange({ ...draft, numerator })} />
                    <Source label="Divided by" amount source={draft.denominator ?? emptySource} onChange={(denominator) => onChange({ ...draft, denominator })} />
                </>
            )
        case 'retention':
            return (
                <>
                    <Source label="Who did" source={draft.start_event ?? emptySource} onChange={(start_event) => onChange({ ...draft, start_event })} />
                    <Source label="And came back to" source={draft.completion_event ?? emptySource} onChange={(completion_event) => onChange({ ...draft, completion_event })} />
                    <div role="group" aria-label="When they came back" className="flex flex-wrap items-center gap-2">
                        from <NumberInput label="From" className="!w-[64px]" value={draft.retention_window_start ?? 1} min={0} max={365} onChange={(retention_window_start) => onChange({ ...draft, retention_window_start })} /> to
                        <NumberInput label="To" className="!w-[64px]" value={draft.retention_window_end ?? 7} min={0} max={365} onChange={(retention_window_end) => onChange({ ...draft, retention_window_end })} />
                        <Select<'day' | 'hour'>
                            label="Unit"
                            className="w-[100px]"
                            value={draft.retention_window_unit ?? 'day'}
                            options={[
                                { value: 'day', label: 'days' },
                                { value: 'hour', label: 'hours' },
                            ]}
                            onChange={(retention_window_unit) => onChange({ ...draft, retention_window_unit })}
                        />
                        later
                    </div>
                </>
            )
    }
}

function Steps({ draft, onChange }: PartProps) {
    const steps = draft.series ?? []
    const set = (series: MetricSource[]) => onChange({ ...draft, series })
    return (
        <div role="group" aria-label="Steps" className="flex flex-col gap-3">
            {steps.map((step, index) => (
                <Source
                    key={index}
                    label={index === 0 ? 'Seen the variant, then did' : 'Then did'}
                    name={`Step ${index + 1}`}
                    source={step}
                    onChange={(next) => set(steps.map((old, at) => (at === index ? next : old)))}
                    onRemove={steps.length > 1 ? () => set(steps.filter((_, at) => at !== index)) : undefined}
                />
            ))}
            <div className="flex flex-wrap items-center gap-4">
                <Button kind="dashed" size="small" disabled={steps.length >= maxSteps} onClick={() => set([...steps, emptySource])}>
                    <Plus className="size-3" aria-hidden /> Step
                </Button>
                {steps.length > 1 ? <Checkbox label="In any order" checked={draft.funnel_order_type === 'unordered'} onChange={(any) => onChange({ ...draft, funnel_order_type: any ? 'unordered' : 'ordered' })} /> : null}
            </div>
        </div>
    )
}

function Source({ label, name = label, source, amount = false, onChange, onRemove }: { label: string; name?: string; source: MetricSource; amount?: boolean; onChange: (source: MetricSource) => void; onRemove?: () => void }) {
    const pickMath = (math: MetricMath) => {
        const { math_property: property, ...rest } = source
        onChange({ ...rest, math, ...(maths.find((known) => known.value === math)?.property && property ? { math_property: property } : {}) })
    }
    return (
        <div role="group" aria-label={name} className="flex flex-col gap-1.5">
            <span className="text-sm font-[550] text-ink-2">{label}</span>
            <div className="flex flex-wrap items-center gap-2">
                {amount ? <Select<MetricMath> label={`${name}: how it counts`} className="w-[160px]" value={source.math ?? 'total'} options={maths} onChange={pickMath} /> : null}
                {amount && needsProperty(source) ? <PropertyButton source={source} onPick={(math_property) => onChange({ ...source, math_property })} /> : null}
                <EventPicker label={`${name}: event`} className="w-[200px]" allLabel={amount ? 'Any event' : null} value={source.event} onChange={(event) => onChange({ ...source, event })} />
                {onRemove ? (
                    <IconButton label={`Remove ${name}`} onClick={onRemove}>
                        <X aria-hidden />
                    </IconButton>
                ) : null}
            </div>
            <FilterChips filters={source.properties ?? []} only={['event', 'person', 'cohort']} events={source.event ? [source.event] : undefined} onChange={(properties) => onChange({ ...source, properties })} />
        </div>
    )
}

function PropertyButton({ source, onPick }: { source: MetricSource; onPick: (property: string) => void }) {
    const [open, setOpen] = useState(false)
    return (
        <Popover open={open} onOpenChange={setOpen} label="Choose a property" trigger={<Button>{source.math_property ?? 'Choose a property'}</Button>}>
            <PropertyList
                only={['event']}
                events={source.event ? [source.event] : undefined}
                expression={false}
                onPick={(property) => {
                    onPick(property.key)
                    setOpen(false)
                }}
            />
        </Popover>
    )
}

function Window({ draft, onChange }: PartProps) {
    const on = Boolean(draft.conversion_window)
    const toggle = () => {
        const { conversion_window: _, conversion_window_unit: __, ...rest } = draft
        onChange(on ? rest : { ...rest, conversion_window: 14, conversion_window_unit: 'day' })
    }
    return (
        <div className="flex flex-wrap items-center gap-2">
            <Checkbox label="Only what happens within" checked={on} onChange={toggle} />
            {on ? (
                <>
                    <NumberInput label="Length of the window" className="!w-[64px]" value={draft.conversion_window ?? 14} min={1} max={1000} onChange={(conversion_window) => onChange({ ...draft, conversion_window })} />
                    <Select<WindowUnit> label="Unit of the window" className="w-[110px]" value={draft.conversion_window_unit ?? 'day'} options={windowUnits} onChange={(conversion_window_unit) => onChange({ ...draft, conversion_window_unit })} />
                    <span className="text-ink-2">of seeing the variant</span>
                </>
            ) : null}
        </div>
    )
}

/** A few who do very much would hide what the others do. */
function Outliers({ draft, onChange }: PartProps): ReactNode {
    const on = draft.upper_bound_percentile !== undefined
    const toggle = () => {
        const { upper_bound_percentile: _, lower_bound_percentile: __, ...rest } = draft
        onChange(on ? rest : { ...rest, upper_bound_percentile: 0.99 })
    }
    return (
        <div className="flex flex-wrap items-center gap-2">
            <Checkbox label="Cut amounts above the" checked={on} onChange={toggle} />
            {on ? (
                <>
                    <NumberInput label="Percentile" className="!w-[64px]" value={Math.round((draft.upper_bound_percentile ?? 0.99) * 100)} min={50} max={100} onChange={(percent) => onChange({ ...draft, upper_bound_percentile: percent / 100 })} /> <span className="text-ink-2">th percentile down to it</span>
                </>
            ) : null}
        </div>
    )
}
