import { useContext, useMemo, useState } from 'react'
import type { StickinessActorsQuery, StickinessResult } from '@/api/insight-types'
import { describeRange } from '@/lib/date-range'
import { formatNumber } from '@/lib/numbers'
import { Panel } from '@/ui/panel'
import { AnswerFrame, KeptContext, type Answered } from '../answer-frame'
import { seriesColour } from '../colours'
import { percent } from '../funnels/results'
import { GroupedBars } from '../grouped-bars'
import { withKept } from '../keep'
import { Legend } from '../legend'
import { derivedName } from '../names'
import { Nothing } from '../nothing'
import { NumberTable } from '../number-table'
import { TimeChart } from '../time-chart'
import { average, periodCount, stickyLines, type StickyLine } from './results'
import { stickinessQuery, type StickinessState } from './state'

export function StickinessAnswer({ state }: { state: StickinessState }) {
    return <AnswerFrame<StickinessState, StickinessResult[]> state={state}>{(answered) => <Shown {...answered} />}</AnswerFrame>
}

function Shown({ state, results, meta, openDoor }: Answered<StickinessState, StickinessResult[]>) {
    const kept = useContext(KeptContext)
    const [highlighted, setHighlighted] = useState<string | null>(null)
    const lines = useMemo(() => stickyLines(results, state), [results, state])
    if (lines.every((line) => line.persons === 0)) {
        return (
            <Nothing title="Nobody was active in this time" meta={meta}>
                Nobody did these events often enough in “{describeRange(state.range).toLowerCase()}”. Choose more days, ask for fewer events, or remove a filter.
            </Nothing>
        )
    }
    const open = (line: StickyLine, bucket: number) => {
        const value = line.data[bucket] ?? 0
        if (value === 0) return
        const source: StickinessActorsQuery = { kind: 'StickinessActorsQuery', source: withKept(stickinessQuery(state), kept), day: Number(line.days[bucket]), series: line.order, operator: state.cumulative ? 'gte' : 'exact' }
        if (state.compare !== null) source.compare = 'current'
        openDoor({ title: line.label, when: `active on ${periodCount(line.days[bucket] ?? '', state)}, ${describeRange(state.range).toLowerCase()}`, value, source })
    }
    const name = (day: string, long: boolean) => (long ? `Active on ${periodCount(day, state)}` : state.cumulative ? `${day}+` : day)
    const label = `Persons by the number of ${state.interval}s on which they were active. The table below has every number.`
    const table = lines.flatMap((line) => {
        const share = (value: number) => (line.persons === 0 ? 0 : value / line.persons)
        const cells = (data: number[], opens: boolean) => data.map((value, bucket) => ({ value, text: `${formatNumber(value)}${value > 0 && opens ? ` (${percent(share(value))})` : ''}`, onOpen: opens ? () => open(line, bucket) : undefined }))
        const own = { key: line.key, label: line.label, colour: line.colour, cells: cells(line.data, true) }
        return line.previous ? [own, { key: `${line.key}-before`, label: `${line.label}, period before`, colour: null, cells: cells(line.previous.data, false) }] : [own]
    })
    return (
        <>
            <Panel label="Answer" className="min-w-0">
                <div className="flex flex-wrap gap-x-9 gap-y-2 max-sm:gap-x-5 px-[18px] pt-3.5 pb-1">
                    {lines.slice(0, 4).map((line) => {
                        const mean = average(line, state.cumulative)
                        return (
                            <div key={line.key} className="min-w-0">
                                <div className="flex items-center gap-1.5 text-sm text-ink-2">
                                    <span aria-hidden className="size-[9px] rounded-[3px]" style={{ background: seriesColour(line.colour) }} />
                                    <span className="max-w-[220px] truncate" dir="auto">
                                        {line.label}
                                    </span>
                                </div>
                                <div className="flex items-baseline gap-2">
                                    <span className="text-figure font-[620] tracking-[-0.02em]">{mean === null ? '–' : formatNumber(mean)}</span>
                                    <span className="text-sm text-ink-3">
                                        {state.interval}s on average, {formatNumber(line.persons)} persons
                                    </span>
                                </div>
                            </div>
                        )
                    })}
                </div>
                <div className="px-2 pb-1">
                    {state.display === 'ActionsBar' ? (
                        <GroupedBars lines={lines} highlighted={highlighted} name={name} label={label} onPick={open} />
                    ) : (
                        <TimeChart lines={lines} interval={state.interval} kind="line" incomplete={false} highlighted={highlighted} bucketName={name} label={label} onPick={open} />
                    )}
                </div>
                <Legend lines={lines} hidden={0} highlighted={highlighted} onHighlight={setHighlighted} incomplete={false} compared={lines.some((line) => line.previous !== null)} />
                {meta}
            </Panel>
            <Panel label="The same as a table" className="overflow-hidden">
                <NumberTable name={derivedName(state)} heading="Active on" columns={(lines[0]?.days ?? []).map((day) => periodCount(day, state))} rows={table} />
            </Panel>
        </>
    )
}
