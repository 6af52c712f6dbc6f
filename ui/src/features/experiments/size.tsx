import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { runningTime, type SizeQuestion } from '@/api/experiment-queries'
import type { Experiment } from '@/api/experiment-types'
import { useProject } from '@/api/project'
import { explain } from '@/api/client'
import { count, formatNumber } from '@/lib/numbers'
import { Segmented } from '@/ui/choice'
import { Field, Input } from '@/ui/field'
import { Panel } from '@/ui/panel'
import { useSettled } from '@/ui/states'

type Kind = SizeQuestion['metric_type']

const kinds: { value: Kind; label: string; baseline: string; start: string }[] = [
    { value: 'funnel', label: 'Conversion', baseline: 'Share that converts today, in %', start: '10' },
    { value: 'mean_count', label: 'Number of events', baseline: 'Events per person today', start: '4' },
    { value: 'mean_sum_or_avg', label: 'Sum or average', baseline: 'Amount per person today', start: '50' },
]

/** How many people the experiment needs to find a difference of a given size, and how long that takes. */
export function SizeCalculator({ experiment }: { experiment: Experiment }) {
    const project = useProject()
    const [kind, setKind] = useState<Kind>('funnel')
    const [baseline, setBaseline] = useState('10')
    const [effect, setEffect] = useState(String(experiment.parameters?.minimum_detectable_effect ?? 10))
    const [perDay, setPerDay] = useState('')
    const number = (text: string): number | undefined => (text.trim() !== '' && Number(text) > 0 ? Number(text) : undefined)
    const given = number(baseline)
    const question: SizeQuestion = {
        metric_type: kind,
        baseline_value: given === undefined ? undefined : kind === 'funnel' ? given / 100 : given,
        minimum_detectable_effect: number(effect),
        number_of_variants: Math.max(2, experiment.parameters?.feature_flag_variants?.length ?? 2),
        exposures_per_day: number(perDay),
    }
    const settled = useSettled(JSON.stringify(question), 200)
    const asked = JSON.parse(settled) as SizeQuestion
    const found = useQuery({ ...runningTime(project.id, asked), enabled: asked.baseline_value !== undefined && asked.minimum_detectable_effect !== undefined })
    const shape = kinds.find((known) => known.value === kind)
    return (
        <div className="grid max-w-[900px] items-start gap-[18px] md:grid-cols-2">
            <Panel title="What is expected" label="What is expected">
                <div className="flex flex-col gap-4 p-4 pt-2">
                    <Segmented<Kind>
                        label="Measured is"
                        className="max-w-full self-start overflow-x-auto"
                        value={kind}
                        options={kinds}
                        onChange={(next) => {
                            setKind(next)
                            setBaseline(kinds.find((known) => known.value === next)?.start ?? '')
                        }}
                    />
                    <Field label={shape?.baseline ?? 'Today'}>{(control) => <Input {...control} type="number" min="0" step="any" className="!w-[160px]" value={baseline} onChange={(event) => setBaseline(event.target.value)} />}</Field>
                    <Field label="Smallest change worth finding, in %" hint="Of today's value: 10% of a 20% conversion is 2 points.">
                        {(control) => <Input {...control} type="number" min="0" step="any" className="!w-[160px]" value={effect} onChange={(event) => setEffect(event.target.value)} />}
                    </Field>
                    <Field label="New participants per day (optional)">{(control) => <Input {...control} type="number" min="0" step="any" className="!w-[160px]" value={perDay} onChange={(event) => setPerDay(event.target.value)} />}</Field>
                </div>
            </Panel>
            <Panel title="What that takes" label="What that takes">
                <div role="status" className="flex flex-col gap-4 p-4 pt-2">
                    {found.isError ? (
                        <p className="text-bad">{explain(found.error)}</p>
                    ) : (
                        <>
                            <div>
                                <span className="block text-[26px] leading-tight font-[600]">{formatNumber(found.data?.recommended_sample_size)}</span>
                                <span className="text-sm text-ink-3">participants in all variants together</span>
                            </div>
                            <div>
                                <span className="block text-[26px] leading-tight font-[600]">{found.data?.recommended_running_time === null || found.data === undefined ? '–' : count(found.data.recommended_running_time, 'day')}</span>
                                <span className="text-sm text-ink-3">{found.data && found.data.recommended_running_time === null ? 'Say how many take part per day' : 'until it is decided'}</span>
                            </div>
                            <p className="text-sm text-ink-3">Found with a chance of 80%, at a level of 5%.</p>
                        </>
                    )}
                </div>
            </Panel>
        </div>
    )
}
