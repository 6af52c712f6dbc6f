import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Plus, Trash2 } from 'lucide-react'
import { useState } from 'react'
import { request } from '@/api/client'
import { host } from '@/api/project'
import { apiKeys } from '@/api/queries'
import type { PersonalApiKey } from '@/api/types'
import { formatAgo } from '@/lib/time'
import { Button, IconButton } from '@/ui/button'
import { Segmented } from '@/ui/choice'
import { Code } from '@/ui/copy'
import { Field, Input } from '@/ui/field'
import { Confirm, Dialog } from '@/ui/floating'
import { Empty, Failed, SkeletonRows, useNow } from '@/ui/states'
import { complain, say } from '@/ui/toast'
import { Block } from './parts'
import { describeScopes, scopeObjects, toScopes, type Grant } from './scopes'

export function ApiKeys() {
    const client = useQueryClient()
    const now = useNow(30_000)
    const keys = useQuery(apiKeys)
    const [creating, setCreating] = useState(false)
    const [fresh, setFresh] = useState<PersonalApiKey | null>(null)
    const remove = async (key: PersonalApiKey) => {
        try {
            await request('DELETE', `/api/personal_api_keys/${key.id}/`)
            say(`“${key.label}” is deleted.`)
            await client.invalidateQueries({ queryKey: ['api-keys'] })
        } catch (error) {
            complain(error, 'The key was not deleted.')
            throw error
        }
    }
    return (
        <Block title="Personal API keys" about="For scripts and tools that read data or change settings in your name. Never put one into a page or an app.">
            {keys.isPending ? (
                <SkeletonRows rows={2} columns={3} />
            ) : keys.isError ? (
                <Failed className="!px-0" what="The keys could not be read" error={keys.error} onRetry={() => void keys.refetch()} />
            ) : keys.data.length === 0 ? (
                <Empty className="!mx-0 !px-0 !py-3" title="No keys yet">
                    With a key, anything on these pages can be done from a terminal:
                    <Code className="mt-2" label="Example of a request" text={`curl -H 'Authorization: Bearer phx_…' \\\n  ${host()}/api/projects/@current/persons/`} />
                </Empty>
            ) : (
                <ul className="mb-1">
                    {keys.data.map((key) => (
                        <li key={key.id} className="flex items-center gap-3 border-b border-line py-2">
                            <div className="min-w-0 flex-1">
                                <div className="truncate font-[550]" dir="auto">
                                    {key.label}
                                </div>
                                <div className="truncate text-sm text-ink-3">
                                    <span className="font-mono text-[12px]">{key.mask_value ?? 'phx_…'}</span> · {describeScopes(key.scopes)}
                                </div>
                            </div>
                            <span className="shrink-0 text-sm text-ink-3">{key.last_used_at ? `used ${formatAgo(key.last_used_at, now)}` : 'never used'}</span>
                            <Confirm
                                trigger={
                                    <IconButton label={`Delete ${key.label}`}>
                                        <Trash2 aria-hidden />
                                    </IconButton>
                                }
                                title={`Delete ${key.label}?`}
                                consequence="Whatever uses this key is refused from this moment on."
                                action="Delete key"
                                onConfirm={() => remove(key)}
                            />
                        </li>
                    ))}
                </ul>
            )}
            <Button kind="primary" className="mt-3" onClick={() => setCreating(true)}>
                <Plus className="size-3.5" aria-hidden /> Create key
            </Button>
            {creating ? (
                <CreateKey
                    onClose={() => setCreating(false)}
                    onCreated={(key) => {
                        setCreating(false)
                        setFresh(key)
                    }}
                />
            ) : null}
            <Dialog open={fresh !== null} onOpenChange={(open) => !open && setFresh(null)} title="Copy the key now" footer={<Button onClick={() => setFresh(null)}>I have copied it</Button>}>
                <div className="flex flex-col gap-3 p-4">
                    <p className="text-ink-2">Only a hash of it is stored, so it cannot be shown again.</p>
                    <Code label="Personal API key" text={fresh?.value ?? ''} />
                </div>
            </Dialog>
        </Block>
    )
}

function CreateKey({ onClose, onCreated }: { onClose: () => void; onCreated: (key: PersonalApiKey) => void }) {
    const client = useQueryClient()
    const [label, setLabel] = useState('')
    const [all, setAll] = useState<'all' | 'some'>('some')
    const [grants, setGrants] = useState<Record<string, Grant>>({ query: 'read' })
    const scopes = all === 'all' ? ['*'] : toScopes(grants)
    const create = useMutation({
        mutationFn: () => request<PersonalApiKey>('POST', '/api/personal_api_keys/', { label: label.trim(), scopes, scoped_teams: null, scoped_organizations: null }),
        onSuccess: (key) => {
            void client.invalidateQueries({ queryKey: ['api-keys'] })
            onCreated(key)
        },
        onError: (error) => complain(error, 'The key was not created.'),
    })
    return (
        <Dialog
            open
            onOpenChange={(open) => !open && onClose()}
            title="Create a personal API key"
            footer={
                <>
                    <Button onClick={onClose}>Cancel</Button>
                    <Button kind="primary" busy={create.isPending} disabled={label.trim() === '' || scopes.length === 0} onClick={() => create.mutate()}>
                        Create key
                    </Button>
                </>
            }
        >
            <div className="flex flex-col gap-4 p-4">
                <Field label="What is it for?">{(control) => <Input {...control} autoFocus maxLength={40} placeholder="Nightly export" value={label} onChange={(event) => setLabel(event.target.value)} />}</Field>
                <div className="flex flex-col gap-1">
                    <span className="text-sm font-[550] text-ink-2">What may it do?</span>
                    <Segmented
                        label="What may it do?"
                        className="self-start"
                        value={all}
                        onChange={setAll}
                        options={[
                            { value: 'some', label: 'Only this' },
                            { value: 'all', label: 'Everything I may do' },
                        ]}
                    />
                </div>
                {all === 'some' ? (
                    <div className="max-h-[300px] overflow-auto rounded-md border border-line">
                        {scopeObjects.map((object) => (
                            <div key={object.id} className="row-line flex h-[38px] items-center justify-between gap-3 px-3 last:border-0">
                                <span className="truncate">
                                    {object.label} {object.hint ? <span className="text-sm text-ink-3">{object.hint}</span> : null}
                                </span>
                                <Segmented
                                    label={object.label}
                                    className="!h-[25px] text-sm"
                                    value={grants[object.id] ?? 'none'}
                                    onChange={(grant) => setGrants({ ...grants, [object.id]: grant })}
                                    options={[
                                        { value: 'none', label: 'No' },
                                        { value: 'read', label: 'Read' },
                                        { value: 'write', label: 'Write' },
                                    ]}
                                />
                            </div>
                        ))}
                    </div>
                ) : null}
            </div>
        </Dialog>
    )
}
