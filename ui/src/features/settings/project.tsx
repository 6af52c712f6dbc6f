import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { Plus, X } from 'lucide-react'
import { request } from '@/api/client'
import { host, useProject } from '@/api/project'
import { preflight } from '@/api/queries'
import { htmlSnippet } from '@/features/onboarding/public'
import { Button, IconButton } from '@/ui/button'
import { Segmented } from '@/ui/choice'
import { Code, CopyLine } from '@/ui/copy'
import { Field, Input } from '@/ui/field'
import { Confirm } from '@/ui/floating'
import { complain, say } from '@/ui/toast'
import { Block, useMayAdminister, useSaveProject } from './parts'

export function ProjectSettings() {
    const project = useProject()
    const save = useSaveProject()
    const admin = useMayAdminister()
    const [name, setName] = useState(project.name)
    return (
        <>
            <Block title="Name">
                <form
                    className="flex items-end gap-2"
                    onSubmit={(event) => {
                        event.preventDefault()
                        save.mutate({ part: { name: name.trim() }, said: 'The project is renamed.' })
                    }}
                >
                    <Field label="Name of the project" className="flex-1">
                        {(control) => <Input {...control} required maxLength={200} value={name} disabled={!admin} onChange={(event) => setName(event.target.value)} />}
                    </Field>
                    <Button type="submit" disabled={!admin || name.trim() === '' || name === project.name} busy={save.isPending}>
                        Rename
                    </Button>
                </form>
            </Block>
            <Block title="Sending events" about="The key is public: it can only send, never read. It belongs into pages and apps.">
                <dl className="grid grid-cols-[auto_minmax(0,1fr)] gap-x-6 gap-y-1.5">
                    <dt className="text-ink-2">Host</dt>
                    <dd className="min-w-0">
                        <CopyLine text={host()} label="host" />
                    </dd>
                    <dt className="text-ink-2">Project API key</dt>
                    <dd className="min-w-0">
                        <CopyLine text={project.api_token} label="project API key" />
                    </dd>
                    <dt className="text-ink-2">Project ID</dt>
                    <dd className="min-w-0">
                        <CopyLine text={String(project.id)} label="project ID" />
                    </dd>
                </dl>
                <details className="mt-3">
                    <summary className="text-sm text-ink-2 hover:text-ink">Snippet for web pages</summary>
                    <Code className="mt-2" label="Snippet for web pages" text={htmlSnippet(host(), project.api_token)} />
                </details>
            </Block>
            <DaysAndWeeks />
            <AllowedUrls />
            <DangerZone />
        </>
    )
}

function DaysAndWeeks() {
    const project = useProject()
    const save = useSaveProject()
    const server = useQuery(preflight)
    const admin = useMayAdminister()
    const zones = server.data?.available_timezones ? Object.keys(server.data.available_timezones) : Intl.supportedValuesOf('timeZone')
    const known = zones.includes(project.timezone) ? zones : [project.timezone, ...zones]
    return (
        <Block title="Days and weeks" about="Every day in a chart starts at midnight of this time zone, whoever looks.">
            <div className="flex flex-wrap items-end gap-4">
                <Field label="Time zone" className="min-w-[240px] flex-1">
                    {(control) => (
                        <select {...control} className="field" disabled={!admin} value={project.timezone} onChange={(event) => save.mutate({ part: { timezone: event.target.value }, said: `Days are days in ${event.target.value} now.` })}>
                            {known.map((zone) => (
                                <option key={zone}>{zone}</option>
                            ))}
                        </select>
                    )}
                </Field>
                <div className="flex flex-col gap-1">
                    <span className="text-sm font-[550] text-ink-2">A week starts on</span>
                    <Segmented
                        label="A week starts on"
                        value={String(project.week_start_day ?? 0)}
                        onChange={(day) => save.mutate({ part: { week_start_day: Number(day) as 0 | 1 }, said: `Weeks start on ${day === '1' ? 'Monday' : 'Sunday'} now.` })}
                        options={[
                            { value: '0', label: 'Sunday', disabled: !admin },
                            { value: '1', label: 'Monday', disabled: !admin },
                        ]}
                    />
                </div>
            </div>
        </Block>
    )
}

function AllowedUrls() {
    const project = useProject()
    const save = useSaveProject()
    const admin = useMayAdminister()
    const [adding, setAdding] = useState('')
    const urls = project.app_urls.filter(Boolean)
    return (
        <Block title="Your sites" about="Where the toolbar may be opened and which pages are yours. * stands for any part: https://*.example.com">
            <ul className="mb-2">
                {urls.map((url) => (
                    <li key={url} className="flex h-8 items-center justify-between gap-3 border-b border-line">
                        <span className="truncate font-mono text-[12px]">{url}</span>
                        <IconButton label={`Remove ${url}`} size="small" className="!w-[25px]" disabled={!admin} onClick={() => save.mutate({ part: { app_urls: urls.filter((other) => other !== url) }, said: `${url} is removed.` })}>
                            <X aria-hidden />
                        </IconButton>
                    </li>
                ))}
            </ul>
            <form
                className="flex gap-2"
                onSubmit={(event) => {
                    event.preventDefault()
                    const url = adding.trim()
                    if (url === '') return
                    save.mutate({ part: { app_urls: [...urls, url] }, said: `${url} is added.` }, { onSuccess: () => setAdding('') })
                }}
            >
                <Input aria-label="Address of a site" type="text" pattern="https?://.+" title="An address that starts with http:// or https://" placeholder="https://example.com" value={adding} disabled={!admin} onChange={(event) => setAdding(event.target.value)} />
                <Button type="submit" disabled={!admin || adding.trim() === ''}>
                    <Plus className="size-3.5" aria-hidden /> Add
                </Button>
            </form>
        </Block>
    )
}

function DangerZone() {
    const project = useProject()
    const client = useQueryClient()
    const admin = useMayAdminister()
    const reset = useMutation({
        mutationFn: () => request('PATCH', `/api/projects/${project.id}/reset_token/`, {}),
        onSuccess: async () => {
            say('A new project API key is in force.')
            await client.invalidateQueries({ queryKey: ['project', project.id] })
        },
        onError: (error) => complain(error, 'The key was not replaced.'),
    })
    const remove = async () => {
        try {
            await request('DELETE', `/api/projects/${project.id}/`)
            window.location.assign('/')
        } catch (error) {
            complain(error, 'The project was not deleted.')
            throw error
        }
    }
    return (
        <Block danger title="Handle with care" about={admin ? undefined : 'Only admins of the organization can do this.'}>
            <div className="flex flex-wrap gap-2">
                <Confirm
                    trigger={
                        <Button kind="danger" disabled={!admin}>
                            Replace the project API key
                        </Button>
                    }
                    title="Replace the project API key?"
                    consequence="Every page and app that uses the old key is refused from this moment on, until it is changed to the new one."
                    action="Replace key"
                    onConfirm={() => reset.mutateAsync()}
                />
                <Confirm
                    trigger={
                        <Button kind="danger" disabled={!admin}>
                            Delete this project
                        </Button>
                    }
                    title={`Delete ${project.name}?`}
                    consequence="All its events, persons and insights are deleted for good. This cannot be undone."
                    action="Delete project"
                    onConfirm={remove}
                />
            </div>
        </Block>
    )
}
