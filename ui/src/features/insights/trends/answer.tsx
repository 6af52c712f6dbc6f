import { useQuery } from '@tanstack/react-query'
import { useContext, useMemo, useState } from 'react'
import { useProject } from '@/api/project'
import { queryNode } from '@/api/queries'
import type { InsightActorsQuery } from '@/api/insight-types'
import type { TrendsQuery, TrendsResult } from '@/api/types'
import { describeRange } from '@/lib/date-range'
import { change, formatChange, formatNumber, formatShort } from '@/lib/numbers'
import { bucketLabel, dayIn, formatClock } from '@/lib/time'
import { cx } from '@/ui/classes'
import { Panel } from '@/ui/panel'
import { AnswerFrame, KeptContext, type Answered } from '../answer-frame'
import { seriesColour } from '../colours'
import type { Door } from '../drill-down'
import { withKept } from '../keep'
import { Legend } from '../legend'
import { Nothing } from '../nothing'
import { TimeChart } from '../time-chart'
import { ResultTable } from './result-table'
import { chartLines, isAdditive, isTotalDisplay, lastIsIncomplete, linesOf, whatMoved, type Line } from './results'
import { toQuery, type TrendsState } from './state'

/** The answer to the question at its left: figures, chart, table, and how it came to be. */
export function TrendsAnswer({ state, onChange }: { state: TrendsState; onChange: (state: TrendsState) => void }) {
    const kept = useContext(KeptContext)
    return (
        <AnswerFrame<TrendsState, TrendsResult[]> state={state}>
            {(answered) => <Shown {...answered} onChange={onChange} onDoor={(line, day, value) => answered.openDoor(doorOf(withKept(toQuery(answered.state), kept), answered.state, line, day, value))} />}
        </AnswerFrame>
    )
}

function doorOf(query: TrendsQuery, state: TrendsState, line: Line, day: string | undefined, value: number): Door {
    const source: InsightActorsQuery = { kind: 'InsightActorsQuery', source: query, series: line.order }
    if (day !== undefined) source.day = day
    if (line.breakdown !== undefined) source.breakdown = line.breakdown
    if (state.compare !== null) source.compare = 'current'
    return { title: line.label, when: day === undefined ? describeRange(state.range) : bucketLabel(day, state.interval, true), value, source }
}

type ShownProps = Answered<TrendsState, TrendsResult[]> & { onChange: (state: TrendsState) => void; onDoor: (line: Line, day: string | undefined, value: number) => void }

function Shown({ results, state, onChange, onDoor, meta }: ShownProps) {
    const project = useProject()
    const [highlighted, setHighlighted] = useState<string | null>(null)
    const raw = useMemo(() => linesOf(results, state), [results, state])
    const additive = state.formulas.length === 0 && state.series.every((series) => isAdditive(series.math))
    const lines = useTrueTotals(raw, state, additive)
    const { lines: shown, hidden } = useMemo(() => chartLines(lines, additive), [lines, additive])
    const total = isTotalDisplay(state.display)
    const localNow = `${dayIn(new Date(), project.timezone)} ${formatClock(new Date(), project.timezone)}`
    const incomplete = state.display === 'ActionsLineGraph' && state.range.to === null && lastIsIncomplete(shown[0]?.days ?? [], state.interval, localNow)
    const moved = state.breakdowns.length > 0 ? whatMoved(lines) : []
    const open = (line: Line, bucket?: number) => {
        if (line.isFormula) return
        onDoor(line, bucket === undefined ? undefined : line.days[bucket], bucket === undefined ? line.total : (line.data[bucket] ?? 0))
    }

    if (lines.length === 0 || (!project.ingested_event && lines.every((line) => !line.total && !line.data.some(Boolean)))) {
        return (
            <Nothing title="Nothing happened in this time" meta={meta}>
                No event matches the series and filters in “{describeRange(state.range).toLowerCase()}”. Choose more days, or remove a filter.
            </Nothing>
        )
    }
    const label = `${state.display === 'ActionsBar' ? 'Bar' : 'Line'} chart of ${shown.map((line) => line.label).join(', ')}, ${describeRange(state.range).toLowerCase()}. The table below has every number.`
    return (
        <>
            <Panel label="Answer" className="min-w-0">
                {state.display === 'BoldNumber' ? (
                    <BigNumbers lines={lines} onOpen={open} />
                ) : state.display === 'ActionsBarValue' ? (
                    <Ranking lines={lines} onOpen={open} />
                ) : state.display === 'ActionsTable' ? null : (
                    <>
                        <Figures lines={shown.slice(0, 4)} onOpen={open} />
                        <div className="px-2 pb-1">
                            <TimeChart
                                lines={shown}
                                interval={state.interval}
                                kind={state.display === 'ActionsBar' ? 'bar' : 'line'}
                                incomplete={incomplete}
                                highlighted={highlighted}
                                label={label}
                                onPick={open}
                                onZoom={(from, to) => onChange(zoomed(state, from, to))}
                            />
                        </div>
                        <Legend lines={shown} hidden={hidden} highlighted={highlighted} onHighlight={setHighlighted} incomplete={incomplete} compared={state.display !== 'ActionsBar' && shown.some((line) => line.previous !== null)} />
                    </>
                )}
                {state.display === 'ActionsTable' ? <ResultTable lines={lines} state={state} onOpen={open} onChange={onChange} /> : null}
                {meta}
            </Panel>
            {state.display === 'ActionsTable' || (state.display === 'BoldNumber' && lines.length === 1) ? null : (
                <div className={cx('grid items-start gap-[14px]', moved.length > 1 && 'xl:grid-cols-[1.5fr_1fr]')}>
                    <Panel label="The same as a table" className="overflow-hidden">
                        <ResultTable lines={lines} state={state} onOpen={open} onChange={onChange} buckets={!total} />
                    </Panel>
                    {moved.length > 1 ? <WhatMoved moved={moved} additive={additive} /> : null}
                </div>
            )}
        </>
    )
}

/** Unique persons of a month are not the sum of its days: for such maths the number over the whole range is asked for as well. */
function useTrueTotals(lines: Line[], state: TrendsState, additive: boolean): Line[] {
    const project = useProject()
    const kept = useContext(KeptContext)
    const needed = !additive && !isTotalDisplay(state.display)
    const totals = useQuery({ ...queryNode<TrendsResult[]>(project.id, withKept(toQuery({ ...state, display: 'ActionsTable' }), kept)), enabled: needed && lines.length > 0 })
    return useMemo(() => {
        if (!needed || !totals.data) return needed ? lines.map((line) => ({ ...line, total: Number.NaN, previous: line.previous && { ...line.previous, total: Number.NaN } })) : lines
        const known = new Map(linesOf(totals.data.results, { ...state, display: 'ActionsTable' }).map((line) => [line.key, line]))
        return lines.map((line) => {
            const found = known.get(line.key)
            return { ...line, total: found?.total ?? Number.NaN, previous: line.previous && { ...line.previous, total: found?.previous?.total ?? Number.NaN } }
        })
    }, [lines, needed, totals.data, state])
}

function zoomed(state: TrendsState, from: string, to: string): TrendsState {
    if (state.interval === 'hour' || state.interval === 'minute') {
        const end = state.interval === 'hour' ? `${to.slice(0, 13)}:59:59` : `${to.slice(0, 16)}:59`
        return { ...state, range: { from: from.replace(' ', 'T'), to: end.replace(' ', 'T') } }
    }
    const days = (Date.parse(to.slice(0, 10)) - Date.parse(from.slice(0, 10))) / 86_400_000
    const interval = state.interval === 'day' && days < 1 ? 'hour' : state.interval
    return { ...state, range: { from: from.slice(0, 10), to: to.slice(0, 10) }, interval }
}

function Change({ line, large }: { line: Line; large?: boolean }) {
    if (!line.previous) return null
    const ratio = change(line.total, line.previous.total)
    if (ratio === null || Number.isNaN(ratio)) return <span className="text-sm text-ink-3">{line.previous.total === 0 && line.total > 0 ? 'new' : ''}</span>
    return (
        <span className={cx('font-[560]', large ? 'text-lg' : 'text-sm', ratio > 0 ? 'text-good' : ratio < 0 ? 'text-bad' : 'text-ink-3')} title={`${formatNumber(line.previous.total)} in the period before`}>
            {formatChange(ratio)}
        </span>
    )
}

function Figures({ lines, onOpen }: { lines: Line[]; onOpen: (line: Line) => void }) {
    return (
        <div className={cx('flex flex-wrap gap-y-2 px-[18px] pt-3.5 pb-1', lines.length > 3 ? 'gap-x-6' : 'gap-x-9')}>
            {lines.map((line) => (
                <div key={line.key} className="min-w-0">
                    <div className="flex items-center gap-1.5 text-sm text-ink-2">
                        <span aria-hidden className="size-[9px] rounded-[3px]" style={{ background: seriesColour(line.colour) }} />
                        <span className="max-w-[180px] truncate" dir="auto" title={line.label}>
                            {line.label}
                        </span>
                    </div>
                    <div className="flex items-baseline gap-2">
                        <button
                            type="button"
                            disabled={line.isFormula}
                            onClick={() => onOpen(line)}
                            title={line.isFormula ? undefined : 'Show the persons behind this number'}
                            className={cx('rounded-sm font-[620] tracking-[-0.02em] decoration-line-strong decoration-2 underline-offset-4 enabled:hover:underline disabled:cursor-default', lines.length > 3 ? 'text-[24px] leading-[1.3]' : 'text-figure')}
                        >
                            {line.total >= 1e7 ? formatShort(line.total) : formatNumber(line.total)}
                        </button>
                        <Change line={line} />
                    </div>
                </div>
            ))}
        </div>
    )
}

function BigNumbers({ lines, onOpen }: { lines: Line[]; onOpen: (line: Line) => void }) {
    return (
        <div className="flex flex-wrap justify-center gap-x-16 gap-y-8 px-6 py-16">
            {lines.slice(0, 12).map((line) => (
                <div key={line.key} className="flex min-w-0 flex-col items-center">
                    <button
                        type="button"
                        disabled={line.isFormula}
                        onClick={() => onOpen(line)}
                        className="rounded-md text-[clamp(40px,7vw,84px)] leading-none font-[620] tracking-[-0.035em] decoration-line-strong decoration-2 underline-offset-8 enabled:hover:underline disabled:cursor-default"
                    >
                        {line.total >= 1e9 ? formatShort(line.total) : formatNumber(line.total)}
                    </button>
                    <div className="mt-3 max-w-[320px] truncate text-ink-2" dir="auto">
                        {line.label}
                    </div>
                    <Change line={line} large />
                </div>
            ))}
        </div>
    )
}

function Ranking({ lines, onOpen }: { lines: Line[]; onOpen: (line: Line) => void }) {
    const top = Math.max(...lines.map((line) => Math.max(line.total, line.previous?.total ?? 0)), 1)
    return (
        <div className="flex flex-col gap-2 p-[18px]">
            {[...lines]
                .sort((a, b) => b.total - a.total)
                .slice(0, 50)
                .map((line) => (
                    <div key={line.key} className="grid grid-cols-[minmax(90px,24%)_minmax(0,1fr)_auto] items-center gap-3">
                        <span className="truncate" title={line.label} dir="auto">
                            {line.label}
                        </span>
                        <span className="flex flex-col gap-[2px]" aria-hidden>
                            <span className="h-[16px] rounded-[4px]" style={{ width: `${Math.max(0.4, (line.total / top) * 100)}%`, background: seriesColour(line.colour) }} />
                            {line.previous ? <span className="h-[4px] rounded-[2px] bg-line-strong" style={{ width: `${Math.max(0.4, (line.previous.total / top) * 100)}%` }} /> : null}
                        </span>
                        <span className="flex items-baseline justify-end gap-2">
                            <button type="button" disabled={line.isFormula} onClick={() => onOpen(line)} className="font-[600] decoration-line-strong underline-offset-4 enabled:hover:underline disabled:cursor-default">
                                {formatNumber(line.total)}
                            </button>
                            <Change line={line} />
                        </span>
                    </div>
                ))}
        </div>
    )
}

function WhatMoved({ moved, additive }: { moved: ReturnType<typeof whatMoved>; additive: boolean }) {
    const top = Math.max(...moved.map((entry) => Math.abs(entry.delta)))
    return (
        <Panel title="What moved">
            <div className="pt-1">
                {moved.map((entry) => (
                    <div key={entry.key} className="grid grid-cols-[minmax(0,1fr)_90px_72px] items-center gap-2.5 px-4 py-1.5">
                        <span className="truncate" title={entry.label} dir="auto">
                            {entry.label}
                        </span>
                        <span aria-hidden className="h-[7px] overflow-hidden rounded-[4px] bg-sunken">
                            <span className={cx('block h-full rounded-[4px]', entry.delta > 0 ? 'bg-s3' : 'bg-bad')} style={{ width: `${(Math.abs(entry.delta) / top) * 100}%` }} />
                        </span>
                        <span className={cx('text-right font-[560]', entry.delta > 0 ? 'text-good' : 'text-bad')}>
                            {entry.delta > 0 ? '+' : ''}
                            {formatShort(entry.delta)}
                        </span>
                    </div>
                ))}
            </div>
            <p className="px-4 pt-1 pb-3 text-sm text-ink-3">{additive ? 'Contribution to the change against the period before.' : 'Change of each against the period before; these do not add up.'}</p>
        </Panel>
    )
}
