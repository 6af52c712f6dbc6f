import { Plus, X } from 'lucide-react'
import { Button, IconButton } from '@/ui/button'
import { Input } from '@/ui/field'
import { BreakdownSection } from '../breakdown-section'
import { FilterSection, Section, type Change } from '../question-parts'
import { maxSeries } from '../series'
import { SeriesList } from '../series-list'
import { formulaProblem, type TrendsState } from './state'

/** The question column: what is counted, over whom, and how it is broken down. */
export function TrendsQuestion({ state, onChange }: { state: TrendsState; onChange: Change<TrendsState> }) {
    const set = (part: Partial<TrendsState>, options?: { replace?: boolean }) => onChange({ ...state, ...part }, options)
    return (
        <div className="flex flex-col">
            <Section title="Series">
                <SeriesList series={state.series} muted={state.formulas.length > 0} onChange={(series, options) => set({ series }, options)} />
                {state.formulas.map((formula, index) => (
                    <FormulaRow
                        key={`formula-${index}`}
                        formula={formula.formula}
                        name={formula.name}
                        seriesCount={state.series.length}
                        onChange={(next) => set({ formulas: state.formulas.map((old, at) => (at === index ? next : old)) }, { replace: true })}
                        onRemove={() => set({ formulas: state.formulas.filter((_, at) => at !== index) })}
                    />
                ))}
                <div className="flex gap-1 px-3 pt-1 pb-3">
                    <Button kind="quiet" size="small" disabled={state.series.length >= maxSeries} onClick={() => set({ series: [...state.series, { event: state.series.at(-1)?.event ?? null, math: 'total', filters: [] }] })}>
                        <Plus className="size-3" aria-hidden /> Series
                    </Button>
                    <Button kind="quiet" size="small" disabled={state.formulas.length >= 8} onClick={() => set({ formulas: [...state.formulas, { formula: state.series.length > 1 ? 'A / B' : 'A * 1' }] })}>
                        <Plus className="size-3" aria-hidden /> Formula
                    </Button>
                </div>
            </Section>
            <FilterSection state={state} onChange={onChange} events={state.series} aside="all series" />
            <BreakdownSection breakdowns={state.breakdowns} events={state.series} onChange={(breakdowns) => set({ breakdowns })} />
        </div>
    )
}

function FormulaRow({ formula, name, seriesCount, onChange, onRemove }: { formula: string; name?: string; seriesCount: number; onChange: (formula: { formula: string; name?: string }) => void; onRemove: () => void }) {
    const problem = formulaProblem(formula, seriesCount)
    return (
        <div className="px-3.5 pb-2.5">
            <div className="flex items-center gap-2">
                <span aria-hidden className="w-[18px] shrink-0 text-center font-mono text-sm text-ink-3">
                    ƒ
                </span>
                <Input aria-label="Formula" aria-invalid={problem ? true : undefined} className="font-mono" value={formula} onChange={(event) => onChange({ formula: event.target.value, name })} />
                <IconButton label="Remove formula" size="small" className="!w-[24px]" onClick={onRemove}>
                    <X aria-hidden className="!size-3.5" />
                </IconButton>
            </div>
            <div className="mt-1.5 pl-[26px]">
                {problem ? (
                    <p role="alert" className="text-sm text-bad">
                        {problem}
                    </p>
                ) : (
                    <Input aria-label="Name of the formula" placeholder="Name shown in the chart" className="!h-[26px] text-sm" maxLength={120} value={name ?? ''} onChange={(event) => onChange({ formula, name: event.target.value || undefined })} />
                )}
            </div>
        </div>
    )
}
