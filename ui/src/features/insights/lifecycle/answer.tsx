import { useContext, useMemo, useState } from 'react'
import type { LifecycleResult } from '@/api/insight-types'
import { useProject } from '@/api/project'
import { describeRange } from '@/lib/date-range'
import { formatNumber } from '@/lib/numbers'
import { bucketLabel } from '@/lib/time'
import { Panel } from '@/ui/panel'
import { AnswerFrame, KeptContext, type Answered } from '../answer-frame'
import { nounOf } from '../funnels/answer'
import { withKept } from '../keep'
import { Legend } from '../legend'
import { derivedName } from '../names'
import { Nothing } from '../nothing'
import { NumberTable } from '../number-table'
import { TimeChart } from '../time-chart'
import { withRange } from '../toolbar-parts'
import { growth, statusLines, type StatusLine } from './results'
import { lifecycleQuery, type LifecycleState } from './state'

type Change = (state: LifecycleState) => void

export function LifecycleAnswer({ state, onChange }: { state: LifecycleState; onChange: Change }) {
    return (
        <AnswerFrame<LifecycleState, LifecycleResult[]> state={state}>
            {(answered) => <Shown {...answered} state={{ ...answered.state, shown: state.shown }} onChange={onChange} />}
        </AnswerFrame>
    )
}

function Shown({ state, results, meta, openDoor, onChange }: Answered<LifecycleState, LifecycleResult[]> & { onChange: Change }) {
    const project = useProject()
    const kept = useContext(KeptContext)
    const [highlighted, setHighlighted] = useState<string | null>(null)
    const lines = useMemo(() => statusLines(results, state.shown), [results, state.shown])
    const noun = nounOf(state)
    const balance = growth(results)
    if (results.every((result) => result.data.every((value) => value === 0))) {
        return (
            <Nothing title="Nobody was active in this time" meta={meta}>
                No {noun} did the event in “{describeRange(state.range).toLowerCase()}”, nor in the {state.interval} before. Choose more days, another event, or remove a filter.
            </Nothing>
        )
    }
    const open = (line: StatusLine, bucket: number) => {
        const day = line.days[bucket]
        const value = Math.abs(line.data[bucket] ?? 0)
        if (day === undefined || value === 0) return
        openDoor({ title: line.label, when: bucketLabel(day, state.interval, true), value, source: { kind: 'InsightActorsQuery', source: withKept(lifecycleQuery(state), kept), day, status: line.status } })
    }
    return (
        <>
            <Panel label="Answer" className="min-w-0">
                {balance ? (
                    <div className="flex flex-wrap gap-x-9 gap-y-2 max-sm:gap-x-5 px-[18px] pt-3.5 pb-1">
                        <Figure label="Came, new or again" value={`+${formatNumber(balance.came)}`} />
                        <Figure label="Went dormant" value={`−${formatNumber(balance.went)}`} />
                        <Figure label="Came for each who went" value={balance.went === 0 ? '–' : formatNumber(balance.came / balance.went)} />
                    </div>
                ) : null}
                <div className="px-2 pb-1">
                    <TimeChart
                        lines={lines}
                        interval={state.interval}
                        kind="bar"
                        incomplete={false}
                        highlighted={highlighted}
                        label={`Stacked bars of ${lines.map((line) => line.label.toLowerCase()).join(', ')} ${noun} by ${state.interval}, dormant below the axis. The table below has every number.`}
                        onPick={open}
                        onZoom={(from, to) => onChange(withRange(state, { from: from.slice(0, 10), to: to.slice(0, 10) }, project.timezone))}
                    />
                </div>
                <Legend lines={lines} hidden={0} highlighted={highlighted} onHighlight={setHighlighted} incomplete={false} compared={false} />
                {meta}
            </Panel>
            <Panel label="The same as a table" className="overflow-hidden">
                <NumberTable
                    name={derivedName(state)}
                    heading="Status"
                    columns={(lines[0]?.days ?? []).map((day) => bucketLabel(day, state.interval))}
                    rows={lines.map((line) => ({ key: line.key, label: line.label, colour: line.colour, cells: line.data.map((value, bucket) => ({ value, onOpen: () => open(line, bucket) })) }))}
                />
            </Panel>
        </>
    )
}

function Figure({ label, value }: { label: string; value: string }) {
    return (
        <div>
            <div className="text-sm text-ink-2">{label}</div>
            <div className="text-figure font-[620] tracking-[-0.02em]">{value}</div>
        </div>
    )
}
