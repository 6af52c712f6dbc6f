import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import type { EarlyAccessStage } from '@/api/flag-types'
import { useProject } from '@/api/project'
import { personList } from '@/api/queries'
import type { PropertyFilter } from '@/api/types'
import { personName, shortId } from '@/features/events/public'
import { formatShort } from '@/lib/numbers'
import { Segmented } from '@/ui/choice'
import { Panel } from '@/ui/panel'
import { Failed, SkeletonRows } from '@/ui/states'

const size = 20

/** Who opted in and who opted out. */
export function Choices({ flagKey, stage }: { flagKey: string; stage: EarlyAccessStage }) {
    const project = useProject()
    const params = { projectId: String(project.id) }
    const [shown, setShown] = useState<'in' | 'out'>('in')
    const of = (choice: 'in' | 'out'): PropertyFilter[] => [{ type: 'person', key: `$feature_enrollment/${flagKey}`, operator: 'exact', value: [choice === 'in' ? 'true' : 'false'] }]
    const inList = useQuery(personList(project.id, '', of('in'), 0, size))
    const outList = useQuery(personList(project.id, '', of('out'), 0, size))
    const list = shown === 'in' ? inList : outList
    const counted = (found: typeof inList) => (found.data?.count === undefined ? '' : ` ${formatShort(found.data.count)}`)
    const rows = list.data?.results ?? []
    return (
        <Panel label="Choices" className="overflow-hidden">
            <div className="flex flex-wrap items-center justify-between gap-2 px-4 pt-3 pb-2">
                <Segmented
                    label="Choice"
                    value={shown}
                    options={[
                        { value: 'in', label: stage === 'concept' ? `Want it${counted(inList)}` : `Opted in${counted(inList)}` },
                        { value: 'out', label: `Opted out${counted(outList)}` },
                    ]}
                    onChange={setShown}
                />
                <Link to="/project/$projectId/persons" params={params} search={{ filters: of(shown) }} className="text-sm text-ink-2 underline decoration-line-strong underline-offset-2 hover:decoration-ink">
                    All of them
                </Link>
            </div>
            {list.isPending ? (
                <SkeletonRows rows={3} columns={1} />
            ) : list.isError ? (
                <Failed what="The persons could not be read" error={list.error} onRetry={() => void list.refetch()} />
            ) : rows.length === 0 ? (
                <p className="px-4 pb-4 text-ink-3">{shown === 'in' ? 'Nobody yet.' : 'Nobody.'}</p>
            ) : (
                <ul className="border-t border-line">
                    {rows.map((person) => (
                        <li key={person.uuid} className="row-line last:border-0">
                            <Link to="/project/$projectId/persons/$personId" params={{ ...params, personId: person.uuid }} className="flex h-8 items-center px-4 hover:bg-sunken focus-visible:-outline-offset-2">
                                <span className="truncate" dir="auto">
                                    {personName(person.properties, shortId(person.distinct_ids[0] ?? person.uuid), project.person_display_name_properties)}
                                </span>
                            </Link>
                        </li>
                    ))}
                </ul>
            )}
        </Panel>
    )
}
