import { useQuery } from '@tanstack/react-query'
import { useProject } from '@/api/project'
import { ingestionWarnings } from '@/api/queries'
import type { IngestionWarning } from '@/api/types'
import { count } from '@/lib/numbers'
import { formatAgo, formatDateTime } from '@/lib/time'
import { Panel } from '@/ui/panel'
import { Empty, Failed, SkeletonRows, useNow } from '@/ui/states'
import { warningText } from './warning-text'

export function Warnings() {
    const project = useProject()
    const now = useNow(30_000)
    const list = useQuery(ingestionWarnings(project.id))
    if (list.isPending) {
        return (
            <Panel>
                <SkeletonRows rows={5} columns={3} />
            </Panel>
        )
    }
    if (list.isError) return <Failed what="The warnings could not be read" error={list.error} onRetry={() => void list.refetch()} />
    if (list.data.length === 0) {
        return (
            <Panel>
                <Empty title="No warnings">Everything that was sent could be used as it was meant. When an event arrives that could not (a refused merge, a timestamp far off, a property too large) it is explained here.</Empty>
            </Panel>
        )
    }
    return (
        <div className="flex flex-col gap-3">
            {list.data.map((warning) => (
                <WarningBlock key={warning.type} warning={warning} now={now} />
            ))}
        </div>
    )
}

function WarningBlock({ warning, now }: { warning: IngestionWarning; now: Date }) {
    const project = useProject()
    const text = warningText(warning.type)
    const examples = warning.warnings ?? []
    const last = warning.lastSeen ?? examples[0]?.timestamp
    return (
        <Panel label={text.title} className="overflow-hidden">
            <div className="flex flex-wrap items-baseline gap-x-4 gap-y-1 px-4 pt-3">
                <h2 className="font-[600]">{text.title}</h2>
                <span className="text-sm text-ink-3">
                    {count(warning.count ?? examples.length, 'time')}
                    {last ? `, last ${formatAgo(last, now)}` : ''}
                </span>
            </div>
            <p className="max-w-[720px] px-4 pt-1 pb-3 text-ink-2">{text.fix}</p>
            {examples.length > 0 ? (
                <details className="border-t border-line">
                    <summary className="px-4 py-2 text-sm text-ink-2 hover:text-ink">{count(examples.length, 'example')}</summary>
                    <ul className="border-t border-line">
                        {examples.slice(0, 20).map((example, index) => (
                            <li key={index} className="row-line flex flex-wrap gap-x-4 gap-y-0.5 px-4 py-1.5 text-sm last:border-0">
                                <time className="text-ink-3" dateTime={example.timestamp}>
                                    {formatDateTime(example.timestamp, project.timezone)}
                                </time>
                                <code className="min-w-0 flex-1 font-mono text-[12px] [overflow-wrap:anywhere]">{typeof example.details === 'string' ? example.details : JSON.stringify(example.details)}</code>
                            </li>
                        ))}
                    </ul>
                </details>
            ) : null}
        </Panel>
    )
}
