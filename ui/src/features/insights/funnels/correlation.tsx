import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import type { CorrelationResult, FunnelCorrelationQuery, FunnelsQuery } from '@/api/insight-types'
import { useProject } from '@/api/project'
import { queryNode } from '@/api/queries'
import { PropertyList } from '@/features/filters/public'
import { eventLabel, propertyLabel } from '@/lib/known-names'
import { formatNumber } from '@/lib/numbers'
import { formatMilliseconds } from '@/lib/time'
import { Button, buttonClass } from '@/ui/button'
import { Segmented } from '@/ui/choice'
import { cx } from '@/ui/classes'
import { Popover } from '@/ui/floating'
import { Panel } from '@/ui/panel'
import { Failed, SkeletonRows } from '@/ui/states'
import type { Door } from '../drill-down'
import { correlationsOf, oddsText, type Correlated } from './correlations'

type What = 'events' | 'properties'
type Props = { query: FunnelsQuery; entered: number; converted: number; noun: string; when: string; openDoor: (door: Door) => void }

/** What those who converted did, or are, more often than those who did not. It reads a lot, so it waits to be asked. */
export function Correlation(props: Props) {
    const [what, setWhat] = useState<What | null>(null)
    const [property, setProperty] = useState<string | null>(null)
    const [choosing, setChoosing] = useState(false)
    return (
        <Panel
            title="What goes with converting"
            aside={
                <Segmented
                    label="Compare by"
                    className="!h-[26px] text-sm"
                    value={what}
                    onChange={setWhat}
                    options={[
                        { value: 'events', label: 'Events' },
                        { value: 'properties', label: 'Properties' },
                    ]}
                />
            }
        >
            {what === null ? (
                <div className="flex flex-wrap items-center justify-between gap-3 px-4 pt-1 pb-4">
                    <p className="max-w-[62ch] text-ink-2">Compares those who got through with those who did not: which events, or which properties of persons, are more frequent with one or the other?</p>
                    <Button onClick={() => setWhat('events')}>Compare</Button>
                </div>
            ) : null}
            {what === 'properties' ? (
                <div className="px-4 pb-2">
                    <Popover
                        open={choosing}
                        onOpenChange={setChoosing}
                        label="Property to compare by"
                        trigger={
                            <button type="button" className={buttonClass(property === null ? 'plain' : 'dashed', 'small')}>
                                {property === null ? 'All properties' : propertyLabel(property)}
                            </button>
                        }
                    >
                        <PropertyList
                            only={['person']}
                            onPick={(picked) => {
                                setProperty(picked.key)
                                setChoosing(false)
                            }}
                        />
                    </Popover>
                    {property === null ? null : (
                        <Button kind="quiet" size="small" className="ml-1" onClick={() => setProperty(null)}>
                            All properties
                        </Button>
                    )}
                </div>
            ) : null}
            {what === null ? null : <Compared {...props} what={what} property={what === 'properties' ? property : null} />}
        </Panel>
    )
}

function Compared({ query, entered, converted, noun, when, what, property, openDoor }: Props & { what: What; property: string | null }) {
    const project = useProject()
    const node: FunnelCorrelationQuery = { kind: 'FunnelCorrelationQuery', source: { kind: 'FunnelsActorsQuery', source: query }, funnelCorrelationType: what, ...(what === 'properties' ? { funnelCorrelationNames: [property ?? '$all'] } : {}) }
    const found = useQuery(queryNode<CorrelationResult>(project.id, node))
    if (found.isError) return <Failed what="The comparison failed" error={found.error} onRetry={() => void found.refetch()} className="!py-5" />
    if (!found.data) return <SkeletonRows rows={6} columns={4} />
    const rows = correlationsOf(found.data.results, what)
    const open = (row: Correlated, success: boolean) =>
        openDoor({
            title: `${success ? 'Converted' : 'Dropped off'}, ${label(row, what)}`,
            when,
            value: success ? row.success : row.failure,
            source: {
                kind: 'FunnelCorrelationActorsQuery',
                source: node,
                funnelCorrelationPersonConverted: success,
                ...(what === 'events' ? { funnelCorrelationPersonEntity: { kind: 'EventsNode' as const, event: row.name, name: row.name } } : { funnelCorrelationPropertyValues: [{ type: 'person' as const, key: row.name, operator: 'exact' as const, value: [row.value ?? ''] }] }),
            },
        })
    if (rows.length === 0) {
        return (
            <p className="px-4 pt-1 pb-4 text-ink-2">
                {converted === 0 || converted === entered ? 'It takes some who converted and some who did not to compare them.' : `Nothing stands out: too few ${noun} share an ${what === 'events' ? 'event' : 'property'}, or it makes no difference.`}
            </p>
        )
    }
    return (
        <>
            {found.data.results.skewed ? <p className="px-4 pb-2 text-sm text-ink-3">One side is more than ten times the other: take these with care.</p> : null}
            <div className="overflow-x-auto">
                <table className="w-full border-collapse" aria-label="What goes with converting">
                    <thead>
                        <tr className="text-sm text-ink-2">
                            {[what === 'events' ? 'Event' : 'Property', 'Odds', 'Converted', 'Dropped'].map((heading, index) => (
                                <th key={heading} scope="col" className={cx('row-line h-8 px-2.5 font-[550] whitespace-nowrap first:pl-4 last:pr-4', index === 0 ? 'text-left' : 'text-right')}>
                                    {heading}
                                </th>
                            ))}
                        </tr>
                    </thead>
                    <tbody>
                        {rows.map((row) => (
                            <tr key={`${row.name}-${row.value}`} className="group/row hover:bg-sunken">
                                <th scope="row" className="row-line h-8 max-w-[320px] truncate pl-4 text-left font-[450] group-last/row:border-0" dir="auto">
                                    {label(row, what)}
                                </th>
                                <td className={cx('row-line px-2.5 text-right font-[560] whitespace-nowrap group-last/row:border-0', row.helps ? 'text-good' : 'text-bad')}>{oddsText(row.odds)}</td>
                                {([true, false] as const).map((success) => (
                                    <td key={String(success)} className="row-line px-2.5 text-right group-last/row:border-0 last:pr-4">
                                        <button type="button" disabled={(success ? row.success : row.failure) === 0} className="rounded-sm decoration-line-strong underline-offset-4 enabled:hover:underline disabled:cursor-default" title={`Show these ${noun}`} onClick={() => open(row, success)}>
                                            {formatNumber(success ? row.success : row.failure)}
                                        </button>
                                    </td>
                                ))}
                            </tr>
                        ))}
                    </tbody>
                </table>
            </div>
            <p className="border-t border-line px-4 py-1.5 text-sm text-ink-3">
                The odds of converting with it, against without it. What goes with converting need not be its cause. Answered in {formatMilliseconds(found.data.query_metadata?.time_elapsed_ms ?? found.data.took_ms)}.
            </p>
        </>
    )
}

const label = (row: Correlated, what: What): string => (what === 'events' ? eventLabel(row.name) : `${propertyLabel(row.name)} is ${row.value === '' ? '(none)' : row.value}`)
