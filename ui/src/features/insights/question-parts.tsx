import { useQuery } from '@tanstack/react-query'
import { Check, ChevronDown, Copy, Ellipsis, MoveDown, MoveUp, Pencil, Plus, X } from 'lucide-react'
import { useState, type ReactNode } from 'react'
import { useProject } from '@/api/project'
import { groupTypes } from '@/api/queries'
import type { BreakdownSpec } from '@/api/types'
import { EventPicker, FilterChips, PropertyList } from '@/features/filters/public'
import { propertyLabel } from '@/lib/known-names'
import { buttonClass, IconButton } from '@/ui/button'
import { Select, Switch } from '@/ui/choice'
import { Input } from '@/ui/field'
import { Menu, MenuItem, MenuLine, Popover } from '@/ui/floating'
import { seriesColour } from './colours'
import { maxBreakdowns, type Common } from './common'
import { entityLabel, letter, mathOf, maths, maxSeries, type MathGroup, type Series } from './series'

export type Change<S> = (state: S, options?: { replace?: boolean }) => void

export const eventsOf = (series: Series[]): string[] => series.flatMap((one) => (one.event === null ? [] : [one.event]))

export function Section({ title, aside, last, children }: { title: string; aside?: ReactNode; last?: boolean; children: ReactNode }) {
    return (
        <section aria-label={title} className={last ? undefined : 'border-b border-line'}>
            <h2 className="flex justify-between px-3.5 pt-2.5 pb-1.5 text-sm font-[600] text-ink-2">
                {title} {aside ? <span className="font-[450] text-ink-3">{aside}</span> : null}
            </h2>
            {children}
        </section>
    )
}

/** A labelled line of the question column. */
export function Line({ label, children }: { label: ReactNode; children: ReactNode }) {
    return (
        <div className="flex min-h-[30px] flex-wrap items-center justify-between gap-x-3 gap-y-1 text-sm text-ink-2">
            <span>{label}</span>
            <span className="flex items-center gap-1.5">{children}</span>
        </div>
    )
}

export function FilterSection<S extends Common>({ state, events, aside, onChange, last }: { state: S; events?: Series[]; aside?: string; onChange: Change<S>; last?: boolean }) {
    const project = useProject()
    return (
        <Section title="Filters" aside={aside} last={last}>
            <FilterChips className="px-3.5 pb-3" filters={state.filters} events={events ? eventsOf(events) : undefined} onChange={(filters) => onChange({ ...state, filters })} />
            {project.test_account_filters.length > 0 ? (
                <label className="flex items-center justify-between gap-3 px-3.5 pb-3 text-sm text-ink-2">
                    Leave out internal and test users
                    <Switch label="Leave out internal and test users" checked={state.testAccounts} onChange={(testAccounts) => onChange({ ...state, testAccounts })} />
                </label>
            ) : null}
        </Section>
    )
}

/** Persons are counted unless the project knows groups and one of their types is chosen. */
export function ActorChoice<S extends Common>({ state, onChange }: { state: S; onChange: Change<S> }) {
    const project = useProject()
    const types = useQuery(groupTypes(project.id))
    if ((types.data ?? []).length === 0 && state.groupType === undefined) return null
    const options = [
        { value: 'persons', label: 'Persons' },
        ...(types.data ?? []).map((type) => ({ value: String(type.group_type_index), label: type.name_plural ?? type.group_type })),
        ...(state.groupType !== undefined && !types.data?.some((type) => type.group_type_index === state.groupType) ? [{ value: String(state.groupType), label: `Groups of type ${state.groupType}` }] : []),
    ]
    const choose = (value: string) => {
        const { groupType: _, ...rest } = state
        onChange((value === 'persons' ? rest : { ...rest, groupType: Number(value) }) as S)
    }
    return (
        <Line label="Counted are">
            <Select label="What is counted" className="!h-[26px] text-sm" value={state.groupType === undefined ? 'persons' : String(state.groupType)} options={options} onChange={choose} />
        </Line>
    )
}

export function BreakdownSection({ breakdowns, events, onChange, most = maxBreakdowns, children }: { breakdowns: BreakdownSpec[]; events: Series[]; onChange: (breakdowns: BreakdownSpec[]) => void; most?: number; children?: ReactNode }) {
    return (
        <Section title="Break down by" last>
            <Breakdowns breakdowns={breakdowns} events={eventsOf(events)} most={most} onChange={onChange} />
            {children}
        </Section>
    )
}

type SeriesChange = (series: Series[], options?: { replace?: boolean }) => void

/** Series, or steps, one under the other, each with what can be done to it. */
export function SeriesList({
    series,
    onChange,
    muted = false,
    noun = 'series',
    mathGroups = maths,
    least = 1,
    movable = false,
    below,
}: {
    series: Series[]
    onChange: SeriesChange
    muted?: boolean
    noun?: 'series' | 'step'
    mathGroups?: MathGroup[] | null
    least?: number
    movable?: boolean
    below?: (index: number, change: (series: Series) => void) => ReactNode
}) {
    const swapped = (index: number, by: number): Series[] => {
        const next = [...series]
        const [moved] = next.splice(index, 1)
        if (moved) next.splice(index + by, 0, moved)
        return next
    }
    return (
        <>
            {series.map((one, index) => {
                const change = (next: Series, options?: { replace?: boolean }) => onChange(series.map((old, at) => (at === index ? next : old)), options)
                return (
                    <SeriesRow
                        key={index}
                        badge={noun === 'step' ? String(index + 1) : letter(index)}
                        what={`${noun} ${noun === 'step' ? index + 1 : letter(index)}`}
                        colour={muted || noun === 'step' ? null : index}
                        series={one}
                        mathGroups={mathGroups}
                        onChange={change}
                        onRemove={series.length > least ? () => onChange(series.filter((_, at) => at !== index)) : null}
                        onDuplicate={series.length < maxSeries ? () => onChange([...series.slice(0, index + 1), one, ...series.slice(index + 1)]) : null}
                        onUp={movable && index > 0 ? () => onChange(swapped(index, -1)) : null}
                        onDown={movable && index < series.length - 1 ? () => onChange(swapped(index, 1)) : null}
                    >
                        {below?.(index, change)}
                    </SeriesRow>
                )
            })}
        </>
    )
}

type RowProps = {
    badge: string
    /** How the row is called, for everyone who cannot see the badge: "series A", "step 2". */
    what: string
    /** Index of the series colour; null for a neutral badge. */
    colour: number | null
    series: Series
    mathGroups: MathGroup[] | null
    onChange: (series: Series, options?: { replace?: boolean }) => void
    onRemove?: (() => void) | null
    onDuplicate?: (() => void) | null
    onUp?: (() => void) | null
    onDown?: (() => void) | null
    children?: ReactNode
}

export function SeriesRow({ badge, what, colour, series, mathGroups, onChange, onRemove, onDuplicate, onUp, onDown, children }: RowProps) {
    const [naming, setNaming] = useState(false)
    const math = mathOf(series.math)
    return (
        <div className="px-3.5 pb-2.5">
            <div className="flex items-center gap-2">
                <span
                    aria-hidden
                    className="size-[18px] shrink-0 rounded-[5px] text-center text-[10.5px] leading-[18px] font-[600]"
                    style={{ background: colour === null ? 'var(--line-strong)' : seriesColour(colour), color: colour === null ? 'var(--ink)' : 'var(--surface)' }}
                >
                    {badge}
                </span>
                <EventPicker
                    label={`Event of ${what}`}
                    value={series.event}
                    shown={series.action === undefined ? undefined : entityLabel(series)}
                    onChange={(event) => {
                        const { action: _, actionName: __, ...rest } = series
                        onChange({ ...rest, event })
                    }}
                    className="flex-1"
                />
                <Menu
                    trigger={
                        <IconButton label={`Actions for ${what}`} size="small" className="!w-[24px]">
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
                    {onUp ? (
                        <MenuItem onSelect={onUp}>
                            <MoveUp aria-hidden /> Move up
                        </MenuItem>
                    ) : null}
                    {onDown ? (
                        <MenuItem onSelect={onDown}>
                            <MoveDown aria-hidden /> Move down
                        </MenuItem>
                    ) : null}
                    {onRemove ? (
                        <>
                            <MenuLine />
                            <MenuItem danger onSelect={onRemove}>
                                <X aria-hidden /> Remove
                            </MenuItem>
                        </>
                    ) : null}
                </Menu>
            </div>
            <div className="mt-1.5 flex flex-wrap items-center gap-1.5 pl-[26px]">
                {mathGroups ? (
                    <Select
                        label={`How ${what} counts`}
                        className="!h-[26px] max-w-full text-sm"
                        value={series.math}
                        groups={mathGroups.map((group) => ({ label: group.label, options: group.maths.map((option) => ({ value: option.value, label: option.label })) }))}
                        onChange={(value) => onChange({ ...series, math: value })}
                    />
                ) : null}
                {mathGroups && math.needs === 'property' ? <MathProperty series={series} onChange={onChange} what={what} /> : null}
                {mathGroups && math.needs === 'group' ? <MathGroups series={series} onChange={onChange} what={what} /> : null}
                <FilterChips filters={series.filters} events={series.event ? [series.event] : undefined} onChange={(filters) => onChange({ ...series, filters })} />
                {series.name !== undefined || naming ? (
                    <Input
                        aria-label={`Name of ${what}`}
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
            {mathGroups && math.needs === 'expression' ? (
                <div className="mt-1.5 pl-[26px]">
                    <Input
                        aria-label={`Expression of ${what}`}
                        className="font-mono text-[12px]"
                        placeholder="sum(toFloat(properties.price)) / 100"
                        value={series.expression ?? ''}
                        onChange={(event) => onChange({ ...series, expression: event.target.value }, { replace: true })}
                    />
                </div>
            ) : null}
            {children}
        </div>
    )
}

function MathProperty({ series, onChange, what }: { series: Series; onChange: (series: Series) => void; what: string }) {
    const [open, setOpen] = useState(false)
    return (
        <Popover
            open={open}
            onOpenChange={setOpen}
            label={`Property of ${what}`}
            trigger={
                <button type="button" className={buttonClass(series.property ? 'plain' : 'dashed', 'small')} aria-label={`Property of ${what}: ${series.property ?? 'not chosen'}`}>
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

function MathGroups({ series, onChange, what }: { series: Series; onChange: (series: Series) => void; what: string }) {
    const project = useProject()
    const types = useQuery(groupTypes(project.id))
    const known = types.data ?? []
    if (known.length === 0) return <span className="text-sm text-ink-3">no group types yet</span>
    return (
        <Select
            label={`Group type of ${what}`}
            className="!h-[26px] text-sm"
            value={String(series.group ?? 0)}
            options={known.map((type) => ({ value: String(type.group_type_index), label: type.name_plural ?? type.group_type }))}
            onChange={(value) => onChange({ ...series, group: Number(value) })}
        />
    )
}

function Breakdowns({ breakdowns, events, most, onChange }: { breakdowns: BreakdownSpec[]; events: string[]; most: number; onChange: (breakdowns: BreakdownSpec[]) => void }) {
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
            {breakdowns.length < most ? (
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
