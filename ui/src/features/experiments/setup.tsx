import { useState } from 'react'
import type { Experiment, ExposureCriteria, StatsConfig } from '@/api/experiment-types'
import { EventPicker } from '@/features/filters/public'
import { NumberInput } from '@/features/insights/public'
import { Button } from '@/ui/button'
import { Checkbox, Segmented } from '@/ui/choice'
import { Field, Input } from '@/ui/field'
import { Panel } from '@/ui/panel'
import type { Write } from './experiment-page'
import { Results } from './results'
import { statusOf } from './state'

/** What is compared and by which rules. A draft shows its metrics here as well. */
export function Setup({ experiment, write }: { experiment: Experiment; write: Write }) {
    return (
        <div className="flex flex-col gap-[18px]">
            {statusOf(experiment) === 'draft' ? <Results experiment={experiment} write={write} onShip={() => undefined} /> : null}
            <div className="grid items-start gap-[18px] lg:grid-cols-2">
                <About key={experiment.updated_at} experiment={experiment} write={write} />
                <ExposureRules experiment={experiment} write={write} />
                <Statistics experiment={experiment} write={write} />
            </div>
        </div>
    )
}

type Props = { experiment: Experiment; write: Write }

function About({ experiment, write }: Props) {
    const [name, setName] = useState(experiment.name)
    const [description, setDescription] = useState(experiment.description ?? '')
    const changed = name !== experiment.name || description !== (experiment.description ?? '')
    return (
        <Panel title="What it tests" label="What it tests">
            <form
                className="flex flex-col gap-4 p-4 pt-2"
                onSubmit={(event) => {
                    event.preventDefault()
                    if (name.trim() !== '') void write('PATCH', '', { name: name.trim(), description }, 'Saved.')
                }}
            >
                <Field label="Name" error={name.trim() === '' ? 'Give it a name to find it by.' : null}>
                    {(control) => <Input {...control} dir="auto" maxLength={400} value={name} onChange={(event) => setName(event.target.value)} />}
                </Field>
                <Field label="Hypothesis" hint="What you expect to happen, and why.">
                    {(control) => <textarea {...control} dir="auto" rows={3} maxLength={4000} className="field !h-auto py-1.5" value={description} onChange={(event) => setDescription(event.target.value)} />}
                </Field>
                {changed ? (
                    <Button type="submit" className="self-start">
                        Save
                    </Button>
                ) : null}
            </form>
        </Panel>
    )
}

function ExposureRules({ experiment, write }: Props) {
    const criteria = experiment.exposure_criteria ?? {}
    const set = (part: ExposureCriteria) => void write('PATCH', '', { exposure_criteria: { ...criteria, ...part } }, 'Saved.')
    const custom = criteria.exposure_config ?? null
    return (
        <Panel title="Who counts" label="Who counts">
            <div className="flex flex-col gap-4 p-4 pt-2">
                <div className="flex flex-col gap-1">
                    <span className="text-sm font-[550] text-ink-2">Somebody is in from</span>
                    <EventPicker
                        label="Event that takes somebody in"
                        className="w-[260px] max-w-full"
                        allLabel="when the flag is asked for"
                        value={custom?.event ?? null}
                        onChange={(event) => set({ exposure_config: event === null ? null : { kind: 'ExperimentEventExposureConfig', event, properties: custom?.properties ?? [] } })}
                    />
                    {custom ? <p className="text-sm text-ink-3">The event must carry the property $feature/{experiment.feature_flag_key}, as SDKs add it.</p> : null}
                </div>
                <div className="flex flex-col gap-1">
                    <span className="text-sm font-[550] text-ink-2">Who saw several variants</span>
                    <Segmented<'exclude' | 'first_seen'>
                        label="Who saw several variants"
                        className="self-start"
                        value={criteria.multiple_variant_handling ?? 'exclude'}
                        options={[
                            { value: 'exclude', label: 'Is left out' },
                            { value: 'first_seen', label: 'Counts for the first' },
                        ]}
                        onChange={(multiple_variant_handling) => set({ multiple_variant_handling })}
                    />
                </div>
                <Checkbox label="Leave out internal and test users" checked={criteria.filterTestAccounts === true} onChange={(filterTestAccounts) => set({ filterTestAccounts })} />
                <Checkbox label="Only count those whose window is over" checked={experiment.only_count_matured_users} onChange={(only_count_matured_users) => void write('PATCH', '', { only_count_matured_users }, 'Saved.')} />
            </div>
        </Panel>
    )
}

function Statistics({ experiment, write }: Props) {
    const config = experiment.stats_config ?? {}
    const method = config.method ?? 'bayesian'
    const set = (part: StatsConfig) => void write('PATCH', '', { stats_config: { ...config, ...part } }, 'Saved.')
    const type = (method === 'bayesian' ? config.bayesian?.difference_type : config.frequentist?.difference_type) ?? 'relative'
    const level = Math.round((method === 'bayesian' ? (config.bayesian?.ci_level ?? 0.95) : 1 - (config.frequentist?.alpha ?? 0.05)) * 100)
    return (
        <Panel title="Statistics" label="Statistics">
            <div className="flex flex-col gap-4 p-4 pt-2">
                <div className="flex flex-col gap-1">
                    <Segmented<'bayesian' | 'frequentist'>
                        label="Method"
                        className="self-start"
                        value={method}
                        options={[
                            { value: 'bayesian', label: 'Bayesian' },
                            { value: 'frequentist', label: 'Frequentist' },
                        ]}
                        onChange={(next) => set({ method: next })}
                    />
                    <p className="text-sm text-ink-3">{method === 'bayesian' ? 'How likely it is that a variant is better.' : 'How surprising the difference would be if there were none.'}</p>
                </div>
                <div className="flex flex-wrap items-center gap-2">
                    <NumberInput label="Level of the interval" className="!w-[64px]" value={level} min={50} max={99} onChange={(percent) => set(method === 'bayesian' ? { bayesian: { ...config.bayesian, ci_level: percent / 100 } } : { frequentist: { ...config.frequentist, alpha: Math.round(100 - percent) / 100 } })} />
                    <span className="text-ink-2">% {method === 'bayesian' ? 'credible' : 'confidence'} interval of the</span>
                    <Segmented<'relative' | 'absolute'>
                        label="Difference"
                        value={type}
                        options={[
                            { value: 'relative', label: 'change in %' },
                            { value: 'absolute', label: 'difference' },
                        ]}
                        onChange={(difference_type) => set(method === 'bayesian' ? { bayesian: { ...config.bayesian, difference_type } } : { frequentist: { ...config.frequentist, difference_type } })}
                    />
                </div>
                {method === 'frequentist' ? (
                    <Checkbox
                        label="Allow looking at any time (sequential testing)"
                        checked={config.frequentist?.sequential_testing_enabled === true}
                        onChange={(on) => set({ frequentist: { ...config.frequentist, sequential_testing_enabled: on } })}
                    />
                ) : null}
                <div className="flex flex-wrap items-center gap-2">
                    <Checkbox label="Use what people did before (CUPED)" checked={config.cuped?.enabled === true} onChange={(enabled) => set({ cuped: { ...config.cuped, enabled } })} />
                    {config.cuped?.enabled ? (
                        <>
                            <NumberInput label="Days before" className="!w-[56px]" value={config.cuped.lookback_days ?? 14} min={1} max={30} onChange={(lookback_days) => set({ cuped: { ...config.cuped, lookback_days } })} /> <span className="text-ink-2">days before</span>
                        </>
                    ) : null}
                </div>
            </div>
        </Panel>
    )
}
