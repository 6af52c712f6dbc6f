import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { Download } from 'lucide-react'
import type { ReactNode } from 'react'
import { path } from '@/api/client'
import { useProject } from '@/api/project'
import { surveyResponses, surveyStats, surveySummary, surveysUrl, type Between } from '@/api/survey-queries'
import type { Survey, SurveyResponse } from '@/api/survey-types'
import { count, formatNumber } from '@/lib/numbers'
import { formatAgo, formatDateTime } from '@/lib/time'
import { buttonClass } from '@/ui/button'
import { Segmented } from '@/ui/choice'
import { Panel } from '@/ui/panel'
import { Empty, Failed, Skeleton, SkeletonRows, useNow } from '@/ui/states'
import { Pages, Table, type Column } from '@/ui/table'
import { QuestionResult } from './question-result'
import type { ResultRange } from './search'

const size = 50

/** What came back: how many saw it, what each question came to, and the responses one by one. */
export function Results({ survey, range, page, onRange, onPage }: { survey: Survey; range: ResultRange; page: number; onRange: (range: ResultRange) => void; onPage: (page: number) => void }) {
    const project = useProject()
    const between: Between = range === 'all' ? {} : { date_from: range }
    const summary = useQuery(surveySummary(project.id, survey.id, between))
    const responses = useQuery(surveyResponses(project.id, survey.id, between, (page - 1) * size, size))
    if (summary.isError) return <Failed what="The results could not be computed" error={summary.error} onRetry={() => void summary.refetch()} />
    const nothing = summary.data?.responses === 0 && range === 'all'
    return (
        <div className="flex flex-col gap-[18px]">
            <div className="flex flex-wrap items-center justify-between gap-3">
                <Segmented<ResultRange>
                    label="Responses of"
                    value={range}
                    options={[
                        { value: '-7d', label: '7 d', name: 'Last 7 days' },
                        { value: '-30d', label: '30 d', name: 'Last 30 days' },
                        { value: '-90d', label: '90 d', name: 'Last 90 days' },
                        { value: 'all', label: 'All', name: 'All time' },
                    ]}
                    onChange={onRange}
                />
                <a className={buttonClass('plain')} href={path(`${surveysUrl(project.id)}/${survey.id}/responses.csv`, between)} download>
                    <Download className="size-4" aria-hidden /> <span>CSV</span>
                </a>
            </div>
            <Figures survey={survey} between={between} />
            {nothing ? (
                <Panel label="Responses">
                    <Empty title={survey.start_date ? 'No responses yet' : 'Not launched yet'}>
                        {survey.start_date ? 'Answers show up here within a second of being sent. Browsers learn of a new survey within five minutes, or when the page is loaded anew.' : 'Launch the survey, and answers show up here within a second of being sent.'}
                    </Empty>
                </Panel>
            ) : (
                <>
                    {summary.data ? (
                        <div className="-mb-[18px] gap-[18px] lg:columns-2 [&>*]:mb-[18px] [&>*]:break-inside-avoid">
                            {summary.data.questions.map((question) => (
                                <QuestionResult key={question.id} question={question} />
                            ))}
                        </div>
                    ) : (
                        <Skeleton className="h-[220px] !rounded-lg" />
                    )}
                    <Panel title="Responses" label="Responses" aside={responses.data?.count !== undefined ? count(responses.data.count, 'response') : undefined} className="overflow-hidden">
                        {responses.isPending ? (
                            <SkeletonRows rows={6} columns={4} />
                        ) : responses.isError ? (
                            <Failed what="The responses could not be read" error={responses.error} onRetry={() => void responses.refetch()} />
                        ) : responses.data.results.length === 0 ? (
                            <Empty title="No responses in this time" />
                        ) : (
                            <>
                                <ResponseTable survey={survey} rows={responses.data.results} dim={responses.isPlaceholderData} />
                                <Pages page={page} size={size} more={Boolean(responses.data.next)} total={responses.data.count} onPage={onPage} />
                            </>
                        )}
                    </Panel>
                </>
            )}
        </div>
    )
}

function Figures({ survey, between }: { survey: Survey; between: Between }) {
    const project = useProject()
    const found = useQuery(surveyStats(project.id, survey.id, between))
    const { stats, rates } = found.data ?? {}
    const figures: { label: string; value: ReactNode; note?: string }[] = [
        { label: 'Shown', value: formatNumber(stats?.['survey shown'].total_count), note: stats ? count(stats['survey shown'].unique_persons, 'person', 'persons') : undefined },
        { label: 'Answered', value: formatNumber(stats?.['survey sent'].total_count), note: stats ? count(stats['survey sent'].unique_persons, 'person', 'persons') : undefined },
        { label: 'Dismissed', value: formatNumber(stats?.['survey dismissed'].total_count), note: stats ? count(stats['survey dismissed'].unique_persons, 'person', 'persons') : undefined },
        { label: 'Response rate', value: rates ? `${formatNumber(rates.response_rate)}%` : '–', note: rates ? `${formatNumber(rates.unique_users_response_rate)}% of persons` : undefined },
    ]
    return (
        <dl className="grid grid-cols-2 overflow-hidden rounded-lg border border-line bg-surface md:grid-cols-4">
            {figures.map((figure) => (
                <div key={figure.label} className="flex flex-col border-line p-4 not-last:border-r max-md:[&:nth-child(-n+2)]:border-b max-md:[&:nth-child(2)]:border-r-0">
                    <dt className="text-sm text-ink-3">{figure.label}</dt>
                    <dd className="text-[26px] leading-tight font-[600]">{figure.value}</dd>
                    <dd className="text-sm text-ink-3">{figure.note ?? '\u00a0'}</dd>
                </div>
            ))}
        </dl>
    )
}

function ResponseTable({ survey, rows, dim }: { survey: Survey; rows: SurveyResponse[]; dim: boolean }) {
    const project = useProject()
    const now = useNow(30_000)
    const columns: Column<SurveyResponse>[] = [
        {
            id: 'when',
            label: 'When',
            width: '110px',
            cell: (response) => (
                <time className="text-ink-3" dateTime={response.timestamp} title={formatDateTime(response.timestamp, project.timezone)}>
                    {formatAgo(response.timestamp, now)}
                </time>
            ),
        },
        {
            id: 'person',
            label: 'Person',
            width: '180px',
            cell: (response) => (
                <Link to="/project/$projectId/persons/$personId" params={{ projectId: String(project.id), personId: response.person_id }} className="font-[550] hover:underline" title={response.distinct_id}>
                    <span dir="auto">{response.distinct_id}</span>
                </Link>
            ),
        },
        ...survey.questions.map((question, index): Column<SurveyResponse> => ({
            id: question.id ?? String(index),
            label: question.question,
            wide: index > 0,
            cell: (response) => <Answer value={response.answers[question.id ?? '']} />,
        })),
    ]
    return <Table label="Responses" rows={rows} columns={columns} rowKey={(response) => response.uuid} dim={dim} />
}

function Answer({ value }: { value: SurveyResponse['answers'][string] | undefined }) {
    if (value === null || value === undefined) return <span className="text-ink-3">–</span>
    const text = Array.isArray(value) ? value.join(', ') : String(value)
    return (
        <span title={text} dir="auto">
            {text}
        </span>
    )
}
