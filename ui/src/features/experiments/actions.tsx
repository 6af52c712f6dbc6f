import { useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { Archive, ArchiveRestore, CirclePause, CircleStop, CopyPlus, Ellipsis, Flag, Rocket, RotateCcw, Trash2 } from 'lucide-react'
import { useState } from 'react'
import { request } from '@/api/client'
import { experimentsUrl } from '@/api/experiment-queries'
import type { Conclusion, Experiment } from '@/api/experiment-types'
import { useProject } from '@/api/project'
import { Button, IconButton } from '@/ui/button'
import { Select } from '@/ui/choice'
import { Field, Input } from '@/ui/field'
import { Dialog, Menu, MenuItem, MenuLine } from '@/ui/floating'
import { complain, say } from '@/ui/toast'
import type { Write } from './experiment-page'
import { refreshExperiment } from './refresh'
import { statusOf } from './state'

const conclusions: { value: Conclusion; label: string }[] = [
    { value: 'won', label: 'Won: a variant is better' },
    { value: 'lost', label: 'Lost: the baseline is better' },
    { value: 'inconclusive', label: 'Inconclusive' },
    { value: 'stopped_early', label: 'Stopped early' },
    { value: 'invalid', label: 'Invalid: something went wrong' },
]

/** What can be done with an experiment beside its main action. */
export function ExperimentMenu({ experiment, write, onEnd, onShip }: { experiment: Experiment; write: Write; onEnd?: () => void; onShip?: () => void }) {
    const project = useProject()
    const client = useQueryClient()
    const navigate = useNavigate()
    const [asking, setAsking] = useState<'reset' | 'delete' | null>(null)
    const status = statusOf(experiment)
    const params = { projectId: String(project.id) }
    const duplicate = async () => {
        try {
            const copy = await request<Experiment>('POST', `${experimentsUrl(project.id)}/${experiment.id}/duplicate/`, {})
            await refreshExperiment(client, project.id)
            await navigate({ to: '/project/$projectId/experiments/$experimentId', params: { ...params, experimentId: String(copy.id) } })
        } catch (error) {
            complain(error, 'Not copied.')
        }
    }
    const remove = async () => {
        try {
            await request('PATCH', `${experimentsUrl(project.id)}/${experiment.id}/`, { deleted: true })
            say(`“${experiment.name}” is deleted.`)
            await refreshExperiment(client, project.id)
            await navigate({ to: '/project/$projectId/experiments', params })
        } catch (error) {
            complain(error, 'Not deleted.')
        }
    }
    return (
        <>
            <Menu
                trigger={
                    <IconButton kind="plain" label="More actions">
                        <Ellipsis aria-hidden />
                    </IconButton>
                }
            >
                {status === 'running' ? (
                    <MenuItem onSelect={() => void write('POST', 'pause/', undefined, 'Paused: everybody gets what they get without the flag.')}>
                        <CirclePause aria-hidden /> Pause
                    </MenuItem>
                ) : null}
                {onEnd ? (
                    <MenuItem onSelect={onEnd}>
                        <CircleStop aria-hidden /> End
                    </MenuItem>
                ) : null}
                {onShip ? (
                    <MenuItem onSelect={onShip}>
                        <Rocket aria-hidden /> Ship a variant
                    </MenuItem>
                ) : null}
                {experiment.feature_flag ? (
                    <MenuItem onSelect={() => void navigate({ to: '/project/$projectId/feature_flags/$flagId', params: { ...params, flagId: String(experiment.feature_flag?.id) } })}>
                        <Flag aria-hidden /> Open its flag
                    </MenuItem>
                ) : null}
                <MenuItem onSelect={() => void duplicate()}>
                    <CopyPlus aria-hidden /> Make an experiment like this
                </MenuItem>
                {status === 'stopped' ? (
                    <MenuItem onSelect={() => void write('PATCH', '', { archived: !experiment.archived }, experiment.archived ? 'The experiment is back.' : 'Archived.')}>
                        {experiment.archived ? <ArchiveRestore aria-hidden /> : <Archive aria-hidden />} {experiment.archived ? 'Take out of the archive' : 'Archive'}
                    </MenuItem>
                ) : null}
                <MenuLine />
                {status === 'draft' ? null : (
                    <MenuItem danger onSelect={() => setAsking('reset')}>
                        <RotateCcw aria-hidden /> Back to a draft
                    </MenuItem>
                )}
                <MenuItem danger onSelect={() => setAsking('delete')}>
                    <Trash2 aria-hidden /> Delete experiment
                </MenuItem>
            </Menu>
            {asking ? (
                <Dialog
                    open
                    onOpenChange={() => setAsking(null)}
                    title={asking === 'delete' ? `Delete ${experiment.name}?` : `Make ${experiment.name} a draft again?`}
                    footer={
                        <>
                            <Button onClick={() => setAsking(null)}>Keep it</Button>
                            {asking === 'delete' ? (
                                <Button kind="danger" onClick={() => void remove()}>
                                    Delete experiment
                                </Button>
                            ) : (
                                <Button kind="danger" onClick={() => void write('POST', 'reset/', undefined, 'It is a draft again.').then(() => setAsking(null))}>
                                    Back to a draft
                                </Button>
                            )}
                        </>
                    }
                >
                    <p className="p-4 text-ink-2">
                        {asking === 'delete'
                            ? 'Its results are no longer shown. The flag stays and goes on answering as it does now; the events stay too.'
                            : 'Its dates and conclusion are forgotten, and results begin anew when it is launched again. The events stay.'}
                    </p>
                </Dialog>
            ) : null}
        </>
    )
}

export function EndDialog({ write, onClose }: { write: Write; onClose: () => void }) {
    const [conclusion, setConclusion] = useState<Conclusion>('inconclusive')
    const [comment, setComment] = useState('')
    const end = async () => {
        if (await write('POST', 'end/', { conclusion, conclusion_comment: comment || null }, 'The experiment has ended.')) onClose()
    }
    return (
        <Dialog
            open
            onOpenChange={(open) => !open && onClose()}
            title="End the experiment"
            footer={
                <>
                    <Button onClick={onClose}>Let it run</Button>
                    <Button kind="primary" onClick={() => void end()}>
                        End experiment
                    </Button>
                </>
            }
        >
            <div className="flex flex-col gap-4 p-4">
                <p className="text-ink-2">What happens from now on no longer counts. The flag goes on answering as it does, until a variant is shipped or the flag is switched off.</p>
                <Field label="Conclusion">{(control) => <Select<Conclusion> id={control.id} label="Conclusion" className="w-full" value={conclusion} options={conclusions} onChange={setConclusion} />}</Field>
                <Field label="What was learned (optional)">{(control) => <Input {...control} dir="auto" maxLength={4000} value={comment} onChange={(event) => setComment(event.target.value)} />}</Field>
            </div>
        </Dialog>
    )
}

/** One variant for everybody, from now on. */
export function ShipDialog({ experiment, write, onClose }: { experiment: Experiment; write: Write; onClose: () => void }) {
    const variants = experiment.parameters?.feature_flag_variants ?? []
    const [variant, setVariant] = useState(variants.find((one) => one.key !== 'control')?.key ?? 'control')
    const ship = async () => {
        if (await write('POST', 'ship_variant/', { variant_key: variant }, `Everybody gets “${variant}” now.`)) onClose()
    }
    return (
        <Dialog
            open
            onOpenChange={(open) => !open && onClose()}
            title="Ship a variant"
            footer={
                <>
                    <Button onClick={onClose}>Not yet</Button>
                    <Button kind="primary" onClick={() => void ship()}>
                        Ship {variant}
                    </Button>
                </>
            }
        >
            <div className="flex flex-col gap-4 p-4">
                <Field label="Variant">
                    {(control) => <Select id={control.id} label="Variant" className="w-full" value={variant} options={variants.map((one) => ({ value: one.key, label: one.key }))} onChange={setVariant} />}
                </Field>
                <p className="text-ink-2">
                    The flag <code className="font-mono text-sm">{experiment.feature_flag_key}</code> answers “{variant}” to everybody{experiment.end_date ? '' : ', and the experiment ends'}. Its history keeps how it was.
                </p>
            </div>
        </Dialog>
    )
}
