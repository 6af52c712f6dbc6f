import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { Check, Minus, X } from 'lucide-react'
import { explanation, type ExplainFor } from '@/api/flag-queries'
import type { ComparedProperty, Explanation, ExplainStep } from '@/api/flag-types'
import { useProject } from '@/api/project'
import { asText, personName, shortId } from '@/features/events/public'
import { useFilterText } from '@/features/filters/public'
import { cx } from '@/ui/classes'
import { Code } from '@/ui/copy'
import { Panel } from '@/ui/panel'
import { Empty, Failed, Skeleton, useSettled } from '@/ui/states'
import { bodyOf, type FlagDraft } from './draft'
import { answerText, foundText, place, sources, stepText, stepTitle, whyText } from './explain-text'
import { ExplainWho, type Who } from './explain-who'

/** What would this person get, and why: every condition with every value it compared. */
export function Explain({ draft, changed, flagId, who, onWho }: { draft: FlagDraft; changed: boolean; flagId: number | null; who: Who; onWho: (who: Who) => void }) {
    const project = useProject()
    const unsaved = useSettled(changed || flagId === null ? bodyOf(draft) : null, 300)
    const asked: ExplainFor = { distinct_id: who.as ?? '', person_properties: Object.keys(who.props).length > 0 ? who.props : undefined, groups: Object.keys(who.groups).length > 0 ? who.groups : undefined }
    const ready = who.as !== undefined
    const answer = useQuery({ ...explanation(project.id, flagId, unsaved, useSettled(asked, 200)), enabled: ready })
    return (
        <div className="grid items-start gap-[18px] md:grid-cols-[300px_minmax(0,1fr)]">
            <ExplainWho draft={draft} who={who} onWho={onWho} found={answer.data?.person ?? null} />
            <div className="flex min-w-0 flex-col gap-3">
                {changed ? <p className="rounded-md bg-warn-soft px-3 py-2 text-sm text-warn-ink">This is what the flag would answer with your changes, which are not saved.</p> : null}
                {!ready ? (
                    <Panel>
                        <Empty title="Pick somebody">You see what the flag answers for them, each condition that was tried, and each value that was compared.</Empty>
                    </Panel>
                ) : answer.isError ? (
                    <Failed what="The flag could not be explained" error={answer.error} onRetry={() => void answer.refetch()} />
                ) : !answer.data ? (
                    <Skeleton className="h-[220px] !rounded-lg" />
                ) : (
                    <Answer explanation={answer.data} dim={answer.isPlaceholderData} asked={who.as ?? ''} />
                )}
            </div>
        </div>
    )
}

function Answer({ explanation: answer, dim, asked }: { explanation: Explanation; dim: boolean; asked: string }) {
    const { evaluation, steps } = answer
    return (
        <div className={cx('flex flex-col gap-3 transition-opacity duration-[120ms]', dim && 'opacity-55')} aria-live="polite">
            <Panel label="Answer" className="p-4">
                <Subject person={answer.person} asked={asked} />
                <div className="mt-1 flex flex-wrap items-baseline gap-x-3">
                    <b className={cx('text-figure [overflow-wrap:anywhere]', evaluation.enabled ? 'text-good' : 'text-ink')} dir="auto">
                        {answerText(evaluation)}
                    </b>
                    <span className="text-ink-2">{whyText(answer)}</span>
                </div>
                {evaluation.payload !== null && evaluation.payload !== undefined ? (
                    <Code className="mt-3" label="Payload" text={typeof evaluation.payload === 'string' ? evaluation.payload : JSON.stringify(evaluation.payload, null, 2)} />
                ) : null}
            </Panel>
            <ol aria-label="Steps" className="flex flex-col gap-3">
                {steps.map((step, index) => (
                    <li key={index}>
                        <Step step={step} />
                    </li>
                ))}
            </ol>
        </div>
    )
}

function Subject({ person, asked }: { person: Explanation['person']; asked: string }) {
    const project = useProject()
    if (!person) return <p className="text-sm text-ink-2">“{shortId(asked)}” has no profile, so only the ID and what you filled in count. They get</p>
    return (
        <p className="text-sm text-ink-2">
            <Link to="/project/$projectId/persons/$personId" params={{ projectId: String(project.id), personId: person.uuid }} className="font-[550] text-ink hover:underline" dir="auto">
                {personName(person.properties, shortId(person.distinct_ids?.[0] ?? asked ?? person.uuid), project.person_display_name_properties)}
            </Link>{' '}
            gets
        </p>
    )
}

function Step({ step }: { step: ExplainStep }) {
    const mark = step.matched ? <Check className="size-4 text-good" aria-hidden /> : step.reason === 'out_of_rollout_bound' ? <Minus className="size-4 text-warn-ink" aria-hidden /> : <X className="size-4 text-ink-3" aria-hidden />
    return (
        <section aria-label={stepTitle(step)} className="overflow-hidden rounded-lg border border-line bg-surface">
            <h3 className="flex items-center gap-2 px-4 py-2.5 font-[600]">
                {mark}
                <span className="shrink-0">{stepTitle(step)}</span>
                <span className="min-w-0 truncate font-[450] text-ink-2" dir="auto">
                    {stepText(step)}
                </span>
            </h3>
            {step.properties && step.properties.length > 0 ? <Compared properties={step.properties} /> : null}
            {step.hash !== null && step.hash !== undefined ? <Bound hash={step.hash} rollout={step.rollout_percentage ?? 100} /> : null}
        </section>
    )
}

function Compared({ properties }: { properties: ComparedProperty[] }) {
    return (
        <div className="overflow-x-auto border-t border-line">
            <table className="w-full border-collapse text-sm" aria-label="Compared values">
                <thead className="sr-only sm:not-sr-only">
                    <tr className="text-left text-ink-3">
                        <th className="py-1.5 pr-3 pl-4 font-[500]">Asked</th>
                        <th className="py-1.5 pr-3 font-[500]">Found</th>
                        <th className="hidden py-1.5 pr-3 font-[500] sm:table-cell">From</th>
                        <th className="py-1.5 pr-4 text-right font-[500]">Result</th>
                    </tr>
                </thead>
                <tbody>
                    {properties.map((property, index) => (
                        <ComparedRow key={index} property={property} />
                    ))}
                </tbody>
            </table>
        </div>
    )
}

function ComparedRow({ property }: { property: ComparedProperty }) {
    const asks = useFilterText(property)
    const found = foundText(property)
    const missing = property.found === undefined && property.type !== 'cohort'
    return (
        <tr className="border-t border-line align-top">
            <td className="py-2 pr-3 pl-4 [overflow-wrap:anywhere]" dir="auto">
                <span className="text-ink-2">{asks.subject}</span> {asks.relation} <b className="font-[560]">{asText(asks.value)}</b>
            </td>
            <td className={cx('max-w-[280px] py-2 pr-3 [overflow-wrap:anywhere]', missing && 'text-ink-3')} dir="auto">
                {found}
            </td>
            <td className="hidden py-2 pr-3 text-ink-3 sm:table-cell">{property.source && !missing ? sources[property.source] : ''}</td>
            <td className="py-2 pr-4 text-right whitespace-nowrap">
                {property.matched ? (
                    <span className="inline-flex items-center gap-1 text-good">
                        <Check className="size-3.5" aria-hidden /> matches
                    </span>
                ) : (
                    <span className="inline-flex items-center gap-1 text-bad">
                        <X className="size-3.5" aria-hidden /> differs
                    </span>
                )}
            </td>
        </tr>
    )
}

/** Where they fall on the way from 0 to 100, and where the rollout ends. */
function Bound({ hash, rollout }: { hash: number; rollout: number }) {
    const inside = hash <= rollout / 100
    return (
        <div className="border-t border-line px-4 py-3 text-sm text-ink-2">
            <div className="relative mb-1.5 h-[7px] rounded-full bg-sunken" role="img" aria-label={`Rollout to ${rollout}%, this person at ${place(hash)}`}>
                <span className="absolute inset-y-0 left-0 rounded-full bg-line-strong" style={{ width: `${rollout}%` }} />
                <span className={cx('absolute -top-[3px] h-[13px] w-[3px] -translate-x-1/2 rounded-full', inside ? 'bg-good' : 'bg-bad')} style={{ left: `${hash * 100}%` }} />
            </div>
            Always falls at <b className="font-[600] text-ink">{place(hash)}</b> for this flag; the rollout takes everybody up to <b className="font-[600] text-ink">{rollout}%</b>.
        </div>
    )
}
