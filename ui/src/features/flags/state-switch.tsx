import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { dependentFlags } from '@/api/flag-queries'
import type { FeatureFlag } from '@/api/flag-types'
import { useProject } from '@/api/project'
import { Button } from '@/ui/button'
import { Switch } from '@/ui/choice'
import { Dialog } from '@/ui/floating'
import { setActive } from './actions'

/** On and off at once, with undo. Only when other flags depend on this one is there a question before. */
export function StateSwitch({ flag }: { flag: FeatureFlag }) {
    const project = useProject()
    const client = useQueryClient()
    const [asking, setAsking] = useState(false)
    const [busy, setBusy] = useState(false)
    const dependents = useQuery({ ...dependentFlags(project.id, flag.id), enabled: false })
    const write = async (active: boolean) => {
        setBusy(true)
        await setActive(client, project.id, [flag], active)
        setBusy(false)
        setAsking(false)
    }
    const change = async (active: boolean) => {
        setBusy(true)
        // Failing to learn of dependents must not keep anybody from switching something off.
        const others = active ? [] : ((await dependents.refetch()).data ?? [])
        if (others.length > 0) {
            setBusy(false)
            setAsking(true)
        } else await write(active)
    }
    return (
        <>
            <Switch label={`${flag.key} is ${flag.active ? 'enabled' : 'disabled'}`} checked={flag.active} disabled={busy} onChange={(active) => void change(active)} />
            <Dialog
                open={asking}
                onOpenChange={setAsking}
                title={`Disable ${flag.key}?`}
                footer={
                    <>
                        <Button onClick={() => setAsking(false)}>Leave it on</Button>
                        <Button kind="danger" busy={busy} onClick={() => void write(false)}>
                            Disable flag
                        </Button>
                    </>
                }
            >
                <div className="p-4 text-ink-2">
                    <p>Other flags ask whether it is on. For them it will be off at once:</p>
                    <ul className="mt-2 list-disc pl-5">
                        {(dependents.data ?? []).map((other) => (
                            <li key={other.id} className="font-mono text-[12px] [overflow-wrap:anywhere]">
                                {other.key}
                            </li>
                        ))}
                    </ul>
                </div>
            </Dialog>
        </>
    )
}
