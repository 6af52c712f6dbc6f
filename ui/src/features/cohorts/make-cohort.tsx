import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { CircleDashed } from 'lucide-react'
import { useState } from 'react'
import { request } from '@/api/client'
import type { Cohort } from '@/api/cohort-types'
import { useProject } from '@/api/project'
import { count } from '@/lib/numbers'
import { Button } from '@/ui/button'
import { Field, Input } from '@/ui/field'
import { Popover } from '@/ui/floating'
import { complain, say } from '@/ui/toast'

/** The persons of a query, as they are now, under a name. */
export function MakeCohort({ query, suggestion, disabled }: { query: Record<string, unknown>; suggestion: string; disabled?: boolean }) {
    const project = useProject()
    const client = useQueryClient()
    const navigate = useNavigate()
    const [open, setOpen] = useState(false)
    const [name, setName] = useState(suggestion)
    const make = useMutation({
        mutationFn: () => request<Cohort>('POST', `/api/projects/${project.id}/cohorts/`, { name: name.trim(), is_static: true, query }),
        onSuccess: async (cohort) => {
            setOpen(false)
            say(`“${cohort.name}” holds ${count(cohort.count ?? 0, 'person', 'persons')}.`)
            await client.invalidateQueries({ queryKey: ['cohorts', project.id] })
            await navigate({ to: '/project/$projectId/cohorts/$cohortId', params: { projectId: String(project.id), cohortId: String(cohort.id) }, search: {} })
        },
        onError: (error) => complain(error, 'No cohort was made.'),
    })
    return (
        <Popover
            open={open}
            onOpenChange={setOpen}
            align="end"
            label="Make a cohort"
            trigger={
                <Button disabled={disabled}>
                    <CircleDashed className="size-4" aria-hidden /> Make a cohort
                </Button>
            }
        >
            <form
                className="flex w-[300px] max-w-full flex-col gap-3 p-3"
                onSubmit={(event) => {
                    event.preventDefault()
                    if (name.trim() !== '') make.mutate()
                }}
            >
                <Field label="Name" hint="A static cohort: who is in it now stays in it.">
                    {(control) => <Input {...control} autoFocus maxLength={400} dir="auto" value={name} onFocus={(event) => event.target.select()} onChange={(event) => setName(event.target.value)} />}
                </Field>
                <Button kind="primary" type="submit" busy={make.isPending} disabled={name.trim() === ''}>
                    Make cohort
                </Button>
            </form>
        </Popover>
    )
}
