import { useQuery, useQueryClient } from '@tanstack/react-query'
import { Plus } from 'lucide-react'
import { useState } from 'react'
import { request } from '@/api/client'
import { holdouts } from '@/api/experiment-queries'
import type { Holdout } from '@/api/experiment-types'
import { useProject } from '@/api/project'
import { formatNumber } from '@/lib/numbers'
import { Button } from '@/ui/button'
import { Field, Input } from '@/ui/field'
import { Confirm, Dialog } from '@/ui/floating'
import { Panel } from '@/ui/panel'
import { PercentInput } from '@/ui/percent'
import { Empty, Failed, SkeletonRows } from '@/ui/states'
import { Table, type Column } from '@/ui/table'
import { complain, say } from '@/ui/toast'

export const excluded = (holdout: Holdout): number => holdout.filters[0]?.rollout_percentage ?? 0

/** Small groups that are left out of experiments, to see what all of them together do. */
export function Holdouts() {
    const project = useProject()
    const client = useQueryClient()
    const found = useQuery(holdouts(project.id))
    const [editing, setEditing] = useState<Holdout | 'new' | null>(null)
    const rows = found.data?.results ?? []
    const remove = async (holdout: Holdout) => {
        try {
            await request('DELETE', `/api/projects/${project.id}/experiment_holdouts/${holdout.id}/`)
            say(`“${holdout.name}” is deleted.`)
            await client.invalidateQueries({ queryKey: ['holdouts', project.id] })
        } catch (error) {
            complain(error, 'Not deleted.')
            throw error
        }
    }
    const columns: Column<Holdout>[] = [
        { id: 'name', label: 'Holdout', cell: (holdout) => <span className="font-[550]" dir="auto">{holdout.name}</span> },
        { id: 'share', label: 'Left out', numeric: true, width: '110px', cell: (holdout) => `${formatNumber(excluded(holdout))}%` },
        { id: 'description', label: 'Description', wide: true, cell: (holdout) => <span className="text-ink-3" dir="auto">{holdout.description}</span> },
        {
            id: 'actions',
            label: '',
            width: '90px',
            cell: (holdout) => (
                <Confirm
                    trigger={
                        <Button kind="quiet" size="small">
                            Delete
                        </Button>
                    }
                    title={`Delete ${holdout.name}?`}
                    consequence="Whoever was left out is taken into the experiments that use it."
                    action="Delete holdout"
                    onConfirm={() => remove(holdout)}
                />
            ),
        },
    ]
    return (
        <>
            <Button className="mb-3" onClick={() => setEditing('new')}>
                <Plus className="size-4" aria-hidden /> Holdout
            </Button>
            <Panel label="Holdouts" className="overflow-hidden">
                {found.isPending ? (
                    <SkeletonRows rows={3} columns={3} />
                ) : found.isError ? (
                    <Failed what="The holdouts could not be read" error={found.error} onRetry={() => void found.refetch()} />
                ) : rows.length === 0 ? (
                    <Empty title="No holdouts">A holdout is a small share of people who are left out of every experiment that names it. Comparing them with everybody else shows what all experiments did together.</Empty>
                ) : (
                    <Table label="Holdouts" rows={rows} columns={columns} rowKey={(holdout) => String(holdout.id)} onOpen={setEditing} />
                )}
            </Panel>
            {editing ? <HoldoutDialog holdout={editing === 'new' ? null : editing} onClose={() => setEditing(null)} /> : null}
        </>
    )
}

function HoldoutDialog({ holdout, onClose }: { holdout: Holdout | null; onClose: () => void }) {
    const project = useProject()
    const client = useQueryClient()
    const [name, setName] = useState(holdout?.name ?? '')
    const [description, setDescription] = useState(holdout?.description ?? '')
    const [share, setShare] = useState(holdout ? excluded(holdout) : 10)
    const [tried, setTried] = useState(false)
    const [busy, setBusy] = useState(false)
    const save = async () => {
        setTried(true)
        if (name.trim() === '') return
        setBusy(true)
        const url = `/api/projects/${project.id}/experiment_holdouts/`
        const filters = [{ properties: holdout?.filters[0]?.properties ?? [], rollout_percentage: share, variant: holdout?.filters[0]?.variant }]
        try {
            await (holdout ? request('PATCH', `${url}${holdout.id}/`, { name, description, filters }) : request('POST', url, { name, description, filters }))
            say('Saved.')
            await client.invalidateQueries({ queryKey: ['holdouts', project.id] })
            onClose()
        } catch (error) {
            complain(error, 'Not saved.')
            setBusy(false)
        }
    }
    return (
        <Dialog
            open
            onOpenChange={(open) => !open && onClose()}
            title={holdout ? `Holdout ${holdout.name}` : 'New holdout'}
            footer={
                <>
                    <Button onClick={onClose}>Cancel</Button>
                    <Button kind="primary" busy={busy} onClick={() => void save()}>
                        Save holdout
                    </Button>
                </>
            }
        >
            <div className="flex flex-col gap-4 p-4">
                <Field label="Name" error={tried && name.trim() === '' ? 'Give it a name to find it by.' : null}>
                    {(control) => <Input {...control} autoFocus dir="auto" maxLength={400} value={name} onChange={(event) => setName(event.target.value)} />}
                </Field>
                <Field label="Description">{(control) => <Input {...control} dir="auto" maxLength={400} value={description} onChange={(event) => setDescription(event.target.value)} />}</Field>
                <div className="flex items-center gap-2">
                    <PercentInput label="Share left out" value={share} onChange={setShare} /> <span className="text-ink-2">of people are left out, the same ones everywhere</span>
                </div>
            </div>
        </Dialog>
    )
}
