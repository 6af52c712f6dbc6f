import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { host, useProject } from '@/api/project'
import { asCurl } from '@/lib/curl'
import { formatDateTime } from '@/lib/time'
import { Segmented } from '@/ui/choice'
import { Code, CopyButton, CopyLine } from '@/ui/copy'
import { PropertyTable } from './property-table'
import type { ShownEvent } from './values'

type View = 'properties' | 'person' | 'raw' | 'curl'

/** Everything about one event, below its row. */
export function EventDetails({ event, onFilter }: { event: ShownEvent; onFilter?: (key: string, value: unknown) => void }) {
    const project = useProject()
    const [view, setView] = useState<View>('properties')
    const { row, person } = event
    const json = JSON.stringify(row, null, 2)
    const views: { value: View; label: string }[] = [{ value: 'properties', label: 'Properties' }]
    if (person?.properties) views.push({ value: 'person', label: 'Person' })
    views.push({ value: 'raw', label: 'JSON' }, { value: 'curl', label: 'curl' })
    return (
        <div className="border-b border-line bg-bg">
            <div className="flex flex-wrap items-center gap-x-5 gap-y-2 px-4 py-2.5">
                <Segmented label="View of the event" value={view} onChange={setView} options={views} />
                <span className="flex min-w-0 items-center gap-1.5 text-sm text-ink-3">
                    uuid <CopyLine text={row.uuid} label="the event's uuid" />
                </span>
                <span className="text-sm text-ink-3">{formatDateTime(row.timestamp, project.timezone)}</span>
                <span className="ml-auto flex gap-2">
                    <Link
                        to="/project/$projectId/persons/$personId"
                        params={{ projectId: String(project.id), personId: person?.uuid ?? row.distinct_id }}
                        className="inline-flex h-[25px] items-center rounded-md border border-line-strong bg-surface px-2 text-sm font-[550] hover:bg-sunken"
                    >
                        Open person
                    </Link>
                    <CopyButton text={json} label="Copy JSON" />
                </span>
            </div>
            {view === 'properties' ? <PropertyTable properties={row.properties} onFilter={onFilter} /> : null}
            {view === 'person' ? <PropertyTable properties={person?.properties ?? {}} /> : null}
            {view === 'raw' ? <Code className="mx-4 mb-3" label="Event as JSON" text={json} /> : null}
            {view === 'curl' ? <Code className="mx-4 mb-3" label="Event as a curl command" text={asCurl(host(), project.api_token, row)} /> : null}
        </div>
    )
}
