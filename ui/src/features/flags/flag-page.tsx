import { useQuery, useQueryClient } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import { useState, type ReactNode } from 'react'
import { ApiError, explain, request } from '@/api/client'
import { flag as flagQuery } from '@/api/flag-queries'
import type { FeatureFlag } from '@/api/flag-types'
import { useProject } from '@/api/project'
import { Button } from '@/ui/button'
import { useKeptDraft, type KeptDraft } from '@/ui/kept-draft'
import { Page } from '@/ui/page'
import { Empty, Failed, Skeleton } from '@/ui/states'
import { TabBar } from '@/ui/tab-links'
import { complain, say } from '@/ui/toast'
import { FlagCode } from './code'
import { bodyOf, draftOf, emptyDraft, hasProblems, problemsOf, sameDraft, type FlagDraft } from './draft'
import { FlagEditor } from './editor'
import { Explain } from './explain'
import type { Who } from './explain-who'
import { FlagFacts } from './facts'
import { FlagHistory } from './history'
import { FlagMenu } from './menu'
import { refreshFlag } from './refresh'
import { Schedule } from './schedule'
import type { FlagTab } from './search'
import { Usage } from './usage'

const route = getRouteApi('/project/$projectId/feature_flags/$flagId')

function Crumb() {
    const project = useProject()
    return (
        <Link to="/project/$projectId/feature_flags" params={{ projectId: String(project.id) }}>
            Flags
        </Link>
    )
}

export function FlagPage() {
    const { flagId } = route.useParams()
    return flagId === 'new' ? <NewFlag /> : <StoredFlag id={Number(flagId)} />
}

function StoredFlag({ id }: { id: number }) {
    const project = useProject()
    const found = useQuery({ ...flagQuery(project.id, id), enabled: Number.isInteger(id) })
    const missing = !Number.isInteger(id) || (found.error instanceof ApiError && found.error.status === 404)
    if (missing || found.data?.deleted) {
        return (
            <Page title="Flag" crumbs={<Crumb />}>
                <Empty title="There is no such flag">It may have been deleted.</Empty>
            </Page>
        )
    }
    if (found.isError) {
        return (
            <Page title="Flag" crumbs={<Crumb />}>
                <Failed what="This flag could not be read" error={found.error} onRetry={() => void found.refetch()} />
            </Page>
        )
    }
    if (!found.data) {
        return (
            <Page title="Flag" crumbs={<Crumb />}>
                <Skeleton className="mb-4 h-9 !rounded-lg" />
                <div className="grid gap-[18px] md:grid-cols-[minmax(0,1fr)_280px]">
                    <Skeleton className="h-[460px] !rounded-lg" />
                    <Skeleton className="h-[260px] !rounded-lg" />
                </div>
            </Page>
        )
    }
    return <KnownFlag key={found.data.id} flag={found.data} />
}

/** Whether the flag is on is not part of the edit: it is switched at once. */
const fingerprint = (draft: FlagDraft): string => JSON.stringify(bodyOf({ ...draft, active: true }))

function KnownFlag({ flag }: { flag: FeatureFlag }) {
    const project = useProject()
    const client = useQueryClient()
    const search = route.useSearch()
    const navigate = route.useNavigate()
    const original = draftOf(flag)
    const kept = useKeptDraft(`${project.id}-flag-${flag.id}`, original, fingerprint(original))
    const draft = { ...kept.draft, active: flag.active }
    const changed = !sameDraft(draft, original)
    const problems = problemsOf(draft)
    const [saving, setSaving] = useState(false)
    const [refused, setRefused] = useState<ApiError | null>(null)
    const tab: FlagTab = search.tab ?? 'targeting'
    const go = (next: FlagTab) => void navigate({ search: (old) => ({ ...old, tab: next === 'targeting' ? undefined : next }) })
    const save = async () => {
        setSaving(true)
        setRefused(null)
        const { active: _, ...body } = bodyOf(draft)
        const path = `/api/projects/${project.id}/feature_flags/${flag.id}/`
        try {
            const saved = await request<FeatureFlag>('PATCH', path, { ...body, version: flag.version })
            kept.drop()
            client.setQueryData(flagQuery(project.id, flag.id).queryKey, saved)
            say('Saved.', () => void request('POST', `${path}revert/`, { version: flag.version }).then(() => refreshFlag(client, project.id, flag.id), (error: unknown) => complain(error, 'It could not be undone.')))
            await refreshFlag(client, project.id, flag.id)
        } catch (error) {
            if (error instanceof ApiError && error.status === 409) await client.invalidateQueries({ queryKey: ['flag', project.id, flag.id] })
            else if (error instanceof ApiError && error.attr === 'key') setRefused(error)
            else complain(error, 'Not saved.')
        } finally {
            setSaving(false)
        }
    }
    const who: Who = { as: search.as, props: search.props ?? {}, groups: search.groups ?? {} }
    const onWho = (next: Who) =>
        void navigate({ search: (old) => ({ ...old, as: next.as, props: Object.keys(next.props).length > 0 ? next.props : undefined, groups: Object.keys(next.groups).length > 0 ? next.groups : undefined }), replace: true })
    const views: Record<FlagTab, () => ReactNode> = {
        targeting: () => (
            <div className="grid items-start gap-[18px] md:grid-cols-[minmax(0,1fr)_264px] lg:grid-cols-[minmax(0,1fr)_300px]">
                <div className="md:order-2">
                    <FlagFacts flag={flag} />
                </div>
                <FlagEditor draft={draft} problems={problems} onChange={kept.change} flagId={flag.id} keyError={draft.key === flag.key ? (refused?.detail ?? null) : (problems.key ?? refused?.detail ?? null)} />
            </div>
        ),
        explain: () => <Explain draft={draft} changed={changed} flagId={flag.id} who={who} onWho={onWho} />,
        usage: () => <Usage flag={flag} range={search.range ?? '-30d'} math={search.math ?? 'total'} onChange={(next) => void navigate({ search: (old) => ({ ...old, ...next }), replace: true })} />,
        schedule: () => <Schedule key={flag.version} flag={flag} />,
        history: () => <FlagHistory flag={flag} onReverted={kept.drop} />,
        code: () => <FlagCode flag={flag} sdk={search.sdk} onSdk={(sdk) => void navigate({ search: (old) => ({ ...old, sdk }), replace: true })} />,
    }
    return (
        <Page
            title={flag.key}
            crumbs={<Crumb />}
            note={changed ? 'changed, not saved' : undefined}
            actions={
                <>
                    <FlagMenu flag={flag} changed={changed} onDrop={kept.drop} />
                    <Button kind="primary" busy={saving} disabled={!changed || hasProblems(problems) || kept.overtaken} title={saveHint(changed, hasProblems(problems), kept.overtaken)} onClick={() => void save()}>
                        Save
                    </Button>
                </>
            }
        >
            {changed && kept.overtaken ? <Overtaken kept={kept} onHistory={() => go('history')} /> : null}
            <TabBar
                label="Views of this flag"
                value={tab}
                onChange={go}
                tabs={[
                    { value: 'targeting', label: 'Targeting' },
                    { value: 'explain', label: 'Explain' },
                    { value: 'usage', label: 'Usage' },
                    { value: 'schedule', label: 'Schedule' },
                    { value: 'history', label: 'History' },
                    { value: 'code', label: 'Code' },
                ]}
            />
            <div className="mt-4">{views[tab]()}</div>
        </Page>
    )
}

function saveHint(changed: boolean, wrong: boolean, overtaken: boolean): string | undefined {
    if (!changed) return 'Nothing has changed'
    if (overtaken) return 'The flag was changed in the meantime: choose above'
    return wrong ? 'Something still has to be put right: see below' : undefined
}

/** Somebody else saved while this was being edited; nothing of either is lost. */
function Overtaken({ kept, onHistory }: { kept: KeptDraft<FlagDraft>; onHistory: () => void }) {
    return (
        <div role="alert" className="mb-3 flex flex-wrap items-center gap-2 rounded-md bg-warn-soft px-3 py-2">
            <span className="mr-auto min-w-[220px] flex-1 text-warn-ink">This flag was saved by somebody else after you began to edit it.</span>
            <Button size="small" onClick={onHistory}>
                See what they changed
            </Button>
            <Button size="small" onClick={kept.drop}>
                Drop my changes
            </Button>
            <Button size="small" onClick={kept.rebase}>
                Keep mine
            </Button>
        </div>
    )
}

function NewFlag() {
    const project = useProject()
    const client = useQueryClient()
    const navigate = route.useNavigate()
    const kept = useKeptDraft(`${project.id}-flag-new`, emptyDraft, 'new')
    const { draft } = kept
    const [tried, setTried] = useState(false)
    const [saving, setSaving] = useState(false)
    const [refused, setRefused] = useState<{ key: string; detail: string } | null>(null)
    const problems = problemsOf(draft)
    const save = async () => {
        setTried(true)
        if (hasProblems(problems)) return
        setSaving(true)
        try {
            const saved = await request<FeatureFlag>('POST', `/api/projects/${project.id}/feature_flags/`, bodyOf(draft))
            kept.drop()
            say(`“${saved.key}” is saved.`)
            await client.invalidateQueries({ queryKey: ['flags', project.id] })
            await navigate({ to: '/project/$projectId/feature_flags/$flagId', params: { projectId: String(project.id), flagId: String(saved.id) }, search: {}, replace: true })
        } catch (error) {
            if (error instanceof ApiError && error.attr === 'key') setRefused({ key: draft.key, detail: explain(error) })
            else complain(error, 'Not saved.')
            setSaving(false)
        }
    }
    const keyError = refused?.key === draft.key ? refused.detail : tried || draft.key !== '' ? (problems.key ?? null) : null
    return (
        <Page
            title="New flag"
            crumbs={<Crumb />}
            note="not saved yet"
            actions={
                <>
                    {draft === emptyDraft ? null : <Button onClick={kept.drop}>Start over</Button>}
                    <Button kind="primary" busy={saving} onClick={() => void save()}>
                        Save flag
                    </Button>
                </>
            }
        >
            <div className="max-w-[860px]">
                <FlagEditor draft={draft} problems={problems} onChange={kept.change} keyError={keyError} />
            </div>
        </Page>
    )
}
