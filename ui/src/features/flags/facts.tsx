import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { dependentFlags, flagStatus } from '@/api/flag-queries'
import type { FeatureFlag } from '@/api/flag-types'
import { useProject } from '@/api/project'
import { formatAgo, formatDateTime } from '@/lib/time'
import { Panel } from '@/ui/panel'
import { useNow } from '@/ui/states'
import { StateSwitch } from './state-switch'
import { StatusText } from './status'

const linkClass = 'underline decoration-line-strong underline-offset-2 hover:decoration-ink'

/** Whether it is on, who uses it, and what hangs on it. */
export function FlagFacts({ flag }: { flag: FeatureFlag }) {
    const project = useProject()
    const params = { projectId: String(project.id) }
    const now = useNow(15_000)
    const dependents = useQuery(dependentFlags(project.id, flag.id))
    const status = useQuery({ ...flagStatus(project.id, flag.id, flag.version), enabled: flag.status === 'STALE' })
    const time = (when: string): ReactNode => (
        <time dateTime={when} title={formatDateTime(when, project.timezone)}>
            {formatAgo(when, now)}
        </time>
    )
    const features = flag.features ?? []
    return (
        <Panel label="About this flag">
            <div className="flex items-center justify-between gap-3 px-4 py-3">
                <span className="text-lg font-[600]">{flag.active ? 'Enabled' : 'Disabled'}</span>
                <StateSwitch flag={flag} />
            </div>
            <dl className="border-t border-line text-sm">
                <Fact name="Status">
                    <StatusText flag={flag} />
                    {status.data && flag.status === 'STALE' ? <span className="block text-ink-3">{status.data.reason}</span> : null}
                </Fact>
                <Fact name="Last called">{flag.last_called_at ? time(flag.last_called_at) : 'never'}</Fact>
                <Fact name="Made">
                    {time(flag.created_at)}
                    {flag.created_by ? ` by ${flag.created_by.first_name || flag.created_by.email}` : ''}
                </Fact>
                <Fact name="Version">{flag.version}</Fact>
                {dependents.data && dependents.data.length > 0 ? (
                    <Fact name="Asked by">
                        <Links>
                            {dependents.data.map((other) => (
                                <Link key={other.id} to="/project/$projectId/feature_flags/$flagId" params={{ ...params, flagId: String(other.id) }} className={linkClass}>
                                    {other.key}
                                </Link>
                            ))}
                        </Links>
                    </Fact>
                ) : null}
                {flag.experiment_set?.length ? (
                    <Fact name="Experiments">
                        <Links>
                            {flag.experiment_set.map((id) => (
                                <Link key={id} to="/project/$projectId/experiments/$experimentId" params={{ ...params, experimentId: String(id) }} className={linkClass}>
                                    Experiment {id}
                                </Link>
                            ))}
                        </Links>
                    </Fact>
                ) : null}
                {flag.surveys?.length ? (
                    <Fact name="Surveys">
                        <Links>
                            {flag.surveys.map((survey) => (
                                <Link key={survey.id} to="/project/$projectId/surveys/$surveyId" params={{ ...params, surveyId: survey.id }} className={linkClass}>
                                    {survey.name ?? survey.id}
                                </Link>
                            ))}
                        </Links>
                    </Fact>
                ) : null}
                {features.length > 0 ? (
                    <Fact name="Early access">
                        <Links>
                            {features.map((feature) => (
                                <Link key={feature.id} to="/project/$projectId/early_access_features/$featureId" params={{ ...params, featureId: feature.id }} className={linkClass}>
                                    {feature.name}
                                </Link>
                            ))}
                        </Links>
                    </Fact>
                ) : (
                    <Fact name="Early access">
                        <Link
                            to="/project/$projectId/early_access_features/$featureId"
                            params={{ ...params, featureId: 'new' }}
                            search={{ flag: flag.id }}
                            className={linkClass}
                        >
                            Let people opt in
                        </Link>
                    </Fact>
                )}
            </dl>
        </Panel>
    )
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
    return (
        <div className="flex items-baseline justify-between gap-4 border-b border-line px-4 py-2 last:border-0">
            <dt className="shrink-0 text-ink-2">{name}</dt>
            <dd className="min-w-0 text-right [overflow-wrap:anywhere]" dir="auto">
                {children}
            </dd>
        </div>
    )
}

function Links({ children }: { children: ReactNode }) {
    return <span className="flex flex-col items-end gap-0.5">{children}</span>
}
