import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { Copy, CopyPlus, Ellipsis, FolderOutput, Link2, Trash2, Undo2 } from 'lucide-react'
import { useState } from 'react'
import { dependentFlags } from '@/api/flag-queries'
import type { FeatureFlag } from '@/api/flag-types'
import { useProject } from '@/api/project'
import { formatAgo } from '@/lib/time'
import { Button, IconButton } from '@/ui/button'
import { copyText } from '@/ui/copy'
import { Dialog, Menu, MenuItem, MenuLine } from '@/ui/floating'
import { complain, say } from '@/ui/toast'
import { removeFlag } from './actions'
import { CopyFlag } from './copy-dialog'
import { draftOf } from './draft'

/** What can be done with a flag beside editing it. */
export function FlagMenu({ flag, changed, onDrop }: { flag: FeatureFlag; changed: boolean; onDrop: () => void }) {
    const project = useProject()
    const navigate = useNavigate()
    const [open, setOpen] = useState<'copy' | 'delete' | null>(null)
    const copy = (text: string, what: string) => void copyText(text).then(() => say(`${what} copied.`), (error: unknown) => complain(error, 'Not copied.'))
    const duplicate = () => {
        const draft = { ...draftOf(flag), key: `${flag.key}-copy`.slice(0, 400) }
        sessionStorage.setItem(`hoglet-draft:${project.id}-flag-new`, JSON.stringify({ basis: 'new', draft }))
        void navigate({ to: '/project/$projectId/feature_flags/$flagId', params: { projectId: String(project.id), flagId: 'new' } })
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
                {changed ? (
                    <MenuItem onSelect={onDrop}>
                        <Undo2 aria-hidden /> Drop the changes
                    </MenuItem>
                ) : null}
                <MenuItem onSelect={() => copy(flag.key, 'Key')}>
                    <Copy aria-hidden /> Copy key
                </MenuItem>
                <MenuItem onSelect={() => copy(window.location.href, 'Link')}>
                    <Link2 aria-hidden /> Copy link to this view
                </MenuItem>
                <MenuItem onSelect={duplicate}>
                    <CopyPlus aria-hidden /> Make a flag like this
                </MenuItem>
                <MenuItem onSelect={() => setOpen('copy')}>
                    <FolderOutput aria-hidden /> Copy to other projects
                </MenuItem>
                <MenuLine />
                <MenuItem danger onSelect={() => setOpen('delete')}>
                    <Trash2 aria-hidden /> Delete flag
                </MenuItem>
            </Menu>
            {open === 'copy' ? <CopyFlag flag={flag} onClose={() => setOpen(null)} /> : null}
            {open === 'delete' ? <DeleteFlag flag={flag} onClose={() => setOpen(null)} /> : null}
        </>
    )
}

function DeleteFlag({ flag, onClose }: { flag: FeatureFlag; onClose: () => void }) {
    const project = useProject()
    const client = useQueryClient()
    const navigate = useNavigate()
    const [busy, setBusy] = useState(false)
    const dependents = useQuery(dependentFlags(project.id, flag.id))
    const remove = async () => {
        setBusy(true)
        try {
            await removeFlag(client, project.id, flag)
            await navigate({ to: '/project/$projectId/feature_flags', params: { projectId: String(project.id) } })
        } catch (error) {
            complain(error, 'Not deleted.')
            setBusy(false)
        }
    }
    const others = dependents.data ?? []
    return (
        <Dialog
            open
            onOpenChange={(open) => !open && onClose()}
            title={`Delete ${flag.key}?`}
            footer={
                <>
                    <Button onClick={onClose}>Keep it</Button>
                    <Button kind="danger" busy={busy} onClick={() => void remove()}>
                        Delete flag
                    </Button>
                </>
            }
        >
            <div className="flex flex-col gap-2 p-4 text-ink-2">
                <p>Code that asks for it gets no answer from the next request on, which is the same as off. Its last call was {flag.last_called_at ? formatAgo(flag.last_called_at, new Date()) : 'never'}.</p>
                {others.length > 0 ? <p className="text-bad">{others.map((other) => other.key).join(', ')} ask for it and will see it as off.</p> : null}
                {flag.experiment_set?.length ? <p className="text-bad">An experiment runs on it and gets no more exposures.</p> : null}
                <p>It can be brought back from the message that follows.</p>
            </div>
        </Dialog>
    )
}
