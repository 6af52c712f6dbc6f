import { useQuery, useQueryClient } from '@tanstack/react-query'
import { Plus } from 'lucide-react'
import { useRef, useState } from 'react'
import { request } from '@/api/client'
import type { Cohort } from '@/api/cohort-types'
import { useProject } from '@/api/project'
import { personList } from '@/api/queries'
import { personName, shortId } from '@/features/events/public'
import { PickList } from '@/features/filters/public'
import { count } from '@/lib/numbers'
import { Button, buttonClass } from '@/ui/button'
import { Popover } from '@/ui/floating'
import { useSettled } from '@/ui/states'
import { complain, say } from '@/ui/toast'
import { refreshCohort } from './refresh'

/** A file with one person per line. */
export function ListUpload({ onFile }: { onFile: (file: File | null) => void }) {
    return (
        <label className="flex flex-col gap-1">
            <span className="text-sm font-[550] text-ink-2">CSV file</span>
            <input type="file" accept=".csv,text/csv,text/plain" className="field !h-auto py-1.5" onChange={(event) => onFile(event.target.files?.[0] ?? null)} />
            <span className="text-sm text-ink-3">One distinct ID per line, or columns with a header: distinct_id, person_id or email. IDs that nobody has are left out.</span>
        </label>
    )
}

/** More members for a static cohort: from a file, or one by one. */
export function AddPersons({ cohort }: { cohort: Cohort }) {
    const project = useProject()
    const client = useQueryClient()
    const [file, setFile] = useState<File | null>(null)
    const [busy, setBusy] = useState(false)
    const form = useRef<HTMLFormElement>(null)
    const upload = async () => {
        if (!file) return
        setBusy(true)
        const body = new FormData()
        body.set('csv', file)
        try {
            const saved = await request<Cohort>('PATCH', `/api/projects/${project.id}/cohorts/${cohort.id}/`, body)
            say(`${count((saved.count ?? 0) - (cohort.count ?? 0), 'person', 'persons')} added.`)
            form.current?.reset()
            setFile(null)
            await refreshCohort(client, project.id, cohort.id)
        } catch (error) {
            complain(error, 'Nobody was added.')
        } finally {
            setBusy(false)
        }
    }
    return (
        <form
            ref={form}
            className="flex flex-col gap-3 px-4 pt-2 pb-4"
            onSubmit={(event) => {
                event.preventDefault()
                void upload()
            }}
        >
            <ListUpload onFile={setFile} />
            <div className="flex flex-wrap items-center gap-2">
                <Button type="submit" disabled={!file} busy={busy}>
                    Upload list
                </Button>
                <PickPerson cohort={cohort} />
            </div>
        </form>
    )
}

function PickPerson({ cohort }: { cohort: Cohort }) {
    const project = useProject()
    const client = useQueryClient()
    const [open, setOpen] = useState(false)
    const [search, setSearch] = useState('')
    const persons = useQuery({ ...personList(project.id, useSettled(search.trim(), 150), [], 0, 20), enabled: open })
    const known = persons.data?.results ?? []
    const add = async (uuid: string, name: string) => {
        setOpen(false)
        try {
            await request('PATCH', `/api/projects/${project.id}/cohorts/${cohort.id}/add_persons_to_static_cohort/`, { person_ids: [uuid] })
            say(`${name} is a member.`)
            await refreshCohort(client, project.id, cohort.id)
        } catch (error) {
            complain(error, 'Not added.')
        }
    }
    return (
        <Popover
            open={open}
            onOpenChange={setOpen}
            label="Add a person"
            trigger={
                <button type="button" className={buttonClass('dashed')}>
                    <Plus className="size-3.5" aria-hidden /> Person
                </button>
            }
        >
            <PickList
                label="Search persons"
                search={search}
                onSearch={setSearch}
                items={known.map((person) => ({ key: person.uuid, label: personName(person.properties, shortId(person.distinct_ids[0] ?? person.uuid), project.person_display_name_properties), hint: shortId(person.distinct_ids[0] ?? '') }))}
                loading={persons.isFetching && !persons.data}
                onPick={(item) => void add(item.key, item.label)}
                empty="Nobody matches."
            />
        </Popover>
    )
}
