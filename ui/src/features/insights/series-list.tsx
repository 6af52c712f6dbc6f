import { useQuery } from '@tanstack/react-query'
import { Copy, Ellipsis, MoveDown, MoveUp, Pencil, X } from 'lucide-react'
import { useState, type ReactNode } from 'react'
import { useProject } from '@/api/project'
import { groupTypes } from '@/api/queries'
import { EventPicker, FilterChips, PropertyList } from '@/features/filters/public'
import { propertyLabel } from '@/lib/known-names'
import { buttonClass, IconButton } from '@/ui/button'
import { Select } from '@/ui/choice'
import { Input } from '@/ui/field'
import { Menu, MenuItem, MenuLine, Popover } from '@/ui/floating'
import { seriesColour } from './colours'
import { entityLabel, letter, mathOf, maths, maxSeries, type MathGroup, type Series } from './series'

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
