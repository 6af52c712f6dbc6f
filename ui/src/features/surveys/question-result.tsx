import { Link } from '@tanstack/react-router'
import { useProject } from '@/api/project'
import type { Counted, QuestionSummary } from '@/api/survey-types'
import { count, formatNumber } from '@/lib/numbers'
import { formatAgo, formatDateTime } from '@/lib/time'
import { Panel } from '@/ui/panel'
import { useNow } from '@/ui/states'

/** What the answers to one question come to. */
export function QuestionResult({ question }: { question: QuestionSummary }) {
    return (
        <Panel label={`Answers to question ${question.index + 1}`} className="p-4">
            <h2 className="font-[600] [overflow-wrap:anywhere]" dir="auto">
                {question.question}
            </h2>
            <p className="mb-3 text-sm text-ink-3">{count(question.answered, 'answer')}</p>
            {question.nps ? <Nps {...question.nps} /> : null}
            {question.type === 'rating' && !question.nps && question.average !== null && question.average !== undefined ? (
                <p className="mb-2">
                    <span className="text-[22px] font-[600]">{formatNumber(question.average)}</span> <span className="text-ink-3">on average, of {question.scale}</span>
                </p>
            ) : null}
            {question.counts ? <Bars label={question.question} counts={question.counts} of={question.answered} /> : null}
            {question.others && question.others.length > 0 ? <OwnWords words={question.others} /> : null}
            {question.answers ? <Answers answers={question.answers} /> : null}
        </Panel>
    )
}

function Bars({ label, counts, of }: { label: string; counts: Counted[]; of: number }) {
    const most = Math.max(1, ...counts.map((row) => row.count))
    return (
        <table aria-label={`Answers: ${label}`} className="w-full border-collapse">
            <tbody>
                {counts.map((row) => (
                    <tr key={String(row.value)}>
                        <th scope="row" className="max-w-[180px] truncate py-1 pr-3 text-left align-middle text-sm font-normal text-ink-2" title={String(row.value)} dir="auto">
                            {row.value}
                            {row.is_open ? <span className="text-ink-3"> (own words)</span> : null}
                        </th>
                        <td className="w-full py-1">
                            <span aria-hidden className="block h-4 rounded-[3px] bg-s1" style={{ width: `${(row.count / most) * 100}%`, minWidth: row.count > 0 ? 2 : 0 }} />
                        </td>
                        <td className="py-1 pl-3 text-right whitespace-nowrap">{formatNumber(row.count)}</td>
                        <td className="w-[52px] py-1 pl-2 text-right text-sm whitespace-nowrap text-ink-3">{of === 0 ? '–' : `${Math.round((row.count / of) * 100)}%`}</td>
                    </tr>
                ))}
            </tbody>
        </table>
    )
}

/** The score with the shares it is made of. */
function Nps({ promoters, passives, detractors, score }: { promoters: number; passives: number; detractors: number; score: number | null }) {
    const all = promoters + passives + detractors
    const parts = [
        { label: 'Detractors', hint: '0 to 6', value: detractors, colour: 'bg-bad' },
        { label: 'Passives', hint: '7 and 8', value: passives, colour: 'bg-line-strong' },
        { label: 'Promoters', hint: '9 and 10', value: promoters, colour: 'bg-good' },
    ]
    return (
        <div className="mb-4">
            <p className="mb-1.5">
                <span className="text-[22px] font-[600]">{score === null ? '–' : `${score > 0 ? '+' : ''}${formatNumber(score)}`}</span> <span className="text-ink-3">net promoter score</span>
            </p>
            {all > 0 ? (
                <>
                    <div aria-hidden className="flex h-3 gap-px overflow-hidden rounded-[3px]">
                        {parts.map((part) => (part.value > 0 ? <span key={part.label} className={part.colour} style={{ flexGrow: part.value }} /> : null))}
                    </div>
                    <ul className="mt-1.5 flex flex-wrap gap-x-4 text-sm text-ink-2">
                        {parts.map((part) => (
                            <li key={part.label} className="flex items-center gap-1.5" title={part.hint}>
                                <span aria-hidden className={`size-[8px] rounded-[2px] ${part.colour}`} /> {part.label} {formatNumber(part.value)}
                            </li>
                        ))}
                    </ul>
                </>
            ) : null}
        </div>
    )
}

function OwnWords({ words }: { words: Counted[] }) {
    return (
        <div className="mt-3 border-t border-line pt-2">
            <h3 className="text-sm font-[550] text-ink-2">In own words</h3>
            <ul className="mt-1 flex max-h-[200px] flex-col gap-1 overflow-auto text-sm" tabIndex={0} aria-label="In own words">
                {words.map((row) => (
                    <li key={String(row.value)} className="flex justify-between gap-3">
                        <span className="[overflow-wrap:anywhere]" dir="auto">
                            {row.value}
                        </span>
                        <span className="text-ink-3">{formatNumber(row.count)}</span>
                    </li>
                ))}
            </ul>
        </div>
    )
}

function Answers({ answers }: { answers: NonNullable<QuestionSummary['answers']> }) {
    const project = useProject()
    const now = useNow(30_000)
    if (answers.length === 0) return <p className="text-sm text-ink-3">Nobody has answered this yet.</p>
    return (
        <ul className="flex max-h-[340px] flex-col overflow-auto" tabIndex={0} aria-label="Newest answers">
            {answers.map((answer) => (
                <li key={answer.uuid} className="row-line py-2 last:border-0">
                    <p className="[overflow-wrap:anywhere] whitespace-pre-wrap" dir="auto">
                        {answer.value}
                    </p>
                    <p className="mt-0.5 flex gap-2 text-sm text-ink-3">
                        <Link to="/project/$projectId/persons/$personId" params={{ projectId: String(project.id), personId: answer.person_id }} className="max-w-[220px] truncate hover:underline" title={answer.distinct_id}>
                            {answer.distinct_id}
                        </Link>
                        <time dateTime={answer.timestamp} title={formatDateTime(answer.timestamp, project.timezone)}>
                            {formatAgo(answer.timestamp, now)}
                        </time>
                    </p>
                </li>
            ))}
        </ul>
    )
}
