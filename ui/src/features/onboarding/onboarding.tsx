import { getRouteApi, Link } from '@tanstack/react-router'
import { ArrowRight, BarChart3, Radio, UserPlus } from 'lucide-react'
import type { ReactNode } from 'react'
import { host, useProject } from '@/api/project'
import { PropertyTable, shortId } from '@/features/events/public'
import { eventLabel } from '@/lib/known-names'
import { count } from '@/lib/numbers'
import { formatAgo, formatMilliseconds } from '@/lib/time'
import { cx } from '@/ui/classes'
import { Code, CopyLine } from '@/ui/copy'
import { Page } from '@/ui/page'
import { Dot, Panel } from '@/ui/panel'
import { Select } from '@/ui/choice'
import { Skeleton, useNow } from '@/ui/states'
import { useFirstEvent, type Arrived } from './first-event'
import { frameworks, type Framework } from './snippets'

const route = getRouteApi('/project/$projectId/onboarding')
const kinds: Framework['kind'][] = ['Web', 'Server', 'Mobile', 'Anything']

export function OnboardingPage() {
    const project = useProject()
    const search = route.useSearch()
    const navigate = route.useNavigate()
    const { arrived, stream, looking } = useFirstEvent()
    const chosen = frameworks.find((framework) => framework.id === search.with) ?? frameworks[0]!
    const choose = (id: string) => void navigate({ search: { with: id }, replace: true })
    const steps = chosen.steps(host(), project.api_token)
    return (
        <Page title="Quick start" note="Send a first event; it takes about a minute">
            <div className="grid items-start gap-[18px] lg:grid-cols-[minmax(0,1fr)_380px] xl:grid-cols-[180px_minmax(0,1fr)_420px]">
                <Select
                    label="What do you build with?"
                    className="sm:hidden"
                    value={chosen.id}
                    onChange={choose}
                    groups={kinds.map((kind) => ({ label: kind, options: frameworks.filter((framework) => framework.kind === kind).map((framework) => ({ value: framework.id, label: framework.name })) }))}
                />
                <div role="group" aria-label="What do you build with?" className="hidden flex-wrap gap-1.5 sm:flex lg:col-span-2 xl:hidden">
                    {frameworks.map((framework) => (
                        <button
                            key={framework.id}
                            type="button"
                            aria-pressed={framework.id === chosen.id}
                            onClick={() => choose(framework.id)}
                            className={cx('h-[28px] rounded-md border px-2.5', framework.id === chosen.id ? 'border-ink bg-ink text-bg' : 'border-line bg-surface text-ink-2 hover:border-line-strong hover:text-ink')}
                        >
                            {framework.name}
                        </button>
                    ))}
                </div>
                <nav aria-label="What do you build with?" className="hidden flex-col xl:flex">
                    {kinds.map((kind) => (
                        <div key={kind} className="mb-3">
                            <h2 className="px-2 pb-1 text-xs font-[550] text-ink-3">{kind}</h2>
                            {frameworks
                                .filter((framework) => framework.kind === kind)
                                .map((framework) => (
                                    <button
                                        key={framework.id}
                                        type="button"
                                        aria-pressed={framework.id === chosen.id}
                                        onClick={() => choose(framework.id)}
                                        className={cx('flex h-[30px] w-full items-center rounded-[6px] px-2 text-left hover:bg-sunken', framework.id === chosen.id ? 'bg-sunken font-[560]' : 'text-ink-2')}
                                    >
                                        {framework.name}
                                    </button>
                                ))}
                        </div>
                    ))}
                </nav>
                <div className="flex min-w-0 flex-col gap-5">
                    <ol className="flex flex-col gap-5">
                        {steps.map((step, index) => (
                            <li key={`${chosen.id}-${index}`} className="flex flex-col gap-2">
                                <h2 className="flex items-baseline gap-2.5 font-[560]">
                                    <span aria-hidden className="flex size-[20px] shrink-0 translate-y-px items-center justify-center rounded-full border border-line-strong text-xs text-ink-2">
                                        {index + 1}
                                    </span>
                                    {step.title}
                                </h2>
                                <Code text={step.code} label={step.title} />
                                {step.note ? <p className="text-sm text-ink-2">{step.note}</p> : null}
                            </li>
                        ))}
                    </ol>
                    <dl className="grid gap-x-6 gap-y-1 text-sm sm:grid-cols-[auto_1fr]">
                        <dt className="text-ink-3">Host</dt>
                        <dd className="min-w-0">
                            <CopyLine text={host()} label="host" />
                        </dd>
                        <dt className="text-ink-3">Project API key</dt>
                        <dd className="min-w-0">
                            <CopyLine text={project.api_token} label="project API key" />
                        </dd>
                    </dl>
                </div>
                <div className="min-w-0">
                    {arrived ? (
                        <ArrivedEvent arrived={arrived} />
                    ) : looking ? (
                        <Skeleton className="h-[220px] !rounded-lg" />
                    ) : (
                        <Panel label="First event" className="flex flex-col gap-3 p-5">
                            <p className="flex items-center gap-2.5 text-lg font-[600]" role="status">
                                <span className="breathe size-[9px] rounded-full bg-accent" aria-hidden /> Waiting for your first event…
                            </p>
                            <p className="text-ink-2">It shows here the moment it is ingested, with everything that was understood of it. Leave this page open.</p>
                            <p className="flex items-center gap-2 text-sm text-ink-3">
                                <Dot tone={stream.kind === 'open' ? 'good' : stream.kind === 'waiting' ? 'warn' : 'idle'} />
                                {stream.kind === 'open' ? 'Connected to the live stream' : stream.kind === 'waiting' ? `Live stream not reachable (${stream.reason}); looking every few seconds instead` : 'Connecting to the live stream'}
                            </p>
                            <p className="border-t border-line pt-3 text-sm text-ink-3">
                                Nothing comes?{' '}
                                <Link to="/project/$projectId/ingestion" params={{ projectId: String(project.id) }} className="text-ink-2 underline underline-offset-2 hover:text-ink">
                                    Ingestion health
                                </Link>{' '}
                                shows refused events with the reason and the fix. Ad blockers often block analytics on localhost too.
                            </p>
                        </Panel>
                    )}
                </div>
            </div>
        </Page>
    )
}

function ArrivedEvent({ arrived }: { arrived: Arrived }) {
    const project = useProject()
    const now = useNow(1000)
    const { event, latencyMs } = arrived
    const params = { projectId: String(project.id) }
    const person = event.person_id ?? event.distinct_id
    const bytes = new Blob([JSON.stringify(event.properties)]).size
    return (
        <div className="flex flex-col gap-[14px]">
            <Panel label="First event" className="arrive overflow-hidden">
                <div role="status" className="flex flex-col gap-1 border-b border-line p-5">
                    <span className="flex items-center gap-2 text-sm text-good">
                        <Dot tone="good" /> {latencyMs === null ? `Your events arrive; the newest is from ${formatAgo(event.timestamp, now)}` : 'It arrived'}
                    </span>
                    <h2 className="text-xl font-[620] tracking-[-0.015em] [overflow-wrap:anywhere]" dir="auto">
                        {eventLabel(event.event)}
                    </h2>
                    <div className="mt-1 flex flex-wrap gap-x-7 gap-y-2">
                        {latencyMs !== null ? <Fact label="From send to screen" value={formatMilliseconds(latencyMs)} /> : null}
                        <Fact label="Properties understood" value={String(Object.keys(event.properties).length)} />
                        <Fact label="Size" value={`${bytes.toLocaleString('en-US')} B`} />
                    </div>
                </div>
                <div className="border-b border-line px-5 py-3">
                    <span className="text-sm text-ink-3">The person it belongs to</span>
                    <Link
                        to="/project/$projectId/persons/$personId"
                        params={{ ...params, personId: person }}
                        className="flex items-center gap-1.5 font-[550] underline decoration-line-strong underline-offset-2 hover:decoration-ink"
                    >
                        {shortId(event.distinct_id)} <ArrowRight className="size-3.5" aria-hidden />
                    </Link>
                </div>
                <div className="max-h-[250px] overflow-auto" tabIndex={0} role="region" aria-label={count(Object.keys(event.properties).length, 'property', 'properties')}>
                    <PropertyTable properties={event.properties} compact />
                </div>
            </Panel>
            <Panel title="Next">
                <div className="flex flex-col p-2 pt-1">
                    <Next to="/project/$projectId/live" icon={<Radio aria-hidden />} title="Watch events live" text="Click around your page and see each event come in." />
                    <Next to="/project/$projectId/insights/new" icon={<BarChart3 aria-hidden />} title="Make a first chart" text="Count anything, by day, by browser, by plan." />
                    <Next to="/project/$projectId/settings/members" icon={<UserPlus aria-hidden />} title="Invite your team" text="A link or a letter; no seats to buy." />
                </div>
            </Panel>
        </div>
    )
}

function Fact({ label, value }: { label: string; value: string }) {
    return (
        <div>
            <div className="text-sm text-ink-2">{label}</div>
            <div className="text-[22px] font-[620] tracking-[-0.02em]">{value}</div>
        </div>
    )
}

function Next({ to, icon, title, text }: { to: '/project/$projectId/live' | '/project/$projectId/insights/new' | '/project/$projectId/settings/members'; icon: ReactNode; title: string; text: string }) {
    const project = useProject()
    return (
        <a href={to.replace('$projectId', String(project.id))} className="flex items-center gap-3 rounded-md px-2 py-2 hover:bg-sunken [&_svg]:size-4 [&_svg]:text-ink-3">
            {icon}
            <span className="flex-1">
                <span className="block font-[550]">{title}</span>
                <span className="block text-sm text-ink-3">{text}</span>
            </span>
            <ArrowRight aria-hidden />
        </a>
    )
}
