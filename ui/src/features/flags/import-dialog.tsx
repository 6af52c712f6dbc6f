import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { explain, request } from '@/api/client'
import type { FlagImport } from '@/api/flag-types'
import { useProject } from '@/api/project'
import { count, formatNumber } from '@/lib/numbers'
import { Button } from '@/ui/button'
import { Dialog } from '@/ui/floating'
import { complain, say } from '@/ui/toast'
import { refreshFlag } from './refresh'

type Outcome = FlagImport['flags'][number]
type Plan = { file: unknown; outcome: FlagImport }

const titles: Record<Outcome['action'], string> = { create: 'New', update: 'Changed', unchanged: 'The same', error: 'Cannot be imported' }
const order: Outcome['action'][] = ['error', 'create', 'update', 'unchanged']

/** Flags from a file: first what would change, then, if that is right, the change. */
export function ImportFlags({ onClose }: { onClose: () => void }) {
    const project = useProject()
    const client = useQueryClient()
    const [plan, setPlan] = useState<Plan | null>(null)
    const [problem, setProblem] = useState<string | null>(null)
    const url = `/api/projects/${project.id}/feature_flags/import/`
    const read = useMutation({
        mutationFn: async (chosen: File): Promise<Plan> => {
            const text = await chosen.text()
            let file: unknown
            try {
                file = JSON.parse(text)
            } catch {
                throw new Error(`${chosen.name} is not JSON. Choose a file that an export made.`)
            }
            return { file, outcome: await request<FlagImport>('POST', `${url}?dry_run=true`, file) }
        },
        onSuccess: (next) => {
            setPlan(next)
            setProblem(null)
        },
        onError: (error) => {
            setPlan(null)
            setProblem(explain(error))
        },
    })
    const run = useMutation({
        mutationFn: () => request<FlagImport>('POST', url, plan?.file),
        onSuccess: async ({ created, updated }) => {
            say(`${count(created, 'flag')} made, ${formatNumber(updated)} changed.`)
            onClose()
            await refreshFlag(client, project.id)
        },
        onError: (error) => complain(error, 'Nothing was imported.'),
    })
    const changing = plan ? plan.outcome.created + plan.outcome.updated : 0
    const wrong = plan?.outcome.flags.some((flag) => flag.action === 'error') ?? false
    return (
        <Dialog
            open
            onOpenChange={(open) => !open && onClose()}
            title="Import flags"
            footer={
                <>
                    <Button onClick={onClose}>Cancel</Button>
                    <Button kind="primary" busy={run.isPending} disabled={changing === 0 || wrong} title={wrong ? 'All or nothing: put right what cannot be imported first' : undefined} onClick={() => run.mutate()}>
                        {changing > 0 ? `Import ${count(changing, 'flag')}` : 'Import'}
                    </Button>
                </>
            }
        >
            <div className="flex flex-col gap-4 p-4">
                <label className="flex flex-col gap-1">
                    <span className="text-sm font-[550] text-ink-2">File</span>
                    <input type="file" accept="application/json,.json" className="field !h-auto py-1.5" onChange={(event) => event.target.files?.[0] && read.mutate(event.target.files[0])} />
                    <span className="text-sm text-ink-3">As the export of this or another project makes it. Flags with the same key are changed; others stay.</span>
                </label>
                {problem ? (
                    <p role="alert" className="text-sm text-bad [overflow-wrap:anywhere]">
                        {problem}
                    </p>
                ) : null}
                {plan ? <Outcomes outcomes={plan.outcome.flags} /> : null}
            </div>
        </Dialog>
    )
}

function Outcomes({ outcomes }: { outcomes: Outcome[] }) {
    if (outcomes.length === 0) return <p className="text-ink-2">The file holds no flags.</p>
    return (
        <div className="flex flex-col gap-3" aria-live="polite">
            {order.map((action) => {
                const of = outcomes.filter((outcome) => outcome.action === action)
                if (of.length === 0) return null
                return (
                    <section key={action} aria-label={titles[action]}>
                        <h3 className="text-sm font-[600] text-ink-2">
                            {titles[action]} ({of.length})
                        </h3>
                        <ul className="mt-1 max-h-[220px] overflow-auto rounded-md border border-line">
                            {of.map((outcome) => (
                                <li key={outcome.key} className="border-t border-line px-3 py-1.5 text-sm first:border-0 [overflow-wrap:anywhere]">
                                    {outcome.key}
                                    {outcome.detail ? <span className="text-bad"> {outcome.detail}</span> : null}
                                    {outcome.action === 'update' ? <span className="text-ink-3"> {outcome.changes.map((change) => change.field).join(', ')}</span> : null}
                                </li>
                            ))}
                        </ul>
                    </section>
                )
            })}
        </div>
    )
}
