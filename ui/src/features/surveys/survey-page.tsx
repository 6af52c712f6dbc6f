import { useQuery, useQueryClient } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import { useState, type ReactNode } from 'react'
import { ApiError, request } from '@/api/client'
import { useProject } from '@/api/project'
import { survey as surveyQuery, surveysUrl } from '@/api/survey-queries'
import type { Survey } from '@/api/survey-types'
import { Button } from '@/ui/button'
import { Segmented } from '@/ui/choice'
import { Field, Input } from '@/ui/field'
import { useKeptDraft } from '@/ui/kept-draft'
import { Page } from '@/ui/page'
import { Chip, Panel } from '@/ui/panel'
import { Empty, Failed, Skeleton } from '@/ui/states'
import { TabBar } from '@/ui/tab-links'
import { complain, say } from '@/ui/toast'
import { Audience } from './audience'
import { bodyOf, draftOf, emptyDraft, hasProblems, kinds, problemsOf, stateOf, templates, type Problems, type SurveyDraft } from './draft'
import { Look } from './look'
import { SurveyMenu } from './menu'
import { Preview } from './preview'
import { Questions } from './questions'
import { refreshSurvey } from './refresh'
import { Results } from './results'
import type { SurveyTab } from './search'
import { StateText } from './state'

const route = getRouteApi('/project/$projectId/surveys/$surveyId')

function Crumb() {
    const project = useProject()
    return (
        <Link to="/project/$projectId/surveys" params={{ projectId: String(project.id) }}>
            Surveys
        </Link>
    )
}

export function SurveyPage() {
    const { surveyId } = route.useParams()
    return surveyId === 'new' ? <NewSurvey /> : <StoredSurvey id={surveyId} />
}

function StoredSurvey({ id }: { id: string }) {
    const project = useProject()
    const found = useQuery(surveyQuery(project.id, id))
    if (found.error instanceof ApiError && found.error.status === 404) {
        return (
            <Page title="Survey" crumbs={<Crumb />}>
                <Empty title="There is no such survey">It may have been deleted.</Empty>
            </Page>
        )
    }
    if (found.isError) {
        return (
            <Page title="Survey" crumbs={<Crumb />}>
                <Failed what="This survey could not be read" error={found.error} onRetry={() => void found.refetch()} />
            </Page>
        )
    }
    if (!found.data) {
        return (
            <Page title="Survey" crumbs={<Crumb />}>
                <Skeleton className="mb-4 h-9 !rounded-lg" />
                <Skeleton className="h-[420px] !rounded-lg" />
            </Page>
        )
    }
    return <KnownSurvey key={found.data.id} survey={found.data} />
}

const fingerprint = (draft: SurveyDraft): string => JSON.stringify(bodyOf(draft))

function KnownSurvey({ survey }: { survey: Survey }) {
    const project = useProject()
    const client = useQueryClient()
    const search = route.useSearch()
    const navigate = route.useNavigate()
    const original = draftOf(survey)
    const kept = useKeptDraft(`${project.id}-survey-${survey.id}`, original, fingerprint(original))
    const { draft } = kept
    const changed = fingerprint(draft) !== fingerprint(original)
    const problems = problemsOf(draft)
    const [busy, setBusy] = useState(false)
    const state = stateOf(survey)
    const tab: SurveyTab = search.tab ?? (state === 'draft' ? 'questions' : 'results')
    const write = async (body: Record<string, unknown>, done: string) => {
        setBusy(true)
        try {
            const saved = await request<Survey>('PATCH', `${surveysUrl(project.id)}/${survey.id}/`, body)
            client.setQueryData(surveyQuery(project.id, survey.id).queryKey, saved)
            kept.drop()
            say(done)
            await refreshSurvey(client, project.id, survey.id)
        } catch (error) {
            complain(error, 'Not saved.')
        } finally {
            setBusy(false)
        }
    }
    const launch = () => void write({ ...(changed ? bodyOf(draft) : {}), start_date: new Date().toISOString(), end_date: null, archived: false }, 'The survey is running. Browsers learn of it within five minutes.')
    const end = () => void write({ end_date: new Date().toISOString() }, 'The survey has ended.')
    const resume = () => void write({ end_date: null, archived: false }, 'The survey is running again.')
    const wrong = hasProblems(problems)
    const views: Record<SurveyTab, () => ReactNode> = {
        results: () => <Results survey={survey} range={search.range ?? 'all'} page={search.page ?? 1} onRange={(range) => void navigate({ search: (old) => ({ ...old, range: range === 'all' ? undefined : range, page: undefined }), replace: true })} onPage={(page) => void navigate({ search: (old) => ({ ...old, page: page === 1 ? undefined : page }) })} />,
        questions: () => <QuestionsView draft={draft} problems={problems} onChange={kept.change} />,
        audience: () => <Audience draft={draft} onChange={kept.change} />,
        look: () => <LookView draft={draft} onChange={kept.change} />,
    }
    return (
        <Page
            title={survey.name}
            crumbs={<Crumb />}
            note={changed ? 'changed, not saved' : undefined}
            actions={
                <>
                    <SurveyMenu survey={survey} changed={changed} onDrop={kept.drop} onEnd={state === 'running' ? end : undefined} onResume={state === 'ended' ? resume : undefined} />
                    {changed || state !== 'draft' ? (
                        <Button kind={state === 'draft' ? 'plain' : 'primary'} busy={busy} disabled={!changed || wrong} title={wrong ? 'Something still has to be put right: see below' : changed ? undefined : 'Nothing has changed'} onClick={() => void write(bodyOf(draft), 'Saved.')}>
                            Save
                        </Button>
                    ) : null}
                    {state === 'draft' ? (
                        <Button kind="primary" busy={busy} disabled={wrong} title={wrong ? 'Something still has to be put right: see below' : undefined} onClick={launch}>
                            Launch
                        </Button>
                    ) : null}
                </>
            }
        >
            <TabBar
                label="Views of this survey"
                value={tab}
                onChange={(next) => void navigate({ search: (old) => ({ ...old, tab: next, page: undefined }) })}
                tabs={[
                    { value: 'results', label: 'Results' },
                    { value: 'questions', label: 'Questions' },
                    { value: 'audience', label: 'Audience' },
                    { value: 'look', label: 'Look' },
                ]}
                aside={
                    <span className="mb-1 flex items-center gap-3">
                        {changed ? <Chip className="hidden sm:inline-flex">not saved</Chip> : null}
                        <StateText survey={survey} />
                    </span>
                }
            />
            <div className="mt-4">{views[tab]()}</div>
        </Page>
    )
}

type EditProps = { draft: SurveyDraft; onChange: (draft: SurveyDraft) => void }

function QuestionsView({ draft, problems, onChange }: EditProps & { problems: Problems }) {
    const [shown, setShown] = useState(0)
    return (
        <div className="grid items-start gap-[18px] lg:grid-cols-[minmax(0,1fr)_340px]">
            <div className="flex min-w-0 flex-col gap-[18px]">
                <Basics draft={draft} problems={problems} onChange={onChange} />
                <Questions questions={draft.questions} problems={problems} shown={shown} onShow={setShown} onChange={(questions) => onChange({ ...draft, questions })} />
            </div>
            <div className="lg:sticky lg:top-[66px]">
                <Preview draft={draft} shown={shown} />
            </div>
        </div>
    )
}

function LookView({ draft, onChange }: EditProps) {
    return (
        <div className="grid items-start gap-[18px] lg:grid-cols-[minmax(0,1fr)_340px]">
            <Look draft={draft} onChange={onChange} />
            <div className="lg:sticky lg:top-[66px]">
                <Preview draft={draft} shown={0} />
            </div>
        </div>
    )
}

function Basics({ draft, problems, onChange }: EditProps & { problems: Problems }) {
    const kind = kinds.find((known) => known.value === draft.kind)
    return (
        <Panel label="Survey" className="flex flex-col gap-4 p-4">
            <Field label="Name" error={problems.name} hint="Only your team sees it.">
                {(control) => <Input {...control} dir="auto" maxLength={400} value={draft.name} onChange={(event) => onChange({ ...draft, name: event.target.value })} />}
            </Field>
            <div className="flex flex-col gap-1">
                <Segmented label="Kind of survey" className="max-w-full self-start overflow-x-auto" value={draft.kind} options={kinds.map(({ value, label }) => ({ value, label }))} onChange={(next) => onChange({ ...draft, kind: next })} />
                <p className="text-sm text-ink-3">{kind?.hint}</p>
            </div>
        </Panel>
    )
}

function startFrom(name: string | undefined): SurveyDraft {
    const template = templates.find((known) => known.name === name)
    return template ? { ...emptyDraft, name: template.name, kind: template.kind ?? 'popover', questions: template.questions } : emptyDraft
}

function NewSurvey() {
    const project = useProject()
    const client = useQueryClient()
    const navigate = route.useNavigate()
    const search = route.useSearch()
    const start = startFrom(search.template)
    const kept = useKeptDraft(`${project.id}-survey-new-${search.template ?? ''}`, start, 'new')
    const { draft } = kept
    const [tried, setTried] = useState(false)
    const [saving, setSaving] = useState(false)
    const problems = problemsOf(draft)
    const save = async () => {
        setTried(true)
        if (hasProblems(problems)) return
        setSaving(true)
        try {
            // Answers are kept under the ids of their questions: each survey's are its own.
            const questions = draft.questions.map((question) => ({ ...question, id: crypto.randomUUID() }))
            const saved = await request<Survey>('POST', `${surveysUrl(project.id)}/`, bodyOf({ ...draft, questions }))
            kept.drop()
            say(`“${saved.name}” is saved as a draft. Launch it when it is ready.`)
            await client.invalidateQueries({ queryKey: ['surveys', project.id] })
            await navigate({ to: '/project/$projectId/surveys/$surveyId', params: { projectId: String(project.id), surveyId: saved.id }, search: { tab: 'audience' }, replace: true })
        } catch (error) {
            complain(error, 'Not saved.')
            setSaving(false)
        }
    }
    return (
        <Page
            title="New survey"
            crumbs={<Crumb />}
            note="not saved yet"
            actions={
                <Button kind="primary" busy={saving} onClick={() => void save()}>
                    Save as draft
                </Button>
            }
        >
            <QuestionsView draft={draft} problems={tried ? problems : { questions: {} }} onChange={kept.change} />
        </Page>
    )
}
