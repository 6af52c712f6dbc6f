import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { request } from '@/api/client'
import type { FeatureFlag } from '@/api/flag-types'
import { useProject, useUser } from '@/api/project'
import { count } from '@/lib/numbers'
import { Button } from '@/ui/button'
import { Checkbox } from '@/ui/choice'
import { Dialog } from '@/ui/floating'
import { complain, say } from '@/ui/toast'

type Copied = { success: { id?: number; team_id?: number }[]; failed: { project_id?: number; team_id?: number; errors?: unknown; error_message?: string; error?: string }[] }

/** The flag in other projects, under the same key. */
export function CopyFlag({ flag, onClose }: { flag: FeatureFlag; onClose: () => void }) {
    const project = useProject()
    const user = useUser()
    const others = (user.organization?.teams ?? []).filter((team) => team.id !== project.id)
    const [chosen, setChosen] = useState<number[]>([])
    const copy = useMutation({
        mutationFn: () =>
            request<Copied>('POST', `/api/organizations/${user.organization?.id ?? '@current'}/feature_flags/copy_flags/`, { feature_flag_key: flag.key, from_project: project.id, target_project_ids: chosen }),
        onSuccess: ({ success, failed }) => {
            if (success.length > 0) say(`“${flag.key}” is in ${count(success.length, 'more project')} now.`)
            const first = failed[0]
            if (first) complain(new Error(first.error_message ?? first.error ?? JSON.stringify(first.errors ?? first)), `${count(failed.length, 'project')} did not take it:`)
            if (failed.length === 0) onClose()
        },
        onError: (error) => complain(error, 'Not copied.'),
    })
    return (
        <Dialog
            open
            onOpenChange={(open) => !open && onClose()}
            title={`Copy ${flag.key} to other projects`}
            footer={
                <>
                    <Button onClick={onClose}>Cancel</Button>
                    <Button kind="primary" busy={copy.isPending} disabled={chosen.length === 0} onClick={() => copy.mutate()}>
                        Copy flag
                    </Button>
                </>
            }
        >
            <div className="flex flex-col gap-3 p-4">
                {others.length === 0 ? (
                    <p className="text-ink-2">This organization has no other project.</p>
                ) : (
                    <>
                        <p className="text-ink-2">A flag that is already called {flag.key} there is overwritten; its history keeps what it was.</p>
                        {others.map((team) => (
                            <Checkbox key={team.id} label={team.name} checked={chosen.includes(team.id)} onChange={(on) => setChosen(on ? [...chosen, team.id] : chosen.filter((id) => id !== team.id))} />
                        ))}
                    </>
                )}
            </div>
        </Dialog>
    )
}
