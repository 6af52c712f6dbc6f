import { useQuery, useQueryClient } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import { ChevronDown, Trash2 } from 'lucide-react'
import { useState } from 'react'
import { ApiError, explain, request } from '@/api/client'
import { earlyAccessFeature, flag as flagQuery } from '@/api/flag-queries'
import type { EarlyAccessFeature, EarlyAccessStage } from '@/api/flag-types'
import { host, useProject } from '@/api/project'
import { FlagList } from '@/features/filters/public'
import { Button, buttonClass, IconButton } from '@/ui/button'
import { Select } from '@/ui/choice'
import { Code } from '@/ui/copy'
import { Field, Input } from '@/ui/field'
import { Confirm, Popover } from '@/ui/floating'
import { JsonInput } from '@/ui/json-input'
import { useKeptDraft } from '@/ui/kept-draft'
import { Page } from '@/ui/page'
import { Panel } from '@/ui/panel'
import { Empty, Failed, Skeleton } from '@/ui/states'
import { complain, say } from '@/ui/toast'
import { Choices } from './choices'
import { choiceCounts, offerCode, stageOf, stages } from './stages'

const route = getRouteApi('/project/$projectId/early_access_features/$featureId')

type FeatureDraft = { name: string; description: string; stage: EarlyAccessStage; documentation: string; payload: string }

const emptyDraft: FeatureDraft = { name: '', description: '', stage: 'draft', documentation: '', payload: '' }

const draftOf = (feature: EarlyAccessFeature): FeatureDraft => ({
    name: feature.name,
    description: feature.description,
    stage: feature.stage,
    documentation: feature.documentation_url,
    payload: JSON.stringify(feature.payload ?? {}) === '{}' ? '' : JSON.stringify(feature.payload, null, 2),
})

const bodyOf = (draft: FeatureDraft) => ({ name: draft.name.trim(), description: draft.description, stage: draft.stage, documentation_url: draft.documentation.trim(), payload: draft.payload.trim() === '' ? {} : (JSON.parse(draft.payload) as unknown) })

function problemsOf(draft: FeatureDraft) {
    const link = draft.documentation.trim()
    return {
        name: draft.name.trim() === '' ? 'A feature needs a name.' : null,
        documentation: link === '' || /^https?:\/\/\S+$/.test(link) ? null : 'A link begins with https:// or http://.',
        payload: payloadProblem(draft.payload),
    }
}

function payloadProblem(text: string): string | null {
    if (text.trim() === '') return null
    try {
        const value: unknown = JSON.parse(text)
        return typeof value === 'object' && value !== null && !Array.isArray(value) ? null : 'This must be a JSON object, such as {"video": "…"}.'
    } catch {
        return 'This is not JSON.'
    }
}

function Crumb() {
    const project = useProject()
    return (
        <Link to="/project/$projectId/early_access_features" params={{ projectId: String(project.id) }}>
            Early access
        </Link>
    )
}

export function EarlyAccessFeaturePage() {
    const { featureId } = route.useParams()
    return featureId === 'new' ? <NewFeature /> : <StoredFeature id={featureId} />
}

function StoredFeature({ id }: { id: string }) {
    const project = useProject()
    const found = useQuery(earlyAccessFeature(project.id, id))
    if (found.error instanceof ApiError && found.error.status === 404) {
        return (
            <Page title="Feature" crumbs={<Crumb />}>
                <Empty title="There is no such feature">It may have been deleted.</Empty>
            </Page>
        )
    }
    if (found.isError) {
        return (
            <Page title="Feature" crumbs={<Crumb />}>
                <Failed what="This feature could not be read" error={found.error} onRetry={() => void found.refetch()} />
            </Page>
        )
    }
    if (!found.data) {
        return (
            <Page title="Feature" crumbs={<Crumb />}>
                <div className="grid gap-[18px] lg:grid-cols-2">
                    <Skeleton className="h-[380px] !rounded-lg" />
                    <Skeleton className="h-[300px] !rounded-lg" />
                </div>
            </Page>
        )
    }
    return <KnownFeature key={id} feature={found.data} />
}

function KnownFeature({ feature }: { feature: EarlyAccessFeature }) {
    const project = useProject()
    const client = useQueryClient()
    const navigate = route.useNavigate()
    const original = draftOf(feature)
    const kept = useKeptDraft(`${project.id}-early-access-${feature.id}`, original, '')
    const changed = JSON.stringify(kept.draft) !== JSON.stringify(original)
    const problems = problemsOf(kept.draft)
    const wrong = Object.values(problems).some((problem) => problem !== null)
    const [saving, setSaving] = useState(false)
    const path = `/api/projects/${project.id}/early_access_feature/${feature.id}/`
    const refresh = () => Promise.all([['early-access', project.id], ['early-access-feature', project.id, feature.id], ['flag', project.id], ['flags', project.id]].map((queryKey) => client.invalidateQueries({ queryKey })))
    const save = async () => {
        setSaving(true)
        try {
            await request('PATCH', path, bodyOf(kept.draft))
            kept.drop()
            say('Saved.', () => void request('PATCH', path, bodyOf(original)).then(refresh))
            await refresh()
        } catch (error) {
            complain(error, 'Not saved.')
        } finally {
            setSaving(false)
        }
    }
    const remove = async () => {
        try {
            await request('DELETE', path)
            say(`“${feature.name}” is deleted.`)
            await navigate({ to: '/project/$projectId/early_access_features', params: { projectId: String(project.id) }, search: {} })
            await refresh()
        } catch (error) {
            complain(error, 'Not deleted.')
            throw error
        }
    }
    return (
        <Page
            title={feature.name}
            crumbs={<Crumb />}
            note={changed ? 'changed, not saved' : undefined}
            actions={
                <>
                    <Confirm
                        trigger={
                            <IconButton kind="plain" label="Delete feature">
                                <Trash2 aria-hidden />
                            </IconButton>
                        }
                        title={`Delete ${feature.name}?`}
                        consequence="It is no longer offered, and what people chose no longer counts: the flag’s own conditions decide again. The flag stays."
                        action="Delete feature"
                        onConfirm={remove}
                    />
                    <Button kind="primary" busy={saving} disabled={!changed || wrong} title={changed ? undefined : 'Nothing has changed'} onClick={() => void save()}>
                        Save
                    </Button>
                </>
            }
        >
            <div className="grid items-start gap-[18px] lg:grid-cols-2">
                <Panel label="What it is" className="p-4">
                    <Fields draft={kept.draft} onChange={kept.change} problems={problems} />
                    {feature.feature_flag ? (
                        <p className="mt-4 text-sm text-ink-2">
                            Its flag is{' '}
                            <Link to="/project/$projectId/feature_flags/$flagId" params={{ projectId: String(project.id), flagId: String(feature.feature_flag.id) }} className="font-mono text-[12px] text-ink underline decoration-line-strong underline-offset-2 hover:decoration-ink">
                                {feature.feature_flag.key}
                            </Link>
                            {feature.feature_flag.active ? '.' : ', which is disabled: nobody gets the feature.'}
                        </p>
                    ) : null}
                </Panel>
                <div className="flex min-w-0 flex-col gap-4">
                    {feature.feature_flag ? <Choices flagKey={feature.feature_flag.key} stage={feature.stage} /> : null}
                    <Panel title="On your page" label="On your page" className="pb-4">
                        <div className="px-4 pt-1">
                            <Code label="Code that offers the feature" text={offerCode(host(), project.api_token, feature.feature_flag?.key ?? '')} />
                        </div>
                    </Panel>
                </div>
            </div>
        </Page>
    )
}

function Fields({ draft, onChange, problems, fresh = false }: { draft: FeatureDraft; onChange: (draft: FeatureDraft) => void; problems: { name: string | null; documentation: string | null; payload: string | null }; fresh?: boolean }) {
    return (
        <div className="flex flex-col gap-4">
            <Field label="Name" error={problems.name}>
                {(control) => <Input {...control} autoFocus={fresh} maxLength={200} dir="auto" placeholder="Night mode" value={draft.name} onChange={(event) => onChange({ ...draft, name: event.target.value })} />}
            </Field>
            <Field label="Description" hint="People read this where they choose.">
                {(control) => <textarea {...control} rows={3} dir="auto" maxLength={10_000} className="field !h-auto resize-y py-1.5" value={draft.description} onChange={(event) => onChange({ ...draft, description: event.target.value })} />}
            </Field>
            <Field label="Stage" hint={stageOf(draft.stage).means}>
                {(control) => <Select id={control.id} label="Stage" className="w-[190px]" value={draft.stage} options={stages.map(({ value, label }) => ({ value, label }))} onChange={(stage) => onChange({ ...draft, stage })} />}
            </Field>
            <Field label="Link to read more" error={problems.documentation}>
                {(control) => <Input {...control} type="url" placeholder="https://example.com/night-mode" value={draft.documentation} onChange={(event) => onChange({ ...draft, documentation: event.target.value })} />}
            </Field>
            <JsonInput label="For your page, as a JSON object (optional)" rows={2} example={'{"preview": "night.png"}'} value={draft.payload} problem={problems.payload} onChange={(payload) => onChange({ ...draft, payload })} />
        </div>
    )
}

function NewFeature() {
    const project = useProject()
    const client = useQueryClient()
    const search = route.useSearch()
    const navigate = route.useNavigate()
    const kept = useKeptDraft(`${project.id}-early-access-new`, emptyDraft, '')
    const [tried, setTried] = useState(false)
    const [saving, setSaving] = useState(false)
    const [refused, setRefused] = useState<string | null>(null)
    const problems = problemsOf(kept.draft)
    const save = async () => {
        setTried(true)
        setRefused(null)
        if (Object.values(problems).some((problem) => problem !== null)) return
        setSaving(true)
        try {
            const saved = await request<EarlyAccessFeature>('POST', `/api/projects/${project.id}/early_access_feature/`, { ...bodyOf(kept.draft), ...(search.flag ? { feature_flag_id: search.flag } : {}) })
            kept.drop()
            say(`“${saved.name}” is saved.`)
            await Promise.all([['early-access', project.id], ['flags', project.id], ['flag', project.id]].map((queryKey) => client.invalidateQueries({ queryKey })))
            await navigate({ to: '/project/$projectId/early_access_features/$featureId', params: { projectId: String(project.id), featureId: saved.id }, search: {}, replace: true })
        } catch (error) {
            if (error instanceof ApiError && (error.attr === 'name' || error.attr === 'feature_flag_id')) setRefused(explain(error))
            else complain(error, 'Not saved.')
            setSaving(false)
        }
    }
    return (
        <Page
            title="New early access feature"
            crumbs={<Crumb />}
            note="not saved yet"
            actions={
                <Button kind="primary" busy={saving} onClick={() => void save()}>
                    Save feature
                </Button>
            }
        >
            <Panel label="What it is" className="max-w-[680px] p-4">
                <Fields draft={kept.draft} onChange={kept.change} problems={tried ? problems : { ...problems, name: null }} fresh />
                <div className="mt-4 flex flex-col gap-1">
                    <span className="text-sm font-[550] text-ink-2">Flag</span>
                    <FlagChoice id={search.flag} onPick={(flag) => void navigate({ search: { flag }, replace: true })} />
                    <p className="text-sm text-ink-3">{search.flag ? 'Its conditions stay; who chooses for themselves gets what they chose.' : 'A flag named after the feature is made; nobody gets it before they choose to.'}</p>
                    {refused ? (
                        <p role="alert" className="text-sm text-bad">
                            {refused}
                        </p>
                    ) : null}
                </div>
                <p className="mt-4 text-sm text-ink-3">{choiceCounts(kept.draft.stage) ? 'As soon as it is saved, who opts in gets it.' : 'In this stage nobody gets it by opting in.'}</p>
            </Panel>
        </Page>
    )
}

function FlagChoice({ id, onPick }: { id: number | undefined; onPick: (id: number | undefined) => void }) {
    const project = useProject()
    const [open, setOpen] = useState(false)
    const chosen = useQuery({ ...flagQuery(project.id, id ?? 0), enabled: id !== undefined })
    return (
        <div className="flex items-center gap-2">
            <Popover
                open={open}
                onOpenChange={setOpen}
                label="Choose a flag"
                trigger={
                    <button type="button" className={`${buttonClass()} max-w-full`}>
                        <span className="truncate">{id === undefined ? 'A new one' : (chosen.data?.key ?? `no. ${id}`)}</span>
                        <ChevronDown className="size-3.5 text-ink-3" aria-hidden />
                    </button>
                }
            >
                <FlagList
                    onPick={(flag) => {
                        onPick(flag)
                        setOpen(false)
                    }}
                />
            </Popover>
            {id === undefined ? null : (
                <Button kind="quiet" onClick={() => onPick(undefined)}>
                    Make a new one
                </Button>
            )}
        </div>
    )
}
