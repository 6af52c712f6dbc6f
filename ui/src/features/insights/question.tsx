import { Check, ChevronDown, Copy, Ellipsis, Pencil, Plus, X } from 'lucide-react'
import { useState, type ReactNode } from 'react'
import { useQuery } from '@tanstack/react-query'
import { useProject } from '@/api/project'
import { groupTypes } from '@/api/queries'
import type { BreakdownSpec } from '@/api/types'
import { EventPicker, FilterChips, PropertyList } from '@/features/filters/public'
import { propertyLabel } from '@/lib/known-names'
import { Button, buttonClass, IconButton } from '@/ui/button'
import { Select, Switch } from '@/ui/choice'
import { Input } from '@/ui/field'
import { Menu, MenuItem, Popover } from '@/ui/floating'
import { seriesColour } from './colours'
import { formulaProblem, letter, mathOf, maths, maxBreakdowns, maxSeries, type Series, type TrendsState } from './trends-state'

type Change = (state: TrendsState, options?: { replace?: boolean }) => void

/** The question column: what is counted, over whom, and how it is broken down. */
export function Question({ state, onChange }: { state: TrendsState; onChange: Change }) {
    const project = useProject()
    const set = (part: Partial<TrendsState>, options?: { replace?: boolean }) => onChange({ ...state, ...part }, options)
    const setSeries = (index: number, series: Series, options?: { replace?: boolean }) => set({ series: state.series.map((old, at) => (at === index ? series : old)) }, options)
    const events = state.series.flatMap((series) => (series.event === null ? [] : [series.event]))
    return (
        <div className="flex flex-col">
            <Section title="Series">
                {state.series.map((series, index) => (
                    <SeriesRow
                        key={index}
                        index={index}
                        series={series}
                        hasFormula={state.formulas.length > 0}
                        onChange={(next, options) => setSeries(index, next, options)}
                        onRemove={state.series.length > 1 ? () => set({ series: state.series.filter((_, at) => at !== index) }) : null}
                        onDuplicate={state.series.length < maxSeries ? () => set({ series: [...state.series.slice(0, index + 1), series, ...state.series.slice(index + 1)] }) : null}
                    />
                ))}
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
            <Section title="Filters" aside="all series">
                <FilterChips className="px-3.5 pb-3" filters={state.filters} events={events} onChange={(filters) => set({ filters })} />
                {project.test_account_filters.length > 0 ? (
                    <label className="flex items-center justify-between gap-3 px-3.5 pb-3 text-sm text-ink-2">
                        Leave out internal and test users
                        <Switch label="Leave out internal and test users" checked={state.testAccounts} onChange={(testAccounts) => set({ testAccounts })} />
                    </label>
                ) : null}
            </Section>
            <Section title="Break down by" last>
                <Breakdowns breakdowns={state.breakdowns} events={events} onChange={(breakdowns) => set({ breakdowns })} />
            </Section>
        </div>
    )
}

function Section({ title, aside, last, children }: { title: string; aside?: string; last?: boolean; children: ReactNode }) {
    return (
        <section aria-label={title} className={last ? undefined : 'border-b border-line'}>
            <h2 className="flex justify-between px-3.5 pt-2.5 pb-1.5 text-sm font-[600] text-ink-2">
                {title} {aside ? <span className="font-[450] text-ink-3">{aside}</span> : null}
            </h2>
            {children}
        </section>
    )
}

function SeriesRow({ index, series, hasFormula, onChange, onRemove, onDuplicate }: { index: number; series: Series; hasFormula: boolean; onChange: (series: Series, options?: { replace?: boolean }) => void; onRemove: (() => void) | null; onDuplicate: (() => void) | null }) {
    const [naming, setNaming] = useState(false)
    const math = mathOf(series.math)
    const name = letter(index)
    return (
        <div className="px-3.5 pb-2.5">
            <div className="flex items-center gap-2">
                <span
                    aria-hidden
                    className="size-[18px] shrink-0 rounded-[5px] text-center text-[10.5px] leading-[18px] font-[600]"
                    style={{ background: hasFormula ? 'var(--line-strong)' : seriesColour(index), color: hasFormula ? 'var(--ink)' : 'var(--surface)' }}
                >
                    {name}
                </span>
                <EventPicker label={`Event of series ${name}`} value={series.event} onChange={(event) => onChange({ ...series, event })} className="flex-1" />
                <Menu
                    trigger={
                        <IconButton label={`Actions for series ${name}`} size="small" className="!w-[24px]">
                            <Ellipsis aria-hidden />
                        </IconButton>
                    }
                >
                    <MenuItem onSelect={() => setNaming(true)}>
                        <Pencil aria-hidden /> Rename
                    </MenuItem>
                    {onDuplicate ? (
                        <MenuItem onSelect={onDuplicate}>
                            <Copy aria-hidden /> Duplicate
                        </MenuItem>
                    ) : null}
                    {onRemove ? (
                        <MenuItem danger onSelect={onRemove}>
                            <X aria-hidden /> Remove
                        </MenuItem>
                    ) : null}
                </Menu>
            </div>
            <div className="mt-1.5 flex flex-wrap items-center gap-1.5 pl-[26px]">
                <Select
                    label={`How series ${name} counts`}
                    className="!h-[26px] max-w-full text-sm"
                    value={series.math}
                    groups={maths.map((group) => ({ label: group.label, options: group.maths.map((option) => ({ value: option.value, label: option.label })) }))}
                    onChange={(value) => onChange({ ...series, math: value })}
                />
                {math.needs === 'property' ? <MathProperty series={series} onChange={onChange} name={name} /> : null}
                {math.needs === 'group' ? <MathGroup series={series} onChange={onChange} name={name} /> : null}
                <FilterChips filters={series.filters} events={series.event ? [series.event] : undefined} onChange={(filters) => onChange({ ...series, filters })} />
                {series.name !== undefined || naming ? (
                    <Input
                        aria-label={`Name of series ${name}`}
                        ref={(input) => {
                            // The menu gives focus back to its button when it closes; the name wants it.
                            if (naming && input) setTimeout(() => input.focus(), 50)
                        }}
                        placeholder="Name shown in the chart"
                        className="!h-[26px] text-sm"
                        maxLength={120}
                        value={series.name ?? ''}
                        onChange={(event) => onChange({ ...series, name: event.target.value || undefined }, { replace: true })}
                        onBlur={() => setNaming(false)}
                    />
                ) : null}
            </div>
            {math.needs === 'expression' ? (
                <div className="mt-1.5 pl-[26px]">
                    <Input
                        aria-label={`Expression of series ${name}`}
                        className="font-mono text-[12px]"
                        placeholder="sum(toFloat(properties.price)) / 100"
                        value={series.expression ?? ''}
                        onChange={(event) => onChange({ ...series, expression: event.target.value }, { replace: true })}
                    />
                </div>
            ) : null}
        </div>
    )
}

function MathProperty({ series, onChange, name }: { series: Series; onChange: (series: Series) => void; name: string }) {
    const [open, setOpen] = useState(false)
    return (
        <Popover
            open={open}
            onOpenChange={setOpen}
            label={`Property of series ${name}`}
            trigger={
                <button type="button" className={buttonClass(series.property ? 'plain' : 'dashed', 'small')} aria-label={`Property of series ${name}: ${series.property ?? 'not chosen'}`}>
                    of {series.property ? propertyLabel(series.property) : 'property…'}
                </button>
            }
        >
            <PropertyList
                only={['event', 'person', 'session']}
                numerical
                events={series.event ? [series.event] : undefined}
                onPick={(property) => {
                    onChange({ ...series, property: property.key, propertyOf: property.type as 'event' | 'person' | 'session' })
                    setOpen(false)
                }}
            />
        </Popover>
    )
}

function MathGroup({ series, onChange, name }: { series: Series; onChange: (series: Series) => void; name: string }) {
    const project = useProject()
    const types = useQuery(groupTypes(project.id))
    const known = types.data ?? []
    if (known.length === 0) return <span className="text-sm text-ink-3">no group types yet</span>
    return (
        <Select
            label={`Group type of series ${name}`}
            className="!h-[26px] text-sm"
            value={String(series.group ?? 0)}
            options={known.map((type) => ({ value: String(type.group_type_index), label: type.name_plural ?? type.group_type }))}
            onChange={(value) => onChange({ ...series, group: Number(value) })}
        />
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

function Breakdowns({ breakdowns, events, onChange }: { breakdowns: BreakdownSpec[]; events: string[]; onChange: (breakdowns: BreakdownSpec[]) => void }) {
    const [open, setOpen] = useState(false)
    return (
        <div className="flex flex-wrap gap-1.5 px-3.5 pb-3">
            {breakdowns.map((breakdown, index) => (
                <span key={`${breakdown.type}-${breakdown.property}`} className="inline-flex h-[25px] max-w-full items-center rounded-sm border border-line bg-sunken text-sm" title={breakdown.property}>
                    <BreakdownOptions breakdown={breakdown} onChange={(next) => onChange(breakdowns.map((old, at) => (at === index ? next : old)))} />
                    <button type="button" aria-label={`Stop breaking down by ${propertyLabel(breakdown.property)}`} className="px-1.5 text-ink-3 hover:text-ink" onClick={() => onChange(breakdowns.filter((_, at) => at !== index))}>
                        <X className="size-3" aria-hidden />
                    </button>
                </span>
            ))}
            {breakdowns.length < maxBreakdowns ? (
                <Popover
                    open={open}
                    onOpenChange={setOpen}
                    label="Break down by"
                    trigger={
                        <button type="button" className={buttonClass('dashed', 'small')}>
                            <Plus className="size-3" aria-hidden /> Property
                        </button>
                    }
                >
                    <PropertyList
                        events={events}
                        expression
                        onPick={(property) => {
                            const next: BreakdownSpec = { type: property.type, property: property.key }
                            if (property.type === 'group') next.group_type_index = property.group_type_index ?? 0
                            if (!breakdowns.some((known) => known.type === next.type && known.property === next.property)) onChange([...breakdowns, next])
                            setOpen(false)
                        }}
                    />
                </Popover>
            ) : null}
        </div>
    )
}

/** A number can be cut into ranges, an address can lose its trailing marks. */
function BreakdownOptions({ breakdown, onChange }: { breakdown: BreakdownSpec; onChange: (breakdown: BreakdownSpec) => void }) {
    const name = propertyLabel(breakdown.property)
    if (breakdown.type === 'hogql') return <code className="truncate pl-2 font-mono text-xs">{breakdown.property}</code>
    const { histogram_bin_count: bins, normalize_url: clean, ...plain } = breakdown
    const isAddress = /url|path|referrer/i.test(breakdown.property)
    const choose = (how: string) => onChange(how === 'values' ? plain : how === 'clean' ? { ...plain, normalize_url: true } : { ...plain, histogram_bin_count: Number(how) })
    const options = [
        { value: 'values', label: 'Each value' },
        ...(isAddress ? [{ value: 'clean', label: 'Each address, without trailing / ? #' }] : [5, 10, 20].map((count) => ({ value: String(count), label: `${count} ranges of numbers` }))),
    ]
    const how = clean ? 'clean' : bins ? String(bins) : 'values'
    return (
        <Menu
            align="start"
            trigger={
                <button type="button" aria-label={`${name}${bins ? ` in ${bins} ranges` : ''}, options`} className="flex min-w-0 items-center gap-1 pl-2 hover:text-ink focus-visible:-outline-offset-2">
                    <span className="truncate">
                        {name}
                        {bins ? <span className="text-ink-3"> in {bins} ranges</span> : null}
                    </span>
                    <ChevronDown className="size-3 shrink-0 text-ink-3" aria-hidden />
                </button>
            }
        >
            {options.map((option) => (
                <MenuItem key={option.value} onSelect={() => choose(option.value)}>
                    {option.value === how ? <Check aria-hidden /> : <span className="w-4" />} {option.label}
                </MenuItem>
            ))}
        </Menu>
    )
}
