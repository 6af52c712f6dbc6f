import { useInfiniteQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { Download } from 'lucide-react'
import { useEffect, useState } from 'react'
import { useProject } from '@/api/project'
import { runQuery } from '@/api/queries'
import type { ActorsQuery, Person } from '@/api/types'
import { asText, personName, shortId } from '@/features/events/public'
import { describeRange } from '@/lib/date-range'
import { download, toCsv } from '@/lib/csv'
import { count, formatNumber } from '@/lib/numbers'
import { bucketLabel } from '@/lib/time'
import { Button } from '@/ui/button'
import { SearchInput } from '@/ui/field'
import { Dialog } from '@/ui/floating'
import { Empty, Failed, SkeletonRows, useSettled } from '@/ui/states'
import type { Line } from './results'
import { toQuery, type TrendsState } from './trends-state'

/** One number that was clicked. */
export type Door = { line: Line; day: string | undefined; value: number }

const size = 100

export function actorsQuery(door: Door, state: TrendsState, search: string, offset: number): ActorsQuery {
    const source: ActorsQuery['source'] = { kind: 'InsightActorsQuery', source: toQuery(state), series: door.line.order }
    if (door.day !== undefined) source.day = door.day
    if (door.line.breakdown !== undefined) source.breakdown = door.line.breakdown
    if (state.compare !== null) source.compare = 'current'
    const query: ActorsQuery = { kind: 'ActorsQuery', source, limit: size, offset }
    if (search !== '') query.search = search
    return query
}

/** The persons behind a number. */
export function DrillDown({ door, state, onClose }: { door: Door; state: TrendsState; onClose: () => void }) {
    const project = useProject()
    const [search, setSearch] = useState('')
    const settled = useSettled(search.trim(), 200)
    const list = useInfiniteQuery({
        queryKey: ['drill-down', project.id, toQuery(state), door.line.key, door.day, settled],
        queryFn: async ({ pageParam, signal }) => {
            const response = await runQuery<unknown[][]>(project.id, actorsQuery(door, state, settled, pageParam), { signal })
            const at = Math.max(0, (response.columns ?? []).findIndex((column) => column === 'person' || column === 'actor'))
            return { persons: response.results.map((cells) => cells[at] as Person), hasMore: response.hasMore ?? false, missing: response.missing_actors_count ?? 0 }
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
    const when = door.day === undefined ? describeRange(state.range) : bucketLabel(door.day, state.interval, true)
    const exportCsv = () => {
        const keys = [...new Set(persons.flatMap((person) => Object.keys(person.properties ?? {})))].sort()
        download(`${door.line.label}-persons.csv`, 'text/csv', toCsv(['id', 'distinct_ids', ...keys], persons.map((person) => [person.id ?? person.uuid, (person.distinct_ids ?? []).join(' '), ...keys.map((key) => person.properties?.[key])])))
    }
    return (
        <Dialog
            open
            onOpenChange={(open) => !open && onClose()}
            side="right"
            title={door.line.label}
            description={`${when}: ${formatNumber(door.value)}`}
            footer={
                <>
                    <span className="mr-auto text-sm text-ink-3">
                        {list.isSuccess ? `${count(persons.length, 'person', 'persons')}${list.hasNextPage ? ' so far' : ''}` : ''}
                        {missing > 0 ? `, ${formatNumber(missing)} more without a profile` : ''}
                    </span>
                    <Button disabled={persons.length === 0} onClick={exportCsv}>
                        <Download className="size-4" aria-hidden /> Export CSV
                    </Button>
                </>
            }
        >
            <div className="border-b border-line p-3">
                <SearchInput label="Search these persons" value={search} onChange={setSearch} />
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
                    {persons.map((person) => {
                        const id = person.distinct_ids?.[0] ?? person.uuid ?? person.id
                        return (
                            <li key={person.id ?? person.uuid} className="row-line">
                                <Link
                                    to="/project/$projectId/persons/$personId"
                                    params={{ projectId: String(project.id), personId: person.uuid ?? person.id }}
                                    data-list-row
                                    className="flex min-h-[38px] items-center justify-between gap-4 px-4 py-1 hover:bg-sunken focus-visible:-outline-offset-2"
                                >
                                    <span className="min-w-0 truncate font-[550]" dir="auto">
                                        {personName(person.properties, person.name || shortId(id), project.person_display_name_properties)}
                                    </span>
                                    <span className="shrink-0 text-sm text-ink-3">{asText(person.properties?.['$geoip_country_name'])}</span>
                                </Link>
                            </li>
                        )
                    })}
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
