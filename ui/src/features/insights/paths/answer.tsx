import { Download } from 'lucide-react'
import { useContext, useMemo } from 'react'
import type { PathEdge, PathsFilter, PathsQuery } from '@/api/insight-types'
import { download, toCsv } from '@/lib/csv'
import { describeRange } from '@/lib/date-range'
import { count, formatNumber } from '@/lib/numbers'
import { formatMilliseconds } from '@/lib/time'
import { Button } from '@/ui/button'
import { cx } from '@/ui/classes'
import { Panel } from '@/ui/panel'
import { AnswerFrame, KeptContext, type Answered } from '../answer-frame'
import { withKept } from '../keep'
import { derivedName } from '../names'
import { Nothing } from '../nothing'
import { parseKey, sharedHost, shortItem, type PathNode } from './layout'
import { Sankey } from './sankey'
import { pathsQuery, type PathsState } from './state'

type Change = (state: PathsState) => void

export function PathsAnswer({ state, onChange }: { state: PathsState; onChange: Change }) {
    return <AnswerFrame<PathsState, PathEdge[]> state={state}>{(answered) => <Shown {...answered} onChange={onChange} />}</AnswerFrame>
}

/** The same paths, cut down to who came by. */
const who = (query: PathsQuery, keys: Partial<PathsFilter>) => ({ kind: 'InsightActorsQuery' as const, source: { ...query, pathsFilter: { ...query.pathsFilter, ...keys } } })

function Shown({ state, results, meta, openDoor, onChange }: Answered<PathsState, PathEdge[]> & { onChange: Change }) {
    const kept = useContext(KeptContext)
    const query = withKept(pathsQuery(state), kept)
    const host = useMemo(() => sharedHost(results.flatMap((edge) => [parseKey(edge.source).item, parseKey(edge.target).item])), [results])
    const short = (key: string) => shortItem(parseKey(key).item, host)
    if (results.length === 0) {
        const cut = state.start !== null || state.end !== null
        return (
            <Nothing title="Nobody took two steps" meta={meta}>
                {cut
                    ? `No path ${state.start ? `starts at ${state.start}` : ''}${state.start && state.end ? ' and ' : ''}${state.end ? `ends at ${state.end}` : ''} in “${describeRange(state.range).toLowerCase()}”. A point is compared with the whole address, without a trailing slash.`
                    : `A path needs two different pages or events of one person within half an hour. Choose more days, more kinds of events, or ${state.atLeast ? 'a lower limit' : 'fewer filters'}.`}
            </Nothing>
        )
    }
    const openEdge = (edge: PathEdge) =>
        openDoor({ title: `${short(edge.source)} → ${short(edge.target)}`, when: `step ${parseKey(edge.source).step} to ${parseKey(edge.target).step}, ${formatNumber(edge.value)} times in ${describeRange(state.range).toLowerCase()}`, source: who(query, { pathStartKey: edge.source, pathEndKey: edge.target }) })
    const openNode = (node: PathNode, what: 'here' | 'stopped') =>
        openDoor({
            title: shortItem(node.item, host),
            when: what === 'stopped' ? `whose path ends here at step ${node.step}` : `at step ${node.step}, ${formatNumber(node.value)} times`,
            source: who(query, what === 'stopped' ? { pathDropoffKey: node.key } : node.incoming > 0 ? { pathEndKey: node.key } : { pathStartKey: node.key }),
        })
    const change = (node: PathNode, what: 'start' | 'end' | 'leave out') => {
        if (what === 'start') onChange({ ...state, start: node.item })
        else if (what === 'end') onChange({ ...state, end: node.item })
        else if (!state.exclude.includes(node.item)) onChange({ ...state, exclude: [...state.exclude, node.item] })
    }
    return (
        <>
            <Panel label="Answer" className="min-w-0">
                <p className="px-4 pt-3 pb-2 text-sm text-ink-2">
                    {host ? <span className="font-mono text-[12px]">{host}</span> : null}
                    {host ? ', ' : ''}
                    {results.length >= state.edges ? `the ${count(results.length, 'most frequent way', 'most frequent ways')}` : count(results.length, 'way')}. Press a place to walk from or to it.
                </p>
                <Sankey edges={results} whole={results.length < state.edges && state.atLeast === null} host={host} onEdge={openEdge} onNode={openNode} onChange={change} />
                {meta}
            </Panel>
            <Panel label="The same as a table" className="overflow-hidden">
                <EdgeTable edges={results} short={short} name={derivedName(state)} onOpen={openEdge} />
            </Panel>
        </>
    )
}

const th = 'row-line h-8 px-2.5 text-sm font-[550] whitespace-nowrap text-ink-2 first:pl-4 last:pr-4'

function EdgeTable({ edges, short, name, onOpen }: { edges: PathEdge[]; short: (key: string) => string; name: string; onOpen: (edge: PathEdge) => void }) {
    const exportCsv = () => download(`${name}.csv`, 'text/csv', toCsv(['Step', 'From', 'To', 'Times', 'Milliseconds on average'], edges.map((edge) => [parseKey(edge.source).step, parseKey(edge.source).item, parseKey(edge.target).item, edge.value, edge.average_conversion_time])))
    return (
        <div>
            <div className="max-h-[420px] overflow-auto" tabIndex={0} role="region" aria-label="Numbers of the answer">
                <table className="w-full border-collapse">
                    <thead className="sticky top-0 z-10 bg-surface">
                        <tr>
                            {['Step', 'From', 'To', 'Times', 'After'].map((heading, index) => (
                                <th key={heading} scope="col" className={cx(th, index > 2 ? 'text-right' : 'text-left')}>
                                    {heading}
                                </th>
                            ))}
                        </tr>
                    </thead>
                    <tbody>
                        {edges.map((edge) => (
                            <tr key={`${edge.source}|${edge.target}`} className="group/row hover:bg-sunken [&_td]:h-8 [&_td]:px-2.5">
                                <td className="row-line !pl-4 text-ink-3 group-last/row:border-0">{parseKey(edge.source).step}</td>
                                <td className="row-line max-w-[280px] truncate group-last/row:border-0" title={parseKey(edge.source).item} dir="auto">
                                    {short(edge.source)}
                                </td>
                                <td className="row-line max-w-[280px] truncate group-last/row:border-0" title={parseKey(edge.target).item} dir="auto">
                                    {short(edge.target)}
                                </td>
                                <td className="row-line text-right font-[560] group-last/row:border-0">
                                    <button type="button" className="rounded-sm decoration-line-strong underline-offset-4 hover:underline" title="Show the persons behind this number" onClick={() => onOpen(edge)}>
                                        {formatNumber(edge.value)}
                                    </button>
                                </td>
                                <td className="row-line !pr-4 text-right text-ink-2 whitespace-nowrap group-last/row:border-0">{formatMilliseconds(edge.average_conversion_time)}</td>
                            </tr>
                        ))}
                    </tbody>
                </table>
            </div>
            <div className="flex items-center justify-between gap-2 border-t border-line py-1.5 pr-2 pl-4 text-sm text-ink-3">
                <span>{count(edges.length, 'way')}</span>
                <Button kind="quiet" size="small" onClick={exportCsv}>
                    <Download className="size-3.5" aria-hidden /> Export CSV
                </Button>
            </div>
        </div>
    )
}
