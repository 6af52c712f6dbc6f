import { useQuery } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import { Plus } from 'lucide-react'
import { useEffect, useState } from 'react'
import { useProject } from '@/api/project'
import { responseCounts, surveyList } from '@/api/survey-queries'
import type { Survey } from '@/api/survey-types'
import { count, formatNumber } from '@/lib/numbers'
import { formatAgo, formatDateTime } from '@/lib/time'
import { Button, buttonClass } from '@/ui/button'
import { Checkbox } from '@/ui/choice'
import { SearchInput } from '@/ui/field'
import { Page } from '@/ui/page'
import { Panel } from '@/ui/panel'
import { Empty, Failed, SkeletonRows, useNow, useSettled } from '@/ui/states'
import { Pages, Table, type Column } from '@/ui/table'
import { kinds, templates } from './draft'
import { StateText } from './state'

const route = getRouteApi('/project/$projectId/surveys')
const size = 50

export function SurveyListPage() {
    const project = useProject()
    const search = route.useSearch()
    const navigate = route.useNavigate()
    const page = search.page ?? 1
    const [typed, setTyped] = useState(search.search ?? '')
    const settled = useSettled(typed, 200)
    useEffect(() => {
        if ((search.search ?? '') !== settled) void navigate({ search: (old) => ({ ...old, search: settled || undefined, page: undefined }), replace: true })
    }, [settled]) // only typing moves the address
    const list = useQuery(surveyList(project.id, { search: search.search, archived: search.archived ? undefined : false }, (page - 1) * size, size))
    const counts = useQuery(responseCounts(project.id))
    const rows = list.data?.results ?? []
    const nothing = list.isSuccess && rows.length === 0 && !search.search && !search.archived && page === 1
    const columns = useColumns(counts.data)
    return (
        <Page
            title="Surveys"
            note={list.data?.count ? count(list.data.count, 'survey') : undefined}
            actions={
                <Link to="/project/$projectId/surveys/$surveyId" params={{ projectId: String(project.id), surveyId: 'new' }} className={buttonClass('primary')}>
                    <Plus className="size-4" aria-hidden /> New<span className="hidden sm:inline"> survey</span>
                </Link>
            }
        >
            {nothing ? (
                <NoSurveys />
            ) : (
                <>
                    <div className="mb-3 flex flex-wrap items-center gap-4">
                        <SearchInput label="Search surveys" className="w-[280px] max-w-full" value={typed} onChange={setTyped} />
                        <Checkbox label="Archived too" checked={search.archived === true} onChange={(archived) => void navigate({ search: (old) => ({ ...old, archived: archived || undefined, page: undefined }), replace: true })} />
                    </div>
                    <Panel label="Surveys" className="overflow-hidden">
                        {list.isPending ? (
                            <SkeletonRows rows={10} columns={5} />
                        ) : list.isError ? (
                            <Failed what="The surveys could not be read" error={list.error} onRetry={() => void list.refetch()} />
                        ) : rows.length === 0 ? (
                            <Empty title="No survey matches" action={<Button onClick={() => (setTyped(''), void navigate({ search: {}, replace: true }))}>Show all surveys</Button>}>
                                The search looks at names and descriptions.
                            </Empty>
                        ) : (
                            <>
                                <Table
                                    label="Surveys"
                                    rows={rows}
                                    columns={columns}
                                    rowKey={(survey) => survey.id}
                                    onOpen={(survey) => void navigate({ to: '/project/$projectId/surveys/$surveyId', params: { projectId: String(project.id), surveyId: survey.id } })}
                                    dim={list.isPlaceholderData}
                                />
                                <Pages page={page} size={size} more={Boolean(list.data.next)} total={list.data.count} onPage={(next) => void navigate({ search: (old) => ({ ...old, page: next === 1 ? undefined : next }) })} />
                            </>
                        )}
                    </Panel>
                </>
            )}
        </Page>
    )
}

function useColumns(counts: Record<string, number> | undefined): Column<Survey>[] {
    const project = useProject()
    const now = useNow(30_000)
    return [
        { id: 'state', label: 'State', width: '96px', cell: (survey) => <StateText survey={survey} /> },
        {
            id: 'name',
            label: 'Survey',
            cell: (survey) => (
                <span className="flex max-w-[44vw] min-w-0 items-baseline gap-2.5 sm:max-w-[340px] xl:max-w-none">
                    <Link to="/project/$projectId/surveys/$surveyId" params={{ projectId: String(project.id), surveyId: survey.id }} tabIndex={-1} title={survey.name} className="max-w-full min-w-0 shrink-0 truncate font-[550] hover:underline" dir="auto">
                        {survey.name}
                    </Link>
                    <span className="hidden min-w-0 truncate text-ink-3 sm:inline" dir="auto">
                        {survey.questions[0]?.question}
                    </span>
                </span>
            ),
        },
        { id: 'kind', label: 'Kind', wide: true, width: '140px', cell: (survey) => <span className="text-ink-2">{kinds.find((kind) => kind.value === survey.type)?.label}</span> },
        { id: 'questions', label: 'Questions', wide: true, numeric: true, width: '100px', cell: (survey) => survey.questions.length },
        { id: 'responses', label: 'Responses', numeric: true, width: '110px', cell: (survey) => (counts ? formatNumber(counts[survey.id] ?? 0) : '–') },
        {
            id: 'created',
            label: 'Made',
            numeric: true,
            wide: true,
            width: '100px',
            cell: (survey) => (
                <time className="text-ink-3" dateTime={survey.created_at} title={formatDateTime(survey.created_at, project.timezone)}>
                    {formatAgo(survey.created_at, now)}
                </time>
            ),
        },
    ]
}

function NoSurveys() {
    const project = useProject()
    return (
        <Empty title="No surveys yet" className="!max-w-[760px]">
            <p className="mb-4">A survey asks visitors a few questions on your site and shows here what they answer, person by person and counted. Begin with one of these:</p>
            <ul className="grid gap-2.5 sm:grid-cols-2">
                {templates.map((template) => (
                    <li key={template.name}>
                        <Link
                            to="/project/$projectId/surveys/$surveyId"
                            params={{ projectId: String(project.id), surveyId: 'new' }}
                            search={{ template: template.name }}
                            className="block h-full rounded-lg border border-line bg-surface px-4 py-3 hover:border-line-strong hover:bg-sunken"
                        >
                            <span className="block font-[600] text-ink">{template.name}</span>
                            <span className="block text-sm text-ink-3">{template.about}</span>
                        </Link>
                    </li>
                ))}
            </ul>
        </Empty>
    )
}
