import { useMutation, useQueryClient } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { request } from '@/api/client'
import { levels, useProject } from '@/api/project'
import type { Project } from '@/api/types'
import { Switch } from '@/ui/choice'
import { Panel } from '@/ui/panel'
import { complain, say } from '@/ui/toast'

export function Block({ title, about, children, danger }: { title: string; about?: ReactNode; children: ReactNode; danger?: boolean }) {
    return (
        <Panel label={title} className={danger ? 'mb-4 !border-bad' : 'mb-4'}>
            <div className="px-5 pt-4 pb-1">
                <h2 className="font-[600]">{title}</h2>
                {about ? <p className="mt-0.5 text-sm text-ink-2">{about}</p> : null}
            </div>
            <div className="px-5 pt-2 pb-5">{children}</div>
        </Panel>
    )
}

/** Changes a part of the project's settings; each change can be undone from its message. */
export function useSaveProject() {
    const project = useProject()
    const client = useQueryClient()
    const write = async (part: Partial<Project>) => {
        const saved = await request<Project>('PATCH', `/api/projects/${project.id}/`, part)
        client.setQueryData(['project', project.id], saved)
        void client.invalidateQueries({ queryKey: ['me'] })
        return saved
    }
    return useMutation({
        mutationFn: (change: { part: Partial<Project>; said: string }) => {
            const before = Object.fromEntries(Object.keys(change.part).map((key) => [key, project[key as keyof Project]])) as Partial<Project>
            return write(change.part).then(() => say(change.said, () => void write(before).catch((error: unknown) => complain(error, 'It could not be undone.'))))
        },
        onError: (error) => complain(error, 'Not saved.'),
    })
}

export function useMayAdminister(): boolean {
    return (useProject().effective_membership_level ?? levels.owner) >= levels.admin
}

export function ToggleRow({ label, hint, checked, onChange, disabled }: { label: string; hint: ReactNode; checked: boolean; onChange: (on: boolean) => void; disabled?: boolean }) {
    return (
        <label className="flex items-start justify-between gap-6 border-t border-line py-3 first:border-0">
            <span>
                <span className="block font-[550]">{label}</span>
                <span className="block text-sm text-ink-3">{hint}</span>
            </span>
            <span className="pt-0.5">
                <Switch label={label} checked={checked} onChange={onChange} disabled={disabled} />
            </span>
        </label>
    )
}
