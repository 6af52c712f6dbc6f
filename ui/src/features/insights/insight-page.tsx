import { useQuery, useQueryClient } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import { Ellipsis, Link2, SlidersHorizontal, Star, Trash2 } from 'lucide-react'
import { useMemo, useState, type ReactNode } from 'react'
import { request } from '@/api/client'
import { useProject } from '@/api/project'
import { insight as insightQuery } from '@/api/queries'
import type { Insight, TrendsQuery } from '@/api/types'
import { propertyLabel } from '@/lib/known-names'
import { formatAgo } from '@/lib/time'
import { Button, IconButton } from '@/ui/button'
import { copyText } from '@/ui/copy'
import { Field, Input } from '@/ui/field'
import { Dialog, Menu, MenuItem, MenuLine } from '@/ui/floating'
import { Page } from '@/ui/page'
import { Panel } from '@/ui/panel'
import { Empty, Failed, Skeleton } from '@/ui/states'
import { complain, say } from '@/ui/toast'
import { Answer } from './answer'
import { Question } from './question'
import { derivedName } from './results'
import { Toolbar } from './toolbar'
import { fromQuery, problemOf, searchOf, stateOf, toQuery, type TrendsSearch, type TrendsState } from './trends-state'

type Change = (state: TrendsState, options?: { replace?: boolean }) => void

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

/** The question beside its answer; on a phone the answer comes first and the question opens as a sheet. */
function Editor({ state, onChange }: { state: TrendsState; onChange: Change }) {
    const [sheet, setSheet] = useState(false)
    return (
        <div className="grid items-start gap-[18px] md:grid-cols-[300px_minmax(0,1fr)]">
            <Panel label="Question" className="hidden md:block">
                <Question state={state} onChange={onChange} />
            </Panel>
            <div className="min-w-0">
                <div className="mb-2 md:hidden">
                    <Button className="w-full" onClick={() => setSheet(true)}>
                        <SlidersHorizontal className="size-4" aria-hidden /> Change the question
                    </Button>
                </div>
                <Toolbar state={state} onChange={onChange} />
                <Answer state={state} onChange={onChange} />
            </div>
            <Dialog open={sheet} onOpenChange={setSheet} side="right" title="Question" footer={<Button onClick={() => setSheet(false)}>See the answer</Button>}>
                <Question state={state} onChange={onChange} />
            </Dialog>
        </div>
    )
}

export function NewInsightPage() {
    const project = useProject()
    const search = newRoute.useSearch()
    const navigate = newRoute.useNavigate()
    const client = useQueryClient()
    const leaveOut = Object.keys(search).length === 0 && (project.test_account_filters_default_checked ?? false)
    const state = useMemo(() => (leaveOut ? { ...stateOf(search), testAccounts: true } : stateOf(search)), [search, leaveOut])
    const change: Change = (next, options) => void navigate({ search: searchOf(next), replace: options?.replace })
    const save = async (name: string) => {
        const saved = await request<Insight>('POST', `/api/projects/${project.id}/insights/`, { name, query: stored(state), saved: true })
        await client.invalidateQueries({ queryKey: ['insights', project.id] })
        say(`“${name}” is saved.`)
        await navigate({ to: '/project/$projectId/insights/$shortId', params: { projectId: String(project.id), shortId: saved.short_id }, search: {} })
    }
    return (
        <Page title="New insight" crumbs={<Crumb />} note={derivedName(state, propertyLabel)} actions={<SaveAs state={state} onSave={save} label="Save" />}>
            <Editor state={state} onChange={change} />
        </Page>
    )
}

const stored = (state: TrendsState) => ({ kind: 'InsightVizNode', source: toQuery(state) })

/** The trends question inside a saved insight, whichever way it was stored. */
function trendsOf(insight: Insight): TrendsQuery | null {
    const query = insight.query
    if (!query) return null
    const source = 'source' in query && query.source ? query.source : query
    return source.kind === 'TrendsQuery' ? (source as TrendsQuery) : null
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
    const query = found.data ? trendsOf(found.data) : null
    if (!found.data || !query) {
        return (
            <Page title={found.data?.name ?? 'Insight'} crumbs={<Crumb />}>
                <Empty title={found.data ? 'This kind of insight has no editor yet' : 'There is no such insight'}>
                    {found.data ? 'It was saved by another client. Its query is kept as it is, and the API answers it.' : 'It may have been deleted.'}
                </Empty>
            </Page>
        )
    }
    return <KnownInsight key={found.data.short_id} insight={found.data} query={query} />
}

function KnownInsight({ insight, query }: { insight: Insight; query: TrendsQuery }) {
    const project = useProject()
    const search: TrendsSearch = savedRoute.useSearch()
    const navigate = savedRoute.useNavigate()
    const client = useQueryClient()
    const original = useMemo(() => fromQuery(query), [query])
    const edited = Object.keys(search).length > 0
    const state = useMemo(() => (edited ? stateOf(search) : original), [edited, search, original])
    const changed = edited && JSON.stringify(toQuery(state)) !== JSON.stringify(toQuery(original))
    const base = `/api/projects/${project.id}/insights/${insight.id}/`
    const change: Change = (next, options) => void navigate({ search: searchOf(next), replace: options?.replace })

    const patch = async (body: Record<string, unknown>) => {
        await request('PATCH', base, body)
        await Promise.all([client.invalidateQueries({ queryKey: ['insight', project.id, insight.short_id] }), client.invalidateQueries({ queryKey: ['insights', project.id] })])
    }
    const save = async () => {
        try {
            await patch({ query: stored(state) })
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
        const saved = await request<Insight>('POST', `/api/projects/${project.id}/insights/`, { name, query: stored(state), saved: true })
        say(`“${name}” is saved.`)
        await client.invalidateQueries({ queryKey: ['insights', project.id] })
        await navigate({ to: '/project/$projectId/insights/$shortId', params: { projectId: String(project.id), shortId: saved.short_id }, search: {} })
    }
    const [copying, setCopying] = useState(false)
    const name = insight.name || insight.derived_name || derivedName(original, propertyLabel)
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
            <Editor state={state} onChange={change} />
            {copying ? <NameDialog initial={`${name} (copy)`} onClose={() => setCopying(false)} onSave={copy} /> : null}
        </Page>
    )
}

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

function SaveAs({ state, onSave, label }: { state: TrendsState; onSave: (name: string) => Promise<void>; label: ReactNode }) {
    const [open, setOpen] = useState(false)
    return (
        <>
            <Button kind="primary" disabled={problemOf(state) !== null} onClick={() => setOpen(true)}>
                {label}
            </Button>
            {open ? <NameDialog initial={derivedName(state, propertyLabel)} onClose={() => setOpen(false)} onSave={onSave} /> : null}
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
