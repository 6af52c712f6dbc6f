import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useMemo, useState } from 'react'
import type { FeatureFlag } from '@/api/flag-types'
import { host, useProject } from '@/api/project'
import { queryNode } from '@/api/queries'
import type { TrendsQuery, TrendsResult } from '@/api/types'
import { Legend, seriesColour, TimeChart } from '@/features/insights/public'
import { count, formatNumber } from '@/lib/numbers'
import { buttonClass } from '@/ui/button'
import { Segmented } from '@/ui/choice'
import { cx } from '@/ui/classes'
import { Code } from '@/ui/copy'
import { Panel } from '@/ui/panel'
import { Empty, Failed, Skeleton } from '@/ui/states'
import { snippets } from './snippets'
import { usageLines } from './usage-lines'

const ranges = [
    { value: '-7d', label: '7 d' },
    { value: '-30d', label: '30 d' },
    { value: '-90d', label: '90 d' },
] as const

type UsageRange = (typeof ranges)[number]['value']
type UsageMath = 'total' | 'dau'

function usageQuery(key: string, range: UsageRange, math: UsageMath): TrendsQuery {
    return {
        kind: 'TrendsQuery',
        series: [{ kind: 'EventsNode', event: '$feature_flag_called', math, properties: [{ type: 'event', key: '$feature_flag', operator: 'exact', value: [key] }] }],
        interval: 'day',
        dateRange: { date_from: range },
        breakdownFilter: { breakdowns: [{ type: 'event', property: '$feature_flag_response' }] },
    }
}

/** How often the flag is asked for, and what it answers. */
export function Usage({ flag, range, math, onChange }: { flag: FeatureFlag; range: UsageRange; math: UsageMath; onChange: (next: { range?: UsageRange; math?: UsageMath }) => void }) {
    const project = useProject()
    const [highlighted, setHighlighted] = useState<string | null>(null)
    const asked = usageQuery(flag.key, range, math)
    const answer = useQuery(queryNode<TrendsResult[]>(project.id, asked))
    const variants = useMemo(() => (flag.filters.multivariate?.variants ?? []).map((variant) => variant.key), [flag])
    const lines = useMemo(() => usageLines(answer.data?.results ?? [], variants), [answer.data, variants])
    const total = lines.reduce((all, line) => all + line.total, 0)
    if (answer.isError) return <Failed what="The calls could not be counted" error={answer.error} onRetry={() => void answer.refetch()} />
    return (
        <div className="flex flex-col gap-3">
            <div className="flex flex-wrap items-center gap-2">
                <Segmented label="Time" value={range} options={[...ranges]} onChange={(next) => onChange({ range: next })} />
                <Segmented
                    label="Count"
                    value={math}
                    options={[
                        { value: 'total', label: 'Calls' },
                        { value: 'dau', label: 'Persons' },
                    ]}
                    onChange={(next) => onChange({ math: next })}
                />
                <Link
                    to="/project/$projectId/insights/new"
                    params={{ projectId: String(project.id) }}
                    search={{ series: [{ event: '$feature_flag_called', math, filters: [{ type: 'event', key: '$feature_flag', operator: 'exact', value: [flag.key] }] }], from: range, by: [{ type: 'event', property: '$feature_flag_response' }] }}
                    className={cx(buttonClass('quiet'), 'ml-auto')}
                >
                    Open as insight
                </Link>
            </div>
            {!answer.data ? (
                <Skeleton className="h-[320px] !rounded-lg" />
            ) : total === 0 ? (
                <NoCalls flag={flag} />
            ) : (
                <Panel label="Calls per day" className={cx('transition-opacity duration-[120ms]', answer.isPlaceholderData && 'opacity-55')}>
                    <div className="px-4 pt-4">
                        <div className="text-sm text-ink-2">{math === 'total' ? 'Calls' : 'Persons on a day, added up'}</div>
                        <div className="text-figure font-[650]">{formatNumber(total)}</div>
                    </div>
                    <TimeChart lines={lines} interval="day" kind="bar" incomplete highlighted={highlighted} label={`Calls of ${flag.key} per day by answer; the table below has the totals`} />
                    <Legend lines={lines} hidden={0} highlighted={highlighted} onHighlight={setHighlighted} incomplete={false} compared={false} />
                    <table aria-label="Calls by answer" className="w-full border-collapse border-t border-line">
                        <thead>
                            <tr className="text-sm text-ink-2">
                                <th className="px-4 py-1.5 text-left font-[550]">Answer</th>
                                <th className="px-4 py-1.5 text-right font-[550]">{math === 'total' ? 'Calls' : 'Persons'}</th>
                                <th className="px-4 py-1.5 text-right font-[550]">Share</th>
                            </tr>
                        </thead>
                        <tbody>
                            {lines.map((line) => (
                                <tr key={line.key} className="border-t border-line">
                                    <td className="max-w-[260px] truncate px-4 py-1.5" dir="auto">
                                        <span aria-hidden className="mr-2 inline-block size-[9px] rounded-[3px]" style={{ background: seriesColour(line.colour) }} />
                                        {line.label}
                                    </td>
                                    <td className="px-4 py-1.5 text-right">{formatNumber(line.total)}</td>
                                    <td className="px-4 py-1.5 text-right text-ink-2">{((line.total / total) * 100).toFixed(1)}%</td>
                                </tr>
                            ))}
                        </tbody>
                    </table>
                    <p className="border-t border-line px-4 py-2 text-sm text-ink-3">
                        SDKs report an answer once per person and answer, so {math === 'total' ? count(total, 'call') : 'a count'} is not how often your code asked. Days of {answer.data.timezone ?? project.timezone}.
                    </p>
                </Panel>
            )}
        </div>
    )
}

function NoCalls({ flag }: { flag: FeatureFlag }) {
    const project = useProject()
    const first = snippets({ key: flag.key, kind: 'boolean', host: host(), token: project.api_token, projectId: project.id, server: false })[0]
    return (
        <Panel>
            <Empty title="Nobody has asked for this flag yet">
                <p className="mb-3">Calls appear here as soon as an SDK asks for it and reports what it got. For example:</p>
                <Code label="Code that asks for the flag" text={first?.code ?? ''} />
            </Empty>
        </Panel>
    )
}
