import { Check, ChevronDown, Plus, X } from 'lucide-react'
import { useState, type ReactNode } from 'react'
import type { BreakdownSpec } from '@/api/types'
import { PropertyList } from '@/features/filters/public'
import { propertyLabel } from '@/lib/known-names'
import { buttonClass } from '@/ui/button'
import { Menu, MenuItem, Popover } from '@/ui/floating'
import { maxBreakdowns } from './common'
import { Section } from './question-parts'
import { eventsOf, type Series } from './series'

export function BreakdownSection({ breakdowns, events, onChange, most = maxBreakdowns, children }: { breakdowns: BreakdownSpec[]; events: Series[]; onChange: (breakdowns: BreakdownSpec[]) => void; most?: number; children?: ReactNode }) {
    return (
        <Section title="Break down by" last>
            <Breakdowns breakdowns={breakdowns} events={eventsOf(events)} most={most} onChange={onChange} />
            {children}
        </Section>
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
