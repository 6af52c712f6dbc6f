import { useQueryClient } from '@tanstack/react-query'
import { Pencil, Plus, Trash2 } from 'lucide-react'
import { useState } from 'react'
import { request } from '@/api/client'
import { useProject } from '@/api/project'
import type { Json, Person } from '@/api/types'
import { asText, PropertyTable } from '@/features/events/public'
import { propertyLabel } from '@/lib/known-names'
import { Button } from '@/ui/button'
import { Field, Input } from '@/ui/field'
import { Dialog } from '@/ui/floating'
import { Panel } from '@/ui/panel'
import { complain, say } from '@/ui/toast'
import { parseValue } from '@/lib/parse-value'

type Editing = { key: string; value: string; isNew: boolean }

/** The properties of a person; each can be changed or removed by hand. */
export function PersonProperties({ person }: { person: Person }) {
    const project = useProject()
    const client = useQueryClient()
    const [editing, setEditing] = useState<Editing | null>(null)
    const base = `/api/projects/${project.id}/persons/${person.uuid ?? person.id}`
    const refresh = () => client.invalidateQueries({ queryKey: ['person', project.id] })

    const write = async (key: string, value: Json, undo?: () => void) => {
        try {
            await request('POST', `${base}/update_property/`, { key, value })
            say(`${propertyLabel(key)} is saved.`, undo)
            setEditing(null)
            await refresh()
        } catch (error) {
            complain(error, 'The property was not saved.')
        }
    }
    const remove = async (key: string, value: unknown) => {
        try {
            await request('POST', `${base}/delete_property/`, { $unset: key })
            say(`${propertyLabel(key)} is removed.`, () => void write(key, value as Json))
            await refresh()
        } catch (error) {
            complain(error, 'The property was not removed.')
        }
    }
    return (
        <>
            <div className="mb-3">
                <Button onClick={() => setEditing({ key: '', value: '', isNew: true })}>
                    <Plus className="size-3.5" aria-hidden /> Add property
                </Button>
            </div>
            <Panel label="Properties" className="overflow-hidden">
                <PropertyTable
                    properties={person.properties}
                    rowAction={(key, value) => (
                        <span className="flex opacity-0 group-hover:opacity-100 focus-within:opacity-100">
                            <button type="button" aria-label={`Edit ${propertyLabel(key)}`} title="Edit" className="rounded-sm p-1 text-ink-3 hover:text-ink" onClick={() => setEditing({ key, value: asText(value), isNew: false })}>
                                <Pencil className="size-3.5" aria-hidden />
                            </button>
                            <button type="button" aria-label={`Remove ${propertyLabel(key)}`} title="Remove" className="rounded-sm p-1 text-ink-3 hover:text-bad" onClick={() => void remove(key, value)}>
                                <Trash2 className="size-3.5" aria-hidden />
                            </button>
                        </span>
                    )}
                />
            </Panel>
            <Dialog open={editing !== null} onOpenChange={(open) => !open && setEditing(null)} title={editing?.isNew ? 'Add a property' : `Edit ${propertyLabel(editing?.key ?? '')}`}>
                {editing ? (
                    <form
                        className="flex flex-col gap-4 p-4"
                        onSubmit={(event) => {
                            event.preventDefault()
                            const key = editing.key.trim()
                            if (key !== '') void write(key, parseValue(editing.value))
                        }}
                    >
                        {editing.isNew ? (
                            <Field label="Name" hint="As your code sends it, for example plan.">
                                {(control) => <Input {...control} autoFocus required maxLength={400} value={editing.key} onChange={(event) => setEditing({ ...editing, key: event.target.value })} />}
                            </Field>
                        ) : null}
                        <Field label="Value" hint={`Saved as ${describe(parseValue(editing.value))}. Put text in quotes to keep a number as text.`}>
                            {(control) => <Input {...control} autoFocus={!editing.isNew} value={editing.value} onChange={(event) => setEditing({ ...editing, value: event.target.value })} />}
                        </Field>
                        <Button kind="primary" type="submit" className="self-end">
                            Save property
                        </Button>
                    </form>
                ) : null}
            </Dialog>
        </>
    )
}

function describe(value: Json): string {
    if (value === null) return 'null'
    if (Array.isArray(value)) return 'a list'
    return { string: 'text', number: 'a number', boolean: 'true or false', object: 'an object' }[typeof value as 'string' | 'number' | 'boolean' | 'object']
}
