import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { request } from '@/api/client'
import { useProject, useUser } from '@/api/project'
import type { Project } from '@/api/types'
import { Button } from '@/ui/button'
import { Field, Input } from '@/ui/field'
import { Chip } from '@/ui/panel'
import { complain } from '@/ui/toast'
import { Block } from './parts'

const open = async (id: number): Promise<void> => {
    await request('PATCH', '/api/users/@me/', { set_current_team: id }).catch(() => undefined)
    window.location.assign(`/project/${id}`)
}

export function Projects() {
    const user = useUser()
    const project = useProject()
    const [name, setName] = useState('')
    const create = useMutation({
        mutationFn: () => request<Project>('POST', `/api/organizations/${user.organization?.id ?? '@current'}/projects/`, { name: name.trim() }),
        onSuccess: (made) => open(made.id),
        onError: (error) => complain(error, 'The project was not created.'),
    })
    return (
        <Block title="Projects" about="Each project has its own key, events, persons and insights. One product or one environment each is a good rule.">
            <ul className="mb-4">
                {(user.organization?.teams ?? []).map((team) => (
                    <li key={team.id} className="flex h-[40px] items-center gap-3 border-b border-line">
                        <span className="min-w-0 truncate font-[550]" dir="auto">
                            {team.name}
                        </span>
                        {team.is_demo ? <Chip>demo data</Chip> : null}
                        <span className="ml-auto text-sm text-ink-3">{team.timezone}</span>
                        {team.id === project.id ? (
                            <span className="w-[64px] text-right text-sm text-ink-3">open</span>
                        ) : (
                            <Button size="small" className="w-[64px]" onClick={() => void open(team.id)}>
                                Open
                            </Button>
                        )}
                    </li>
                ))}
            </ul>
            <form
                className="flex items-end gap-2"
                onSubmit={(event) => {
                    event.preventDefault()
                    create.mutate()
                }}
            >
                <Field label="New project" className="flex-1">
                    {(control) => <Input {...control} required maxLength={200} placeholder="Mobile app" value={name} onChange={(event) => setName(event.target.value)} />}
                </Field>
                <Button kind="primary" type="submit" busy={create.isPending}>
                    Create project
                </Button>
            </form>
        </Block>
    )
}
