import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState, type ReactNode } from 'react'
import { request } from '@/api/client'
import { useProject } from '@/api/project'
import type { PropertyType } from '@/api/types'
import { Button } from '@/ui/button'
import { Select, Switch } from '@/ui/choice'
import { Field } from '@/ui/field'
import { Dialog } from '@/ui/floating'
import { complain, say } from '@/ui/toast'

export type Definition = { id: string; name: string; description?: string | null; verified?: boolean; hidden?: boolean | null; property_type?: PropertyType | null }

const types: { value: PropertyType; label: string }[] = [
    { value: 'String', label: 'Text' },
    { value: 'Numeric', label: 'Number' },
    { value: 'Boolean', label: 'True or false' },
    { value: 'DateTime', label: 'Date and time' },
    { value: 'Duration', label: 'Duration' },
]

export const typeLabel = (type: PropertyType | null | undefined): string => types.find((known) => known.value === type)?.label ?? 'Not known yet'

/** What a team writes down about an event or a property. */
export function DefinitionSheet({ definition, kind, label, facts, onClose }: { definition: Definition; kind: 'event' | 'property'; label: string; facts?: ReactNode; onClose: () => void }) {
    const project = useProject()
    const client = useQueryClient()
    const [description, setDescription] = useState(definition.description ?? '')
    const [verified, setVerified] = useState(definition.verified ?? false)
    const [hidden, setHidden] = useState(definition.hidden ?? false)
    const [type, setType] = useState<PropertyType | null>(definition.property_type ?? null)
    const save = useMutation({
        mutationFn: () =>
            request('PATCH', `/api/projects/${project.id}/${kind}_definitions/${definition.id}/`, {
                description,
                verified,
                hidden,
                ...(kind === 'property' && type !== (definition.property_type ?? null) ? { property_type: type } : {}),
            }),
        onSuccess: async () => {
            say(`${label} is saved.`)
            onClose()
            await Promise.all([client.invalidateQueries({ queryKey: ['event-definitions', project.id] }), client.invalidateQueries({ queryKey: ['property-definitions', project.id] })])
        },
        onError: (error) => complain(error, 'Not saved.'),
    })
    return (
        <Dialog
            open
            onOpenChange={(open) => !open && onClose()}
            side="right"
            title={label}
            description={label === definition.name ? undefined : definition.name}
            footer={
                <>
                    <Button onClick={onClose}>Cancel</Button>
                    <Button kind="primary" busy={save.isPending} onClick={() => save.mutate()}>
                        Save definition
                    </Button>
                </>
            }
        >
            <div className="flex flex-col gap-5 p-4">
                {facts}
                <Field label="Description" hint="When it is sent, and what it means. Shown wherever it can be chosen.">
                    {(control) => <textarea {...control} autoFocus rows={4} maxLength={2000} className="field !h-auto resize-y py-2" value={description} onChange={(event) => setDescription(event.target.value)} />}
                </Field>
                {kind === 'property' ? (
                    <Field label="Type" hint="Decides how values compare: as text “10” is less than “9”, as numbers it is more.">
                        {(control) => <Select id={control.id} label="Type" value={type ?? undefined} placeholder="Not known yet" options={types} onChange={setType} />}
                    </Field>
                ) : null}
                <Toggle label="Verified" hint="The team agrees on what this means. Verified ones come first in lists." checked={verified} onChange={setVerified} />
                <Toggle label="Hidden" hint={`Left out of every list to choose from. The ${kind === 'event' ? 'events' : 'values'} are kept.`} checked={hidden} onChange={setHidden} />
            </div>
        </Dialog>
    )
}

function Toggle({ label, hint, checked, onChange }: { label: string; hint: string; checked: boolean; onChange: (on: boolean) => void }) {
    return (
        <label className="flex items-start justify-between gap-6">
            <span>
                <span className="block font-[550]">{label}</span>
                <span className="block text-sm text-ink-3">{hint}</span>
            </span>
            <span className="pt-0.5">
                <Switch label={label} checked={checked} onChange={onChange} />
            </span>
        </label>
    )
}
