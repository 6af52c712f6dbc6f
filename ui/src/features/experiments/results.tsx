import { useQueries } from '@tanstack/react-query'
import { Ellipsis, Plus } from 'lucide-react'
import { useState } from 'react'
import { metricResult } from '@/api/experiment-queries'
import type { Experiment, ExperimentMetric } from '@/api/experiment-types'
import { useProject } from '@/api/project'
import { Button, IconButton } from '@/ui/button'
import { Menu, MenuItem } from '@/ui/floating'
import { Empty } from '@/ui/states'
import type { Write } from './experiment-page'
import { ExposurePanel } from './exposures'
import { AttachDialog } from './attach-dialog'
import { MetricDialog } from './metric-dialog'
import { freshMetric, metricName } from './metric-draft'
import { asOf, MetricPanel } from './metric-result'
import { leader } from './verdict'

export type Place = 'metrics' | 'metrics_secondary'

type Listed = { metric: ExperimentMetric; place: Place; shared: number | null }

/** The experiment's own metrics and the shared ones it takes, in one list for each place. */
export function listed(experiment: Experiment): Listed[] {
    const own = (place: Place): Listed[] => experiment[place].map((metric) => ({ metric, place, shared: null }))
    const taken = experiment.saved_metrics.map((attached): Listed => ({ metric: { ...attached.query, uuid: attached.query.uuid ?? `shared-${attached.saved_metric}`, name: attached.name }, place: attached.metadata?.type === 'secondary' ? 'metrics_secondary' : 'metrics', shared: attached.saved_metric }))
    return [...own('metrics'), ...own('metrics_secondary'), ...taken]
}

/** Who saw what, then every metric with its verdict. */
export function Results({ experiment, write, onShip }: { experiment: Experiment; write: Write; onShip: () => void }) {
    const all = listed(experiment)
    return (
        <div className="flex flex-col gap-[18px]">
            <Summary experiment={experiment} metrics={all.filter((one) => one.place === 'metrics').map((one) => one.metric)} onShip={onShip} />
            <ExposurePanel experiment={experiment} />
            <MetricList title="Primary metrics" place="metrics" hint="The experiment is decided by these." experiment={experiment} metrics={all} write={write} />
            <MetricList title="Secondary metrics" place="metrics_secondary" hint="To see what else changes." experiment={experiment} metrics={all} write={write} />
        </div>
    )
}

/** The answer in one sentence, when there is one. */
function Summary({ experiment, metrics, onShip }: { experiment: Experiment; metrics: ExperimentMetric[]; onShip: () => void }) {
    const project = useProject()
    const started = experiment.start_date !== null
    const found = useQueries({ queries: metrics.map((metric) => ({ ...metricResult(project.id, experiment.id, metric, asOf(experiment)), enabled: started })) })
    const results = found.flatMap((one, index) => (one.data && metrics[index] ? [{ metric: metrics[index], result: one.data }] : []))
    if (!started || results.length === 0 || results.length < metrics.length) return null
    const best = leader(results)
    const concluded = experiment.conclusion ? `Concluded: ${experiment.conclusion.replace('_', ' ')}. ${experiment.conclusion_comment ?? ''}` : null
    return (
        <div role="status" className="flex flex-wrap items-center gap-x-4 gap-y-2 rounded-lg border border-line bg-surface px-4 py-3">
            <p className="mr-auto min-w-[240px] flex-1 text-lg">
                {best ? (
                    <>
                        <strong className="font-[600]">{best}</strong> does better in the primary {metrics.length === 1 ? 'metric' : 'metrics'}.
                    </>
                ) : (
                    'No variant is clearly better yet.'
                )}
                {concluded ? <span className="block text-sm text-ink-3">{concluded}</span> : null}
            </p>
            {best && !experiment.end_date ? <Button onClick={onShip}>Ship {best}</Button> : null}
        </div>
    )
}

type ListProps = { title: string; place: Place; hint: string; experiment: Experiment; metrics: Listed[]; write: Write }

function MetricList({ title, place, hint, experiment, metrics, write }: ListProps) {
    const [editing, setEditing] = useState<ExperimentMetric | 'new' | null>(null)
    const [attaching, setAttaching] = useState(false)
    const here = metrics.filter((one) => one.place === place)
    const other: Place = place === 'metrics' ? 'metrics_secondary' : 'metrics'
    const save = async (metric: ExperimentMetric) => {
        const own = experiment[place]
        const next = own.some((old) => old.uuid === metric.uuid) ? own.map((old) => (old.uuid === metric.uuid ? metric : old)) : [...own, metric]
        if (await write('PATCH', '', { [place]: next }, 'Saved.')) setEditing(null)
    }
    const remove = (metric: ExperimentMetric) => void write('PATCH', '', { [place]: experiment[place].filter((old) => old.uuid !== metric.uuid) }, `“${metricName(metric)}” is removed.`)
    const move = (metric: ExperimentMetric) => void write('PATCH', '', { [place]: experiment[place].filter((old) => old.uuid !== metric.uuid), [other]: [...experiment[other], metric] }, 'Moved.')
    const attach = (ids: { id: number; metadata: { type: string } }[], done: string) => write('PATCH', '', { saved_metrics_ids: ids }, done)
    const attached = experiment.saved_metrics.map((one) => ({ id: one.saved_metric, metadata: { type: one.metadata?.type ?? 'primary' } }))
    return (
        <section aria-label={title} className="flex flex-col gap-2.5">
            <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
                <h2 className="font-[600]">{title}</h2>
                <p className="text-sm text-ink-3">{hint}</p>
                <span className="ml-auto flex gap-1.5">
                    <Button size="small" kind="quiet" onClick={() => setAttaching(true)}>
                        Take a shared one
                    </Button>
                    <Button size="small" onClick={() => setEditing('new')}>
                        <Plus className="size-3" aria-hidden /> Metric
                    </Button>
                </span>
            </div>
            {here.length === 0 && place === 'metrics' ? (
                <div className="rounded-lg border border-dashed border-line-strong">
                    <Empty title="Nothing is measured yet" className="!py-6" action={<Button onClick={() => setEditing('new')}>Add a metric</Button>}>
                        Say what should get better: a conversion, an amount, a ratio, or that people come back.
                    </Empty>
                </div>
            ) : null}
            {here.map(({ metric, shared }) => (
                <MetricPanel
                    key={metric.uuid}
                    experiment={experiment}
                    metric={metric}
                    shared={shared !== null}
                    actions={
                        <Menu
                            trigger={
                                <IconButton label={`More for ${metricName(metric)}`}>
                                    <Ellipsis aria-hidden />
                                </IconButton>
                            }
                        >
                            {shared === null ? (
                                <>
                                    <MenuItem onSelect={() => setEditing(metric)}>Edit</MenuItem>
                                    <MenuItem onSelect={() => move(metric)}>{place === 'metrics' ? 'Make it secondary' : 'Make it primary'}</MenuItem>
                                    <MenuItem danger onSelect={() => remove(metric)}>
                                        Remove
                                    </MenuItem>
                                </>
                            ) : (
                                <MenuItem danger onSelect={() => void attach(attached.filter((one) => one.id !== shared), 'Removed from this experiment.')}>
                                    Remove from this experiment
                                </MenuItem>
                            )}
                        </Menu>
                    }
                />
            ))}
            {editing ? <MetricDialog title={editing === 'new' ? 'New metric' : metricName(editing)} metric={editing === 'new' ? freshMetric(crypto.randomUUID()) : editing} action="Save metric" onSave={(metric) => void save(metric)} onClose={() => setEditing(null)} /> : null}
            {attaching ? (
                <AttachDialog
                    taken={attached.map((one) => one.id)}
                    onPick={(id) => void attach([...attached, { id, metadata: { type: place === 'metrics' ? 'primary' : 'secondary' } }], 'Added.').then(() => setAttaching(false))}
                    onClose={() => setAttaching(false)}
                />
            ) : null}
        </section>
    )
}
