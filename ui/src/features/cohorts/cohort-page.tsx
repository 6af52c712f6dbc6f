import { useQuery, useQueryClient } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import { useState } from 'react'
import { ApiError, request } from '@/api/client'
import { cohort as cohortQuery } from '@/api/cohort-queries'
import type { Cohort } from '@/api/cohort-types'
import { useProject } from '@/api/project'
import type { PropertyFilter } from '@/api/types'
import { Button } from '@/ui/button'
import { Segmented } from '@/ui/choice'
import { Code } from '@/ui/copy'
import { Field, Input } from '@/ui/field'
import { useKeptDraft } from '@/ui/kept-draft'
import { Page } from '@/ui/page'
import { Chip, Panel } from '@/ui/panel'
import { Empty, Failed, Skeleton } from '@/ui/states'
import { complain, say } from '@/ui/toast'
import { asCriterion, criteriaFrom, criteriaProblems, emptyCriteria, filtersFrom, type CriteriaDraft } from './criteria'
import { CriteriaEditor } from './criteria-editor'
import { CohortMenu } from './menu'
import { AddPersons, ListUpload } from './static-members'
import { CohortPersons } from './persons'

const route = getRouteApi('/project/$projectId/cohorts/$cohortId')

/** `criteria` is null for what the editor cannot show, and is then left as it is. */
type CohortDraft = { name: string; description: string; criteria: CriteriaDraft | null }

function Crumb() {
    const project = useProject()
    return (
        <Link to="/project/$projectId/cohorts" params={{ projectId: String(project.id) }}>
            Cohorts
        </Link>
    )
}

export function CohortPage() {
    const { cohortId } = route.useParams()
    return cohortId === 'new' ? <NewCohort /> : <StoredCohort id={Number(cohortId)} />
}

function StoredCohort({ id }: { id: number }) {
    const project = useProject()
    const found = useQuery({ ...cohortQuery(project.id, id), enabled: Number.isInteger(id) })
    const missing = !Number.isInteger(id) || (found.error instanceof ApiError && found.error.status === 404)
    if (missing || found.data?.deleted) {
        return (
            <Page title="Cohort" crumbs={<Crumb />}>
                <Empty title="There is no such cohort">It may have been deleted.</Empty>
            </Page>
        )
    }
    if (found.isError) {
        return (
            <Page title="Cohort" crumbs={<Crumb />}>
                <Failed what="This cohort could not be read" error={found.error} onRetry={() => void found.refetch()} />
            </Page>
        )
    }
    if (!found.data) {
        return (
            <Page title="Cohort" crumbs={<Crumb />}>
                <div className="grid gap-[18px] lg:grid-cols-[440px_minmax(0,1fr)]">
                    <Skeleton className="h-[380px] !rounded-lg" />
                    <Skeleton className="h-[420px] !rounded-lg" />
                </div>
            </Page>
        )
    }
    return <KnownCohort key={found.data.id} cohort={found.data} />
}

const draftOf = (cohort: Cohort): CohortDraft => ({ name: cohort.name, description: cohort.description ?? '', criteria: criteriaFrom(cohort.filters) })

function bodyOf(draft: CohortDraft, isStatic: boolean): Record<string, unknown> {
    const body: Record<string, unknown> = { name: draft.name.trim(), description: draft.description }
    if (!isStatic && draft.criteria) body['filters'] = filtersFrom(draft.criteria)
    return body
}

function problemsOf(draft: CohortDraft, isStatic: boolean) {
    const name = draft.name.trim() === '' ? 'A cohort needs a name.' : null
    const criteria = isStatic || !draft.criteria ? { whole: null, each: {} } : criteriaProblems(draft.criteria)
    return { name, ...criteria, any: name !== null || criteria.whole !== null || Object.keys(criteria.each).length > 0 }
}

function KnownCohort({ cohort }: { cohort: Cohort }) {
    const project = useProject()
    const client = useQueryClient()
    const search = route.useSearch()
    const navigate = route.useNavigate()
    const original = draftOf(cohort)
    const kept = useKeptDraft(`${project.id}-cohort-${cohort.id}`, original, '')
    const { draft } = kept
    const changed = JSON.stringify(bodyOf(draft, cohort.is_static)) !== JSON.stringify(bodyOf(original, cohort.is_static))
    const problems = problemsOf(draft, cohort.is_static)
    const [saving, setSaving] = useState(false)
    const save = async () => {
        setSaving(true)
        const path = `/api/projects/${project.id}/cohorts/${cohort.id}/`
        try {
            const saved = await request<Cohort>('PATCH', path, bodyOf(draft, cohort.is_static))
            client.setQueryData(cohortQuery(project.id, cohort.id).queryKey, saved)
            kept.drop()
            say('Saved.', () => void request('PATCH', path, bodyOf(original, cohort.is_static)).then(() => client.invalidateQueries({ queryKey: ['cohort', project.id, cohort.id] })))
            await client.invalidateQueries({ queryKey: ['cohorts', project.id] })
        } catch (error) {
            complain(error, 'Not saved.')
        } finally {
            setSaving(false)
        }
    }
    return (
        <Page
            title={cohort.name || 'Unnamed cohort'}
            crumbs={<Crumb />}
            note={changed ? 'changed, not saved' : cohort.is_static ? 'static' : 'dynamic'}
            actions={
                <>
                    <CohortMenu cohort={cohort} changed={changed} onDrop={kept.drop} />
                    <Button kind="primary" busy={saving} disabled={!changed || problems.any} title={changed ? undefined : 'Nothing has changed'} onClick={() => void save()}>
                        Save
                    </Button>
                </>
            }
        >
            <div className="grid items-start gap-[18px] lg:grid-cols-[440px_minmax(0,1fr)]">
                <div className="flex min-w-0 flex-col gap-4 max-lg:order-2">
                    <About draft={draft} onChange={kept.change} nameProblem={problems.name} />
                    {cohort.is_static ? (
                        <Panel title="Add persons" label="Add persons">
                            <AddPersons cohort={cohort} />
                        </Panel>
                    ) : (
                        <Criteria draft={draft} onChange={kept.change} problems={problems} stored={cohort.filters} />
                    )}
                </div>
                <CohortPersons cohort={cohort} page={search.page ?? 1} search={search.search ?? ''} onChange={(next) => void navigate({ search: next, replace: next.page === undefined })} />
            </div>
        </Page>
    )
}

function About({ draft, onChange, nameProblem, fresh = false }: { draft: CohortDraft; onChange: (draft: CohortDraft) => void; nameProblem: string | null; fresh?: boolean }) {
    return (
        <Panel label="What it is" className="flex flex-col gap-4 p-4">
            <Field label="Name" error={nameProblem}>
                {(control) => <Input {...control} autoFocus={fresh} maxLength={400} dir="auto" placeholder="Power users" value={draft.name} onChange={(event) => onChange({ ...draft, name: event.target.value })} />}
            </Field>
            <Field label="Description">
                {(control) => <textarea {...control} rows={2} dir="auto" maxLength={1000} className="field !h-auto resize-y py-1.5" value={draft.description} onChange={(event) => onChange({ ...draft, description: event.target.value })} />}
            </Field>
        </Panel>
    )
}

function Criteria({ draft, onChange, problems, stored }: { draft: CohortDraft; onChange: (draft: CohortDraft) => void; problems: { whole: string | null; each: Record<string, string> }; stored: unknown }) {
    return (
        <section aria-label="Who belongs to it" className="flex min-w-0 flex-col gap-2">
            <h2 className="font-[600]">Who belongs to it</h2>
            {draft.criteria ? (
                <>
                    {problems.whole ? (
                        <p role="alert" className="text-sm text-bad">
                            {problems.whole}
                        </p>
                    ) : null}
                    <CriteriaEditor draft={draft.criteria} onChange={(criteria) => onChange({ ...draft, criteria })} problems={problems.each} />
                </>
            ) : (
                <>
                    <p className="text-sm text-ink-2">These criteria were made by another client and are nested deeper than this editor shows. They work and stay as they are.</p>
                    <Code label="Criteria" text={JSON.stringify(stored, null, 2)} />
                </>
            )}
        </section>
    )
}

function startOf(filters: PropertyFilter[] | undefined): CohortDraft {
    const usable = (filters ?? []).filter((filter) => filter.type === 'person' || filter.type === 'cohort')
    const criteria: CriteriaDraft = usable.length === 0 ? emptyCriteria : { ...emptyCriteria, groups: [{ id: 1, join: 'AND', criteria: usable.map((filter, index) => ({ id: index + 1, criterion: asCriterion(filter) })) }] }
    return { name: '', description: '', criteria }
}

function NewCohort() {
    const project = useProject()
    const client = useQueryClient()
    const search = route.useSearch()
    const navigate = route.useNavigate()
    const kept = useKeptDraft(`${project.id}-cohort-new${search.filters ? '-filters' : ''}`, startOf(search.filters), '')
    const { draft } = kept
    const isStatic = search.kind === 'static'
    const [tried, setTried] = useState(false)
    const [saving, setSaving] = useState(false)
    const [file, setFile] = useState<File | null>(null)
    const problems = problemsOf(draft, isStatic)
    const save = async () => {
        setTried(true)
        if (problems.any) return
        setSaving(true)
        const body: Record<string, unknown> = { ...bodyOf(draft, isStatic), is_static: isStatic }
        try {
            const saved = await request<Cohort>('POST', `/api/projects/${project.id}/cohorts/`, file && isStatic ? asForm(body, file) : body)
            kept.drop()
            say(`“${saved.name}” is saved.`)
            await client.invalidateQueries({ queryKey: ['cohorts', project.id] })
            await navigate({ to: '/project/$projectId/cohorts/$cohortId', params: { projectId: String(project.id), cohortId: String(saved.id) }, search: {}, replace: true })
        } catch (error) {
            complain(error, 'Not saved.')
            setSaving(false)
        }
    }
    return (
        <Page
            title="New cohort"
            crumbs={<Crumb />}
            note="not saved yet"
            actions={
                <Button kind="primary" busy={saving} onClick={() => void save()}>
                    Save cohort
                </Button>
            }
        >
            <div className="flex max-w-[680px] flex-col gap-4">
                <div className="flex flex-wrap items-center gap-3">
                    <Segmented<'dynamic' | 'static'>
                        label="Kind"
                        value={isStatic ? 'static' : 'dynamic'}
                        options={[
                            { value: 'dynamic', label: 'Dynamic' },
                            { value: 'static', label: 'Static' },
                        ]}
                        onChange={(kind) => void navigate({ search: (old) => ({ ...old, kind: kind === 'static' ? 'static' : undefined }), replace: true })}
                    />
                    <span className="text-sm text-ink-3">{isStatic ? 'A list of persons that stays as it is.' : 'Follows what persons are and do.'}</span>
                </div>
                <About draft={draft} onChange={kept.change} nameProblem={tried ? problems.name : null} fresh />
                {isStatic ? (
                    <Panel label="The list" className="p-4">
                        <ListUpload onFile={setFile} />
                        {file ? <Chip className="mt-2">{file.name}</Chip> : <p className="mt-2 text-sm text-ink-3">You can also save it empty and add persons one by one.</p>}
                    </Panel>
                ) : (
                    <Criteria draft={draft} onChange={kept.change} problems={tried ? problems : { whole: null, each: {} }} stored={null} />
                )}
            </div>
        </Page>
    )
}

function asForm(fields: Record<string, unknown>, file: File): FormData {
    const form = new FormData()
    for (const [name, value] of Object.entries(fields)) form.set(name, typeof value === 'string' ? value : JSON.stringify(value))
    form.set('csv', file)
    return form
}
