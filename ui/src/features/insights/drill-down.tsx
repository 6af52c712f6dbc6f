import { useInfiniteQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { Download } from 'lucide-react'
import { useEffect, useState } from 'react'
import { useProject } from '@/api/project'
import { runQuery } from '@/api/queries'
import type { ActorsQuery, ActorsSource } from '@/api/insight-types'
import type { Person } from '@/api/types'
import { MakeCohort } from '@/features/cohorts/public'
import { asText, personName, shortId } from '@/features/events/public'
import { download, toCsv } from '@/lib/csv'
import { count, formatNumber } from '@/lib/numbers'
import { Button, buttonClass } from '@/ui/button'
import { SearchInput } from '@/ui/field'
import { Dialog } from '@/ui/floating'
import { Empty, Failed, SkeletonRows, useSettled } from '@/ui/states'
import type { InsightSearch } from './kinds'

/** One number that was clicked, and who is to be listed behind it. */
export type Door = {
    title: string
    when: string
    value?: number
    source: ActorsSource
    /** Retention answers a whole row of the grid: only those who were there in this column are listed. */
    appearance?: number
    /** Questions that follow from this number. */
    next?: { label: string; search: InsightSearch }[]
}

const size = 100

export function actorsQuery(door: Door, search: string, offset: number): ActorsQuery {
    const query: ActorsQuery = { kind: 'ActorsQuery', source: door.source, limit: size, offset }
    if (door.appearance !== undefined) query.select = ['person', 'appearances']
    if (search !== '') query.search = search
    return query
}

type Actor = Person & { type?: 'person' | 'group'; group_key?: string; group_type_index?: number }

/** The persons behind a number. */
export function DrillDown({ door, onClose }: { door: Door; onClose: () => void }) {
    const project = useProject()
    const [search, setSearch] = useState('')
    const settled = useSettled(search.trim(), 200)
    const list = useInfiniteQuery({
        queryKey: ['drill-down', project.id, door.source, door.appearance, settled],
        queryFn: async ({ pageParam, signal }) => {
            const response = await runQuery<unknown[][]>(project.id, actorsQuery(door, settled, pageParam), { signal })
            const at = Math.max(0, (response.columns ?? []).findIndex((column) => ['person', 'actor', 'group'].includes(column)))
            const seen = (response.columns ?? []).indexOf('appearances')
            const rows = door.appearance === undefined || seen < 0 ? response.results : response.results.filter((cells) => (cells[seen] as number[]).includes(door.appearance ?? 0))
            return { persons: rows.map((cells) => cells[at] as Actor), hasMore: response.hasMore ?? false, missing: response.missing_actors_count ?? 0 }
        },
        initialPageParam: 0,
        getNextPageParam: (last, all) => (last.hasMore ? all.length * size : undefined),
        retry: false,
    })
    const persons = (list.data?.pages ?? []).flatMap((page) => page.persons)
    const missing = (list.data?.pages ?? []).reduce((sum, page) => sum + page.missing, 0)
    // Rows without a profile are counted, not listed: look on until there is something to show.
    const { hasNextPage, isFetching, fetchNextPage } = list
    useEffect(() => {
        if (persons.length < 20 && hasNextPage && !isFetching) void fetchNextPage()
    }, [persons.length, hasNextPage, isFetching, fetchNextPage])
    const exportCsv = () => {
        const keys = [...new Set(persons.flatMap((person) => Object.keys(person.properties ?? {})))].sort()
        download(`${door.title}-persons.csv`, 'text/csv', toCsv(['id', 'distinct_ids', ...keys], persons.map((person) => [person.id ?? person.uuid, (person.distinct_ids ?? []).join(' '), ...keys.map((key) => person.properties?.[key])])))
    }
    return (
        <Dialog
            open
            onOpenChange={(open) => !open && onClose()}
            side="right"
            title={door.title}
            description={door.value === undefined ? door.when : `${door.when}: ${formatNumber(door.value)}`}
            footer={
                <>
                    <span className="mr-auto text-sm text-ink-3">
                        {list.isSuccess ? `${count(persons.length, 'person', 'persons')}${list.hasNextPage ? ' so far' : ''}` : ''}
                        {missing > 0 ? `, ${formatNumber(missing)} more without a profile` : ''}
                    </span>
                    {door.appearance === undefined && !persons.some((actor) => actor.group_key !== undefined) ? (
                        <MakeCohort disabled={persons.length === 0} suggestion={`${door.title}, ${door.when}`} query={{ kind: 'ActorsQuery', source: door.source, select: ['actor'] }} />
                    ) : null}
                    <Button disabled={persons.length === 0} onClick={exportCsv}>
                        <Download className="size-4" aria-hidden /> Export CSV
                    </Button>
                </>
            }
        >
            <div className="border-b border-line p-3">
                <SearchInput label="Search these persons" value={search} onChange={setSearch} />
                {door.next && door.next.length > 0 ? (
                    <nav aria-label="Ask next" className="mt-2 flex flex-wrap gap-1.5">
                        {door.next.map((next) => (
                            <Link key={next.label} to="/project/$projectId/insights/new" params={{ projectId: String(project.id) }} search={next.search} onClick={onClose} className={buttonClass('plain', 'small')}>
                                {next.label}
                            </Link>
                        ))}
                    </nav>
                ) : null}
            </div>
            {list.isPending || (persons.length === 0 && list.isFetching) ? (
                <SkeletonRows rows={12} columns={2} />
            ) : list.isError ? (
                <Failed what="The persons could not be read" error={list.error} onRetry={() => void list.refetch()} />
            ) : persons.length === 0 ? (
                <Empty title={settled === '' ? 'No persons with a profile' : 'Nobody here matches'}>
                    {settled === '' ? 'These events were sent without person profiles, or the profiles were deleted.' : 'The search looks at names, emails and IDs.'}
                </Empty>
            ) : (
                <ul>
                    {persons.map((person) => (
                        <li key={person.group_key ?? person.id ?? person.uuid} className="row-line">
                            <ActorLine actor={person} />
                        </li>
                    ))}
                    {list.hasNextPage ? (
                        <li className="flex justify-center p-3">
                            <Button busy={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>
                                Show more
                            </Button>
                        </li>
                    ) : null}
                </ul>
            )}
        </Dialog>
    )
}

const lineClass = 'flex min-h-[38px] items-center justify-between gap-4 px-4 py-1 hover:bg-sunken focus-visible:-outline-offset-2'

function ActorLine({ actor }: { actor: Actor }) {
    const project = useProject()
    const projectId = String(project.id)
    if (actor.group_key !== undefined) {
        return (
            <Link to="/project/$projectId/groups/$typeIndex/$groupKey" params={{ projectId, typeIndex: String(actor.group_type_index ?? 0), groupKey: actor.group_key }} data-list-row className={lineClass}>
                <span className="min-w-0 truncate font-[550]" dir="auto">
                    {asText(actor.properties?.['name']) || actor.group_key}
                </span>
            </Link>
        )
    }
    return (
        <Link to="/project/$projectId/persons/$personId" params={{ projectId, personId: actor.uuid ?? actor.id }} data-list-row className={lineClass}>
            <span className="min-w-0 truncate font-[550]" dir="auto">
                {personName(actor.properties, actor.name || shortId(actor.distinct_ids?.[0] ?? actor.uuid ?? actor.id), project.person_display_name_properties)}
            </span>
            <span className="shrink-0 text-sm text-ink-3">{asText(actor.properties?.['$geoip_country_name'])}</span>
        </Link>
    )
}
