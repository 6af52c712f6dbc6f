import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { ChevronRight } from 'lucide-react'
import { useState, type ReactNode } from 'react'
import { useProject } from '@/api/project'
import { ingestionHealth } from '@/api/queries'
import type { IngestionHealth, Reason, Stage } from '@/api/types'
import { warningText } from '@/features/definitions/public'
import { formatBytes, formatNumber, formatShort } from '@/lib/numbers'
import { formatAgo, formatSeconds } from '@/lib/time'
import { cx } from '@/ui/classes'
import { Code } from '@/ui/copy'
import { Page } from '@/ui/page'
import { Dot, Panel } from '@/ui/panel'
import { Failed, Skeleton, useNow } from '@/ui/states'
import { judge } from './judgement'
import { reasonTitle } from './reason-titles'

type TitledReason = Reason & { title: string }

/** From "accepted" to "queryable" in one line of numbers; what was refused, why, and how to fix it. */
export function IngestionPage() {
    const project = useProject()
    const health = useQuery(ingestionHealth(project.id))
    return (
        <Page title="Ingestion" note={health.data?.since ? `counted since the server started, ${formatAgo(health.data.since, new Date())}` : undefined}>
            {health.isPending ? (
                <Skeleton className="h-[120px] !rounded-lg" />
            ) : !health.data ? (
                <Failed what="The state of ingestion could not be read" error={health.error} onRetry={() => void health.refetch()} />
            ) : (
                <Health health={health.data} stale={health.isError} />
            )}
        </Page>
    )
}

function Health({ health, stale }: { health: IngestionHealth; stale: boolean }) {
    const project = useProject()
    const now = useNow(1000)
    const verdict = stale ? { tone: 'bad' as const, text: 'The server does not answer any more; these are the last numbers it gave.' } : judge(health, project.ingested_event)
    return (
        <div className="flex flex-col gap-[14px]">
            <p role="status" className="flex items-center gap-2.5 text-lg font-[560]">
                <Dot tone={verdict.tone} /> {verdict.text}
            </p>
            <Panel label="From accepted to queryable" className="overflow-x-auto">
                <ol className="grid min-w-[720px] grid-cols-5 max-md:min-w-0 max-md:grid-cols-2">
                    <StageFigure label="Accepted" hint="answered with 200" stage={health.accepted} now={now} />
                    <StageFigure label="Durable" hint="safe on disk before the answer" stage={health.durable} now={now} />
                    <StageFigure label="Ingested" hint="persons found, enriched" stage={health.ingested} now={now} />
                    <StageFigure label="Queryable" hint="part of every answer" stage={health.queryable} now={now} />
                    <li className="flex flex-col gap-0.5 px-[18px] py-4 max-md:col-span-2">
                        <span className="text-sm text-ink-2">Behind</span>
                        <span className={cx('text-figure font-[620] tracking-[-0.02em]', health.queryable.lag_seconds > 10 && 'text-warn-ink')}>{formatSeconds(health.queryable.lag_seconds)}</span>
                        <span className="text-sm text-ink-3">oldest event still on its way</span>
                    </li>
                </ol>
            </Panel>
            <div className="grid items-start gap-[14px] lg:grid-cols-2">
                <Reasons
                    title="Refused at the door"
                    about="The sender was told, with the status code."
                    none="Nothing was refused."
                    reasons={health.refused.map(titled)}
                    now={now}
                />
                <Reasons title="Dropped on the way" about="Accepted, then left out for a reason." none="Nothing was dropped." reasons={health.dropped.map(titled)} now={now} />
                <Reasons
                    title="Warnings"
                    about={<WarningsLink />}
                    none="No warnings."
                    reasons={health.warnings.map((warning) => ({ ...warning, reason: warning.type, title: warningText(warning.type).title, fix: warning.fix ?? warningText(warning.type).fix }))}
                    now={now}
                />
                <Store health={health} />
            </div>
        </div>
    )
}

function WarningsLink() {
    const project = useProject()
    return (
        <>
            Kept, but not quite as it was meant.{' '}
            <Link to="/project/$projectId/data/$section" params={{ projectId: String(project.id), section: 'warnings' }} className="underline underline-offset-2 hover:text-ink">
                All examples
            </Link>
        </>
    )
}

function StageFigure({ label, hint, stage, now }: { label: string; hint: string; stage: Stage; now: Date }) {
    return (
        <li className="relative flex flex-col gap-0.5 border-r border-line px-[18px] py-4 max-md:border-b max-md:even:border-r-0">
            <span className="text-sm text-ink-2" title={hint}>
                {label}
            </span>
            <span className="text-figure font-[620] tracking-[-0.02em]" title={formatNumber(stage.total)}>
                {stage.total >= 10_000_000 ? formatShort(stage.total) : formatNumber(stage.total)}
            </span>
            <span className="text-sm text-ink-3">
                {stage.per_second !== undefined ? `${formatNumber(Math.round(stage.per_second * 10) / 10)}/s, ` : ''}
                {stage.last_at ? `last ${formatAgo(stage.last_at, now)}` : 'none yet'}
            </span>
            <span className="text-sm text-ink-3 max-md:hidden">{hint}</span>
            <ChevronRight aria-hidden className="absolute top-1/2 -right-[9px] z-10 size-[18px] -translate-y-1/2 rounded-full bg-surface text-ink-3 max-md:hidden" />
        </li>
    )
}

function Reasons({ title, about, none, reasons, now }: { title: string; about: ReactNode; none: string; reasons: TitledReason[]; now: Date }) {
    const [open, setOpen] = useState<string | null>(null)
    return (
        <Panel title={title} aside={reasons.length > 0 ? formatNumber(reasons.reduce((sum, reason) => sum + reason.count, 0)) : undefined} className="overflow-hidden">
            <p className="px-4 pb-2.5 text-sm text-ink-3">{about}</p>
            {reasons.length === 0 ? (
                <p className="flex items-center gap-2 border-t border-line px-4 py-3">
                    <Dot tone="good" /> {none}
                </p>
            ) : (
                <ul>
                    {[...reasons]
                        .sort((a, b) => b.count - a.count)
                        .map((reason) => (
                            <li key={reason.reason} className="border-t border-line">
                                <button
                                    type="button"
                                    aria-expanded={open === reason.reason}
                                    onClick={() => setOpen(open === reason.reason ? null : reason.reason)}
                                    className="grid min-h-8 w-full grid-cols-[16px_minmax(0,1fr)_auto_auto] items-center gap-2.5 px-4 py-1 text-left hover:bg-sunken focus-visible:-outline-offset-2"
                                >
                                    <ChevronRight className={cx('size-4 text-ink-3 transition-transform duration-[120ms]', open === reason.reason && 'rotate-90')} aria-hidden />
                                    <span className="[overflow-wrap:anywhere]">{reason.title}</span>
                                    <span className="text-sm text-ink-3">{reason.last_at ? formatAgo(reason.last_at, now) : ''}</span>
                                    <b className="min-w-[48px] text-right font-[600]">{formatNumber(reason.count)}</b>
                                </button>
                                {open === reason.reason ? (
                                    <div className="flex flex-col gap-2.5 px-4 pt-1 pb-3.5 pl-[42px]">
                                        {reason.fix ? (
                                            <p>
                                                <b className="font-[600]">How to fix it:</b> {reason.fix}
                                            </p>
                                        ) : null}
                                        {reason.example !== undefined && reason.example !== null ? (
                                            <Code label="Example" text={typeof reason.example === 'string' ? reason.example : JSON.stringify(reason.example, null, 2)} />
                                        ) : null}
                                    </div>
                                ) : null}
                            </li>
                        ))}
                </ul>
            )}
        </Panel>
    )
}

const titled = (reason: Reason): TitledReason => ({ ...reason, title: reasonTitle(reason.reason) })

function Store({ health }: { health: IngestionHealth }) {
    const { disk, geoip } = health
    const used = disk.events_bytes + disk.queue_bytes
    const all = Math.max(1, used + disk.free_bytes)
    return (
        <Panel title="Disk and places">
            <div className="px-4 pb-4">
                <div className="flex h-[10px] overflow-hidden rounded-[4px] bg-sunken" role="img" aria-label={`${formatBytes(used)} used by events, ${formatBytes(disk.free_bytes)} free`}>
                    <span className="bg-s1" style={{ width: `${(disk.events_bytes / all) * 100}%` }} />
                    <span className="bg-s3" style={{ width: `${(disk.queue_bytes / all) * 100}%` }} />
                </div>
                <dl className="mt-3 grid grid-cols-[auto_1fr] gap-x-6 gap-y-1.5">
                    <Line colour="bg-s1" label="Events" value={formatBytes(disk.events_bytes)} note="all projects of this server" />
                    <Line colour="bg-s3" label="Queue" value={formatBytes(disk.queue_bytes)} note={disk.queue_limit_bytes ? `of at most ${formatBytes(disk.queue_limit_bytes)}; kept until everything in it is queryable` : 'kept until everything in it is queryable'} />
                    <Line colour="bg-sunken border border-line-strong" label="Free" value={formatBytes(disk.free_bytes)} />
                </dl>
                <dl className="mt-3 grid grid-cols-[auto_1fr] gap-x-6 border-t border-line pt-3">
                    <dt className="flex items-center gap-2 self-start text-ink-2">
                        <Dot tone={geoip.enabled ? 'good' : 'idle'} /> GeoIP
                    </dt>
                    <dd className="text-ink-2 [overflow-wrap:anywhere]">{geoip.enabled ? `on${geoip.path ? `, from ${geoip.path}` : ''}` : 'off: no city database was found, so events carry no country or city'}</dd>
                </dl>
            </div>
        </Panel>
    )
}

function Line({ colour, label, value, note }: { colour: string; label: string; value: string; note?: string }) {
    return (
        <>
            <dt className="flex items-center gap-2 text-ink-2">
                <span aria-hidden className={cx('size-[9px] rounded-[3px]', colour)} /> {label}
            </dt>
            <dd>
                <b className="font-[600]">{value}</b> {note ? <span className="text-ink-3">{note}</span> : null}
            </dd>
        </>
    )
}
