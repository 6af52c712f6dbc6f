import { Download } from 'lucide-react'
import { useContext, useMemo, useState } from 'react'
import type { InsightActorsQuery, RetentionPeriod, RetentionRow } from '@/api/insight-types'
import { useProject } from '@/api/project'
import { download, toCsv } from '@/lib/csv'
import { describeRange } from '@/lib/date-range'
import { formatNumber } from '@/lib/numbers'
import { bucketLabel, dayIn, formatClock, type BucketInterval } from '@/lib/time'
import { Button } from '@/ui/button'
import { useNarrow } from '@/ui/narrow'
import { Panel } from '@/ui/panel'
import { AnswerFrame, KeptContext, type Answered } from '../answer-frame'
import { nounOf } from '../funnels/answer'
import { percent } from '../funnels/results'
import { withKept } from '../keep'
import { Legend } from '../legend'
import { derivedName } from '../names'
import { Nothing } from '../nothing'
import { TimeChart } from '../time-chart'
import { RetentionGrid } from './grid'
import { blocksOf, retentionLines, type Block, type Cohort } from './results'
import { retentionQuery, type RetentionState } from './state'

export function RetentionAnswer({ state }: { state: RetentionState }) {
    return <AnswerFrame<RetentionState, RetentionRow[]> state={state}>{(answered) => <Shown {...answered} />}</AnswerFrame>
}

const intervalOf: Record<RetentionPeriod, BucketInterval> = { Hour: 'hour', Day: 'day', Week: 'week', Month: 'month' }

const blockLimit = 12

function Shown({ state, results, meta, openDoor }: Answered<RetentionState, RetentionRow[]>) {
    const project = useProject()
    const kept = useContext(KeptContext)
    const [chosen, setHighlighted] = useState<string | null>('mean')
    const blocks = useMemo(() => blocksOf(results, state.period, state.reference, new Date()), [results, state.period, state.reference])
    const noun = nounOf(state)
    const narrow = useNarrow()
    const named = (long: boolean) => (cohort: Cohort): string => bucketLabel(`${dayIn(new Date(cohort.date), project.timezone)} ${formatClock(cohort.date, project.timezone)}`, intervalOf[state.period], long)
    const [cohortName, shortName] = [named(true), named(false)]
    if (blocks.every((block) => block.cohorts.every((cohort) => cohort.size === 0))) {
        return (
            <Nothing title="Nobody started in this time" meta={meta}>
                No {noun} did the starting event {state.type === 'retention_recurring' ? '' : 'for the first time '}in “{describeRange(state.range).toLowerCase()}”. Choose more days, another event, or remove a filter.
            </Nothing>
        )
    }
    const open = (block: Block, cohort: Cohort, row: number, column: number) => {
        const cell = cohort.cells[column]
        if (!cell) return
        const source: InsightActorsQuery = { kind: 'InsightActorsQuery', source: withKept(retentionQuery(state), kept), interval: row }
        if (block.value !== undefined) source.breakdown = block.value
        openDoor({
            title: column === 0 ? `Started ${cohortName(cohort)}` : `Came back on ${block.columns[column]?.toLowerCase()}`,
            when: `${block.value === undefined ? '' : `${block.label}, `}${column === 0 ? describeRange(state.range) : `of those who started ${cohortName(cohort)}`}`,
            value: cell.count,
            source,
            appearance: column,
        })
    }
    const lines = retentionLines(blocks, cohortName)
    const highlighted = lines.some((line) => line.key === chosen) ? chosen : null
    const first = blocks[0]
    const enough = first?.mean.some((share, column) => column > 0 && share !== null) ?? false
    const table = (
        <>
            {blocks.slice(0, blockLimit).map((block) => (
                <div key={block.key}>
                    {blocks.length > 1 ? (
                        <h3 className="px-4 pt-3 pb-1 font-[600]" dir="auto">
                            {block.label}
                        </h3>
                    ) : null}
                    <RetentionGrid block={block} name={cohortName} rowName={narrow ? shortName : cohortName} noun={noun} onOpen={(cohort, row, column) => open(block, cohort, row, column)} />
                </div>
            ))}
            <div className="flex items-center justify-between gap-2 border-t border-line py-1.5 pr-2 pl-4 text-sm text-ink-3">
                <span>{blocks.length > blockLimit ? `The first ${blockLimit} of ${blocks.length} values; the export has all.` : 'Striped cells are of periods that are not over.'}</span>
                <Button kind="quiet" size="small" onClick={() => exportCsv(blocks, derivedName(state), cohortName)}>
                    <Download className="size-3.5" aria-hidden /> Export CSV
                </Button>
            </div>
        </>
    )
    return (
        <>
            <Panel label="Answer" className="min-w-0 overflow-hidden">
                {enough ? (
                    <Headline block={first!} />
                ) : (
                    <p className="px-[18px] pt-3.5 pb-1 text-ink-2">Too early to say: nobody has been followed for a whole {state.period.toLowerCase()} yet. Choose more days.</p>
                )}
                {state.view === 'lines' ? (
                    <>
                        <div className="px-2 pb-1">
                            <TimeChart
                                lines={lines}
                                interval="day"
                                kind="line"
                                incomplete={false}
                                highlighted={highlighted}
                                bucketName={(label) => label}
                                format={(value) => percent(value / 100)}
                                label={`Line chart of the share of ${noun} who came back, by ${state.period.toLowerCase()}. The table below has every number.`}
                            />
                        </div>
                        <Legend lines={lines} hidden={0} highlighted={highlighted} onHighlight={setHighlighted} incomplete={false} compared={false} />
                    </>
                ) : (
                    table
                )}
                {meta}
            </Panel>
            {state.view === 'lines' ? (
                <Panel label="The same as a table" className="overflow-hidden">
                    {table}
                </Panel>
            ) : null}
        </>
    )
}

/** The returns people ask for first: the next period, a week or so later, the last one known. */
function Headline({ block }: { block: Block }) {
    const known = block.mean.flatMap((share, column) => (column > 0 && share !== null ? [column] : []))
    const columns = [...new Set([known[0], known.includes(7) ? 7 : known[Math.floor(known.length / 2)], known.at(-1)])].filter((column) => column !== undefined)
    return (
        <div className="flex flex-wrap gap-x-9 gap-y-2 max-sm:gap-x-5 px-[18px] pt-3.5 pb-3">
            {columns.map((column) => (
                <div key={column}>
                    <div className="text-sm text-ink-2">Back on {block.columns[column]?.toLowerCase()}</div>
                    <div className="text-figure font-[620] tracking-[-0.02em]">{percent(block.mean[column] ?? 0)}</div>
                </div>
            ))}
        </div>
    )
}

function exportCsv(blocks: Block[], name: string, cohortName: (cohort: Cohort) => string): void {
    const columns = [...(blocks.length > 1 ? ['Value'] : []), 'Started', ...(blocks[0]?.columns ?? [])]
    const cells = blocks.flatMap((block) => block.cohorts.map((cohort) => [...(blocks.length > 1 ? [block.label] : []), cohortName(cohort), ...cohort.cells.map((cell) => (cell.state === 'unknown' ? '' : formatNumber(cell.count).replaceAll(',', '')))]))
    download(`${name}.csv`, 'text/csv', toCsv(columns, cells))
}
