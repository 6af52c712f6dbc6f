import { useQuery, useQueryClient } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import { Ellipsis, Link2, Star, Trash2 } from 'lucide-react'
import { useMemo, useState, type ReactNode } from 'react'
import { request } from '@/api/client'
import { useProject } from '@/api/project'
import { insight as insightQuery } from '@/api/queries'
import type { Insight, StoredQuery } from '@/api/types'
import { formatAgo } from '@/lib/time'
import { Button, IconButton } from '@/ui/button'
import { copyText } from '@/ui/copy'
import { Field, Input } from '@/ui/field'
import { Dialog, Menu, MenuItem, MenuLine } from '@/ui/floating'
import { Page } from '@/ui/page'
import { Empty, Failed, Skeleton } from '@/ui/states'
import { complain, say } from '@/ui/toast'
import { KeptContext } from './answer-frame'
import { Editor } from './editor'
import { beyondEditor, rewrapped, withKept } from './keep'
import { initialOf, problemOf, queryOf, searchOf, stateFrom, stateOf, storedOf, unwrap, type InsightSearch, type InsightState } from './kinds'
import { derivedName } from './names'
import type { Change } from './question-parts'
import { ReadOnlyInsight } from './read-only'

const newRoute = getRouteApi('/project/$projectId/insights/new')
const savedRoute = getRouteApi('/project/$projectId/insights/$shortId')

function Crumb() {
    const project = useProject()
    return (
        <Link to="/project/$projectId/insights" params={{ projectId: String(project.id) }}>
            Insights
        </Link>
    )
}

export function NewInsightPage() {
    const project = useProject()
    const search: InsightSearch = newRoute.useSearch()
    const navigate = newRoute.useNavigate()
    const client = useQueryClient()
    const leaveOut = Object.keys(search).every((key) => key === 'kind') && (project.test_account_filters_default_checked ?? false)
    const state = useMemo(() => (leaveOut ? { ...stateOf(search), testAccounts: true } : stateOf(search)), [search, leaveOut])
    const change: Change<InsightState> = (next, options) => void navigate({ search: searchOf(next), replace: options?.replace })
    const save = async (name: string) => {
        const saved = await request<Insight>('POST', `/api/projects/${project.id}/insights/`, { name, query: storedOf(state), saved: true })
        await client.invalidateQueries({ queryKey: ['insights', project.id] })
        say(`“${name}” is saved.`)
        await navigate({ to: '/project/$projectId/insights/$shortId', params: { projectId: String(project.id), shortId: saved.short_id }, search: {} })
    }
    return (
        <Page title="New insight" crumbs={<Crumb />} note={derivedName(state)} actions={<SaveAs state={state} onSave={save} label="Save" />}>
            <Editor state={state} onChange={change} />
        </Page>
    )
}

export function SavedInsightPage() {
    const project = useProject()
    const { shortId } = savedRoute.useParams()
    const found = useQuery(insightQuery(project.id, shortId))
    if (found.isError) {
        return (
            <Page title="Insight" crumbs={<Crumb />}>
                <Failed what="This insight could not be opened" error={found.error} onRetry={() => void found.refetch()} />
            </Page>
        )
    }
    if (found.isPending) {
        return (
            <Page title="Insight" crumbs={<Crumb />}>
                <div className="grid gap-[18px] md:grid-cols-[300px_minmax(0,1fr)]">
                    <Skeleton className="h-[320px] !rounded-lg" />
                    <Skeleton className="h-[420px] !rounded-lg" />
                </div>
            </Page>
        )
    }
    if (!found.data) {
        return (
            <Page title="Insight" crumbs={<Crumb />}>
                <Empty title="There is no such insight">It may have been deleted.</Empty>
            </Page>
        )
    }
    const original = stateFrom(found.data.query)
    if (!original) {
        return (
            <Page title={found.data.name ?? 'Insight'} crumbs={<Crumb />} note="made by another client">
                <ReadOnlyInsight stored={found.data.query} />
            </Page>
        )
    }
    return <KnownInsight key={found.data.short_id} insight={found.data} />
}

/** What is stored, ready to be edited: the editor's state, and what has to be kept beside it. */
function useStored(query: StoredQuery | null) {
    return useMemo(() => {
        const original = stateFrom(query) ?? initialOf('trends')
        const found = unwrap(query)
        const kept = found ? beyondEditor(found.source, queryOf(original)) : {}
        const store = (state: InsightState): StoredQuery => {
            const next = storedOf(state)
            if (state.kind !== original.kind || !next.source) return next
            return rewrapped(found?.wrapper ?? null, { ...next, source: withKept(next.source, kept) })
        }
        return { original, kept, store }
    }, [query])
}

function KnownInsight({ insight }: { insight: Insight }) {
    const project = useProject()
    const search: InsightSearch = savedRoute.useSearch()
    const navigate = savedRoute.useNavigate()
    const client = useQueryClient()
    const { original, kept, store } = useStored(insight.query)
    const edited = Object.keys(search).length > 0
    const state = useMemo(() => (edited ? stateOf(search) : original), [edited, search, original])
    const changed = edited && JSON.stringify(storedOf(state)) !== JSON.stringify(storedOf(original))
    const base = `/api/projects/${project.id}/insights/${insight.id}/`
    const change: Change<InsightState> = (next, options) => void navigate({ search: searchOf(next), replace: options?.replace })

    const patch = async (body: Record<string, unknown>) => {
        await request('PATCH', base, body)
        await Promise.all([client.invalidateQueries({ queryKey: ['insight', project.id, insight.short_id] }), client.invalidateQueries({ queryKey: ['insights', project.id] })])
    }
    const save = async () => {
        try {
            await patch({ query: store(state) })
            say('Saved.', () => void patch({ query: insight.query }))
            await navigate({ search: {}, replace: true })
        } catch (error) {
            complain(error, 'Not saved.')
        }
    }
    const remove = async () => {
        try {
            await patch({ deleted: true })
            say(`“${insight.name || 'The insight'}” is deleted.`, () => void patch({ deleted: false }).catch((error: unknown) => complain(error, 'It could not be brought back.')))
            await navigate({ to: '/project/$projectId/insights', params: { projectId: String(project.id) }, search: {} })
        } catch (error) {
            complain(error, 'Not deleted.')
        }
    }
    const copy = async (name: string) => {
        const saved = await request<Insight>('POST', `/api/projects/${project.id}/insights/`, { name, query: store(state), saved: true })
        say(`“${name}” is saved.`)
        await client.invalidateQueries({ queryKey: ['insights', project.id] })
        await navigate({ to: '/project/$projectId/insights/$shortId', params: { projectId: String(project.id), shortId: saved.short_id }, search: {} })
    }
    const [copying, setCopying] = useState(false)
    const name = insight.name || insight.derived_name || derivedName(original)
    return (
        <Page
            title={name}
            crumbs={<Crumb />}
            titleElement={<Rename name={name} onRename={(next) => patch({ name: next }).catch((error: unknown) => complain(error, 'Not renamed.'))} />}
            note={changed ? 'changed, not saved' : `edited ${formatAgo(insight.last_modified_at, new Date())}`}
            actions={
                <>
                    <Menu
                        trigger={
                            <IconButton kind="plain" label="More actions">
                                <Ellipsis aria-hidden />
                            </IconButton>
                        }
                    >
                        <MenuItem onSelect={() => void patch({ favorited: !insight.favorited })}>
                            <Star aria-hidden /> {insight.favorited ? 'Remove from favourites' : 'Add to favourites'}
                        </MenuItem>
                        <MenuItem onSelect={() => void copyText(window.location.href).then(() => say('Link copied.'), (error: unknown) => complain(error, 'Not copied.'))}>
                            <Link2 aria-hidden /> Copy link to this view
                        </MenuItem>
                        <MenuItem onSelect={() => setCopying(true)}>
                            <span className="w-4" /> Save as a new insight
                        </MenuItem>
                        {changed ? (
                            <MenuItem onSelect={() => void navigate({ search: {} })}>
                                <span className="w-4" /> Drop the changes
                            </MenuItem>
                        ) : null}
                        <MenuLine />
                        <MenuItem danger onSelect={() => void remove()}>
                            <Trash2 aria-hidden /> Delete insight
                        </MenuItem>
                    </Menu>
                    <Button kind="primary" disabled={!changed || problemOf(state) !== null} title={changed ? undefined : 'Nothing has changed'} onClick={() => void save()}>
                        Save
                    </Button>
                </>
            }
        >
            <KeptContext value={state.kind === original.kind ? kept : nothingKept}>
                <Editor state={state} onChange={change} />
            </KeptContext>
            {copying ? <NameDialog initial={`${name} (copy)`} onClose={() => setCopying(false)} onSave={copy} /> : null}
        </Page>
    )
}

const nothingKept = {}

function Rename({ name, onRename }: { name: string; onRename: (name: string) => Promise<unknown> }) {
    const [draft, setDraft] = useState<string | null>(null)
    if (draft === null) {
        return (
            <h1 className="min-w-0">
                <button type="button" title="Rename" onClick={() => setDraft(name)} className="block max-w-full truncate rounded-sm font-[600] hover:bg-sunken" dir="auto">
                    {name}
                </button>
            </h1>
        )
    }
    const done = () => {
        const next = draft.trim()
        setDraft(null)
        if (next !== '' && next !== name) void onRename(next)
    }
    return (
        <Input
            aria-label="Name of the insight"
            autoFocus
            maxLength={400}
            className="max-w-[420px] font-[600]"
            value={draft}
            onChange={(event) => setDraft(event.target.value)}
            onFocus={(event) => event.target.select()}
            onBlur={done}
            onKeyDown={(event) => {
                if (event.key === 'Enter') done()
                if (event.key === 'Escape') setDraft(null)
            }}
        />
    )
}

function SaveAs({ state, onSave, label }: { state: InsightState; onSave: (name: string) => Promise<void>; label: ReactNode }) {
    const [open, setOpen] = useState(false)
    return (
        <>
            <Button kind="primary" disabled={problemOf(state) !== null} onClick={() => setOpen(true)}>
                {label}
            </Button>
            {open ? <NameDialog initial={derivedName(state)} onClose={() => setOpen(false)} onSave={onSave} /> : null}
        </>
    )
}

function NameDialog({ initial, onClose, onSave }: { initial: string; onClose: () => void; onSave: (name: string) => Promise<void> }) {
    const [name, setName] = useState(initial)
    const [busy, setBusy] = useState(false)
    const submit = async () => {
        setBusy(true)
        try {
            await onSave(name.trim())
        } catch (error) {
            complain(error, 'Not saved.')
            setBusy(false)
        }
    }
    return (
        <Dialog open onOpenChange={(open) => !open && onClose()} title="Save insight">
            <form
                className="flex flex-col gap-4 p-4"
                onSubmit={(event) => {
                    event.preventDefault()
                    if (name.trim() !== '') void submit()
                }}
            >
                <Field label="Name">{(control) => <Input {...control} autoFocus required maxLength={400} value={name} onFocus={(event) => event.target.select()} onChange={(event) => setName(event.target.value)} />}</Field>
                <Button kind="primary" type="submit" className="self-end" busy={busy}>
                    Save insight
                </Button>
            </form>
        </Dialog>
    )
}
