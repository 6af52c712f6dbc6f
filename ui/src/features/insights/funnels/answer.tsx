import { useContext, useMemo, useState, type ReactNode } from 'react'
import type { FunnelsQuery, FunnelStepResult, FunnelTrendResult, TimeToConvertResult } from '@/api/insight-types'
import { useProject } from '@/api/project'
import { describeRange } from '@/lib/date-range'
import { formatNumber } from '@/lib/numbers'
import { bucketLabel, formatSeconds } from '@/lib/time'
import { Panel } from '@/ui/panel'
import { AnswerFrame, KeptContext, type Answered } from '../answer-frame'
import { withKept } from '../keep'
import { Legend } from '../legend'
import { derivedName } from '../names'
import { Nothing } from '../nothing'
import { NumberTable } from '../number-table'
import { TimeChart } from '../time-chart'
import { withRange } from '../toolbar-parts'
import { Correlation } from './correlation'
import { waysAround } from './paths-around'
import { actorsOf, barsOf, funnelsOf, percent, together, trendLines, type Funnel } from './results'
import { funnelQuery, type FunnelsState } from './state'
import { StepsChart, type OpenStep } from './steps-chart'
import { StepsTable } from './steps-table'

type Results = FunnelStepResult[] | FunnelStepResult[][] | TimeToConvertResult | FunnelTrendResult[]

export function FunnelAnswer({ state, onChange }: { state: FunnelsState; onChange: (state: FunnelsState) => void }) {
    const kept = useContext(KeptContext)
    return (
        <AnswerFrame<FunnelsState, Results> state={state}>
            {(answered) => {
                const query = withKept(funnelQuery(answered.state), kept)
                if (answered.state.view === 'time_to_convert') return <TimeView {...answered} results={answered.results as TimeToConvertResult} />
                if (answered.state.view === 'trends') return <TrendView {...answered} results={answered.results as FunnelTrendResult[]} query={query} onChange={onChange} />
                return <StepsView {...answered} results={answered.results as FunnelStepResult[]} query={query} />
            }}
        </AnswerFrame>
    )
}

/** How many are counted, in words. */
export const nounOf = (state: { groupType?: number }): string => (state.groupType === undefined ? 'persons' : 'groups')

const shownLimit = 8

function Figure({ label, children, note }: { label: string; children: ReactNode; note?: string }) {
    return (
        <div>
            <div className="text-sm text-ink-2">{label}</div>
            <div className="flex items-baseline gap-2">
                <span className="text-figure font-[620] tracking-[-0.02em]">{children}</span>
                {note ? <span className="text-sm text-ink-3">{note}</span> : null}
            </div>
        </div>
    )
}

function StepsView({ state, results, response, query, meta, openDoor }: Answered<FunnelsState, FunnelStepResult[]> & { query: FunnelsQuery }) {
    const [highlighted, setHighlighted] = useState<string | null>(null)
    const funnels = useMemo(() => funnelsOf(results, state), [results, state])
    const shown = funnels.slice(0, shownLimit)
    const steps = together(funnels)
    const last = steps.at(-1)
    const noun = nounOf(state)
    if (!last || (steps[0]?.count ?? 0) === 0) {
        return (
            <Nothing title="Nobody entered this funnel" meta={meta}>
                No {noun} did “{steps[0]?.name ?? 'the first step'}” in “{describeRange(state.range).toLowerCase()}”. Choose more days, another first step, or remove a filter or an exclusion.
            </Nothing>
        )
    }
    const open: OpenStep = (step, dropped, funnel) =>
        openDoor({
            title: dropped ? `${step.optional ? 'Without' : 'Dropped off before'} ${step.name}` : `Got to ${step.name}`,
            when: `${funnel && funnels.length > 1 ? `${funnel.label}, ` : ''}${describeRange(state.range)}`,
            value: dropped ? step.dropped : step.count,
            source: actorsOf(query, step.number, dropped, funnel?.value),
            next: waysAround(query, state, step.number, dropped),
        })
    const told = (response as { total_median_conversion_time?: number | null }).total_median_conversion_time
    const median = told ?? stepMedians(funnels)
    return (
        <>
            <Panel label="Answer" className="min-w-0">
                <div className="flex flex-wrap gap-x-9 gap-y-2 max-sm:gap-x-5 px-[18px] pt-3.5 pb-3">
                    <Figure label="Conversion" note={`${formatNumber(last.count)} of ${formatNumber(steps[0]?.count)} ${noun}`}>
                        {percent(last.ofFirst)}
                    </Figure>
                    {median === null ? null : <Figure label={told ? 'Median time to convert' : 'Median time, step by step'}>{formatSeconds(median)}</Figure>}
                </div>
                <StepsChart funnels={shown} highlighted={highlighted} reference={state.reference} noun={noun} onOpen={open} />
                <Legend lines={shown.map((funnel) => ({ ...funnel, days: [], data: [], previous: null }))} hidden={funnels.length - shown.length} highlighted={highlighted} onHighlight={setHighlighted} incomplete={false} compared={false} />
                {meta}
            </Panel>
            <Panel label="The same as a table" className="overflow-hidden">
                <StepsTable funnels={funnels} name={derivedName(state)} onOpen={open} />
            </Panel>
            {state.order === 'unordered' || state.breakdowns.length > 0 ? null : <Correlation query={query} entered={steps[0]?.count ?? 0} converted={last.count} noun={noun} when={describeRange(state.range)} openDoor={openDoor} />}
        </>
    )
}

/** The medians of the steps, one after the other; null when there is more than one funnel, or none has moved. */
function stepMedians(funnels: Funnel[]): number | null {
    const only = funnels.length === 1 ? funnels[0] : undefined
    const known = only?.steps.flatMap((step) => step.medianSeconds ?? []) ?? []
    return known.length > 0 ? known.reduce((sum, seconds) => sum + seconds, 0) : null
}

function TimeView({ state, results, meta }: Answered<FunnelsState, TimeToConvertResult>) {
    const bars = useMemo(() => barsOf(results), [results])
    const noun = nounOf(state)
    const converted = bars.reduce((sum, bar) => sum + bar.count, 0)
    if (converted === 0) {
        return (
            <Nothing title="Nobody converted" meta={meta}>
                No {noun} got from the first to the last step in “{describeRange(state.range).toLowerCase()}”, so there is no time to show. Choose more days or a longer conversion window.
            </Nothing>
        )
    }
    const span = (index: number): string => {
        const bar = bars[index]
        return bar ? `${formatSeconds(bar.from)} to ${formatSeconds(bar.to)}` : ''
    }
    const line = { key: 'time', label: noun, colour: 0, days: bars.map((_, index) => String(index)), data: bars.map((bar) => bar.count), previous: null }
    return (
        <>
            <Panel label="Answer" className="min-w-0">
                <div className="flex flex-wrap gap-x-9 gap-y-2 max-sm:gap-x-5 px-[18px] pt-3.5 pb-1">
                    {results.median_conversion_time === undefined || results.median_conversion_time === null ? null : <Figure label="Median time to convert">{formatSeconds(results.median_conversion_time)}</Figure>}
                    {results.average_conversion_time === null ? null : <Figure label="Average">{formatSeconds(results.average_conversion_time)}</Figure>}
                    <Figure label="Converted">{formatNumber(converted)}</Figure>
                </div>
                <div className="px-2 pb-1">
                    <TimeChart
                        lines={[line]}
                        interval="day"
                        kind="bar"
                        incomplete={false}
                        highlighted={null}
                        bucketName={(day, long) => (long ? span(Number(day)) : formatSeconds(bars[Number(day)]?.from ?? 0))}
                        label={`Histogram of the time to convert of ${formatNumber(converted)} ${noun}. The table below has every number.`}
                    />
                </div>
                {meta}
            </Panel>
            <Panel label="The same as a table" className="overflow-hidden">
                <NumberTable
                    name={`${derivedName(state)}, time to convert`}
                    heading="Time"
                    columns={[`Converted ${noun}`, 'Share']}
                    rows={bars.map((bar, index) => ({ key: String(index), label: span(index), colour: null, cells: [{ value: bar.count }, { value: bar.share, text: percent(bar.share) }] }))}
                />
            </Panel>
        </>
    )
}

function TrendView({ state, results, query, meta, openDoor, onChange }: Answered<FunnelsState, FunnelTrendResult[]> & { query: FunnelsQuery; onChange: (state: FunnelsState) => void }) {
    const project = useProject()
    const [highlighted, setHighlighted] = useState<string | null>(null)
    const lines = useMemo(() => trendLines(results), [results])
    const shown = lines.slice(0, shownLimit)
    if (lines.length === 0 || lines.every((line) => line.data.every((value) => value === 0))) {
        return (
            <Nothing title="Nobody converted" meta={meta}>
                In no {state.interval} of “{describeRange(state.range).toLowerCase()}” did anybody get from the first to the last step. Choose more days or a longer conversion window.
            </Nothing>
        )
    }
    const format = (value: number) => percent(value / 100)
    const open = (line: (typeof lines)[number], bucket: number) => {
        const day = line.days[bucket]
        if (day === undefined) return
        openDoor({
            title: `Converted${lines.length > 1 ? `, ${line.label}` : ''}`,
            when: `entered ${bucketLabel(day, state.interval, true)}, ${format(line.data[bucket] ?? 0)}`,
            source: { kind: 'FunnelsActorsQuery', source: query, funnelTrendsDropOff: false, funnelTrendsEntrancePeriodStart: day.length === 10 ? `${day} 00:00:00` : day, ...(line.breakdown === undefined ? {} : { funnelStepBreakdown: line.breakdown }) },
        })
    }
    return (
        <>
            <Panel label="Answer" className="min-w-0">
                <div className="px-2 pt-3 pb-1">
                    <TimeChart
                        lines={shown}
                        interval={state.interval}
                        kind="line"
                        incomplete={false}
                        highlighted={highlighted}
                        format={format}
                        label={`Line chart of the conversion by the ${state.interval} of entry. The table below has every number.`}
                        onPick={open}
                        onZoom={(from, to) => onChange(withRange(state, { from: from.slice(0, 10), to: to.slice(0, 10) }, project.timezone))}
                    />
                </div>
                <Legend lines={shown} hidden={lines.length - shown.length} highlighted={highlighted} onHighlight={setHighlighted} incomplete={false} compared={false} />
                <p className="px-[18px] pb-2 text-sm text-ink-3">Who entered lately has had less time to convert.</p>
                {meta}
            </Panel>
            <Panel label="The same as a table" className="overflow-hidden">
                <NumberTable
                    name={`${derivedName(state)}, over time`}
                    heading={state.breakdowns.length > 0 ? 'Value' : 'Conversion'}
                    columns={(lines[0]?.days ?? []).map((day) => bucketLabel(day, state.interval))}
                    rows={lines.map((line) => ({ key: line.key, label: line.label, colour: line.colour, cells: line.data.map((value, bucket) => ({ value, text: format(value), onOpen: value > 0 ? () => open(line, bucket) : undefined })) }))}
                />
            </Panel>
        </>
    )
}
