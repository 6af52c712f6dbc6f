import { useMemo, useState } from 'react'
import { formatNumber, formatShort } from '@/lib/numbers'
import { Checkbox, Select } from '@/ui/choice'
import { Panel } from '@/ui/panel'
import { Empty } from '@/ui/states'
import { AnswerFrame, type Answered } from '../answer-frame'
import { Legend } from '../legend'
import { derivedName } from '../names'
import { ResultGrid } from '../result-grid'
import { columnKind, toGrid, type Grid } from '../rows'
import { TimeChart } from '../time-chart'
import { axesOf, boldNumber, chartOf, placeName, pointLimit } from './chart'
import type { SqlState } from './state'

type Change = (state: SqlState) => void

export function SqlAnswer({ state, onChange }: { state: SqlState; onChange: Change }) {
    return (
        <AnswerFrame<SqlState, unknown[][]> state={state} pause={0}>
            {(answered) => <Shown {...answered} state={state} onChange={onChange} />}
        </AnswerFrame>
    )
}

function Shown({ state, response, meta, onChange }: Answered<SqlState, unknown[][]> & { onChange: Change }) {
    const grid = useMemo(() => toGrid(response), [response])
    const table = <ResultGrid grid={grid} name={derivedName(state)} />
    if (state.view === 'ActionsTable' || grid.rows.length === 0) {
        return (
            <Panel label="Answer" className="overflow-hidden">
                {table}
                {meta}
            </Panel>
        )
    }
    return (
        <>
            <Panel label="Answer" className="min-w-0">
                {state.view === 'BoldNumber' ? <Bold grid={grid} /> : <Chart grid={grid} state={state} onChange={onChange} />}
                {meta}
            </Panel>
            <Panel label="The same as a table" className="overflow-hidden">
                {table}
            </Panel>
        </>
    )
}

function Bold({ grid }: { grid: Grid }) {
    const bold = boldNumber(grid)
    if (!bold) return <Empty title="The first row has no number">Select a count, a sum or another number to show it large.</Empty>
    return (
        <div className="flex flex-col items-center px-6 py-16">
            <div className="text-[clamp(40px,7vw,84px)] leading-none font-[620] tracking-[-0.035em]">{bold.value >= 1e9 ? formatShort(bold.value) : formatNumber(bold.value)}</div>
            <div className="mt-3 text-ink-2" dir="auto">
                {bold.label}
            </div>
        </div>
    )
}

function Chart({ grid, state, onChange }: { grid: Grid; state: SqlState; onChange: Change }) {
    const [highlighted, setHighlighted] = useState<string | null>(null)
    const axes = useMemo(() => axesOf(grid, state), [grid, state])
    const lines = useMemo(() => (axes ? chartOf(grid, axes) : []), [grid, axes])
    if (!axes) return <Empty title="Nothing to draw">A chart needs a column to go across, such as a day, and at least one column of numbers.</Empty>
    const numbers = grid.columns.filter((_, index) => columnKind(grid, index) === 'number' && index !== axes.x)
    const drawn = axes.y.map((index) => grid.columns[index] ?? '')
    return (
        <>
            <div className="flex flex-wrap items-center gap-x-4 gap-y-1.5 px-[18px] pt-3 text-sm text-ink-2">
                <span className="flex items-center gap-1.5">
                    Across
                    <Select label="Column across" className="!h-[26px] text-sm" value={grid.columns[axes.x]} options={[...new Set(grid.columns)].map((column) => ({ value: column, label: column }))} onChange={(x) => onChange({ ...state, x, y: state.y.filter((column) => column !== x) })} />
                </span>
                {numbers.length > 1 ? numbers.map((column) => (
                    <Checkbox
                        key={column}
                        label={`Draw ${column}`}
                        checked={drawn.includes(column)}
                        onChange={(on) => {
                            const y = numbers.filter((known) => (known === column ? on : drawn.includes(known)))
                            if (y.length > 0) onChange({ ...state, y })
                        }}
                    >
                        <span>{column}</span>
                    </Checkbox>
                )) : null}
            </div>
            <div className="px-2 pb-1">
                <TimeChart
                    lines={lines}
                    interval="day"
                    kind={state.view === 'ActionsBar' ? 'bar' : 'line'}
                    incomplete={false}
                    highlighted={highlighted}
                    bucketName={placeName}
                    label={`${state.view === 'ActionsBar' ? 'Bars' : 'Lines'} of ${lines.map((line) => line.label).join(', ')} by ${grid.columns[axes.x]}. The table below has every number.`}
                />
            </div>
            <Legend lines={lines} hidden={0} highlighted={highlighted} onHighlight={setHighlighted} incomplete={false} compared={false} />
            {grid.rows.length > pointLimit ? <p className="px-[18px] pb-2 text-sm text-ink-3">Drawn from the first {formatNumber(pointLimit)} rows.</p> : null}
        </>
    )
}
