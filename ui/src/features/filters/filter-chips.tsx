import { useQuery } from '@tanstack/react-query'
import { Plus, X } from 'lucide-react'
import { useState } from 'react'
import { useProject } from '@/api/project'
import { propertyValues, type PropertyOwner } from '@/api/queries'
import type { PropertyFilter, PropertyOperator, PropertyType } from '@/api/types'
import { propertyLabel } from '@/lib/known-names'
import { Button, buttonClass } from '@/ui/button'
import { Select } from '@/ui/choice'
import { cx } from '@/ui/classes'
import { Field, Input } from '@/ui/field'
import { Popover } from '@/ui/floating'
import { useSettled } from '@/ui/states'
import { convertValue, describeValue, operatorLabels, operatorsFor, problem, valueShape } from './operators'
import { PickList } from './pick-list'
import { PropertyList, type PickedProperty } from './property-picker'

/** Filters as chips: click one to change it, the cross removes it, the dashed one adds. */
export function FilterChips({
    filters,
    onChange,
    only,
    events,
    addLabel = 'Filter',
    className,
}: {
    filters: PropertyFilter[]
    onChange: (filters: PropertyFilter[]) => void
    only?: ('event' | 'person' | 'group' | 'session')[]
    events?: string[]
    addLabel?: string
    className?: string
}) {
    const replace = (index: number, filter: PropertyFilter) => onChange(filters.map((old, at) => (at === index ? filter : old)))
    return (
        <div className={cx('flex flex-wrap items-center gap-1.5', className)}>
            {filters.map((filter, index) => (
                <FilterChip
                    key={`${index}-${filter.type}-${filter.key}`}
                    filter={filter}
                    onChange={(next) => replace(index, next)}
                    onRemove={() => onChange(filters.filter((_, at) => at !== index))}
                />
            ))}
            <AddFilter only={only} events={events} label={addLabel} onAdd={(filter) => onChange([...filters, filter])} />
        </div>
    )
}

function FilterChip({ filter, onChange, onRemove }: { filter: PropertyFilter; onChange: (filter: PropertyFilter) => void; onRemove: () => void }) {
    const [open, setOpen] = useState(false)
    const operator = filter.operator ?? 'exact'
    const expression = filter.type === 'hogql'
    const text = expression ? filter.key : `${propertyLabel(filter.key)} ${operatorLabels[operator]} ${describeValue(filter)}`.trim()
    return (
        <span className="inline-flex h-[25px] max-w-full items-stretch overflow-hidden rounded-sm border border-line bg-sunken text-sm">
            <Popover
                open={open}
                onOpenChange={setOpen}
                label={`Edit filter ${text}`}
                trigger={
                    <button type="button" aria-label={`Edit filter: ${text}`} title={text} className="flex min-w-0 items-center gap-1 pl-2 hover:text-ink focus-visible:-outline-offset-2">
                        {expression ? (
                            <code className="truncate font-mono text-xs">{filter.key}</code>
                        ) : (
                            <span className="truncate" dir="auto">
                                <span className="text-ink-2">{propertyLabel(filter.key)}</span> {operatorLabels[operator]} <b className="font-[560]">{describeValue(filter)}</b>
                            </span>
                        )}
                    </button>
                }
            >
                <FilterEditor
                    filter={filter}
                    propertyType={null}
                    action="Apply"
                    onDone={(next) => {
                        onChange(next)
                        setOpen(false)
                    }}
                />
            </Popover>
            <button type="button" aria-label={`Remove filter: ${text}`} onClick={onRemove} className="px-1.5 text-ink-3 hover:text-ink focus-visible:-outline-offset-2">
                <X className="size-3" aria-hidden />
            </button>
        </span>
    )
}

function AddFilter({ only, events, label, onAdd }: { only?: ('event' | 'person' | 'group' | 'session')[]; events?: string[]; label: string; onAdd: (filter: PropertyFilter) => void }) {
    const [open, setOpen] = useState(false)
    const [picked, setPicked] = useState<PickedProperty | null>(null)
    const close = () => {
        setOpen(false)
        setPicked(null)
    }
    return (
        <Popover
            open={open}
            onOpenChange={(next) => (next ? setOpen(true) : close())}
            label="Add filter"
            trigger={
                <button type="button" className={buttonClass('dashed', 'small')}>
                    <Plus className="size-3" aria-hidden /> {label}
                </button>
            }
        >
            {picked ? (
                <FilterEditor
                    filter={{ type: picked.type, key: picked.key, operator: operatorsFor(picked.propertyType)[0], value: null, group_type_index: picked.group_type_index }}
                    propertyType={picked.propertyType}
                    action="Add filter"
                    onDone={(filter) => {
                        onAdd(filter)
                        close()
                    }}
                />
            ) : (
                <PropertyList
                    only={only}
                    events={events}
                    expression
                    onPick={(property) => {
                        if (property.type === 'hogql') {
                            onAdd({ type: 'hogql', key: property.key })
                            close()
                        } else setPicked(property)
                    }}
                />
            )}
        </Popover>
    )
}

export function ownerOf(filter: PropertyFilter): PropertyOwner {
    if (filter.type === 'group') return { type: 'group', index: filter.group_type_index ?? 0 }
    if (filter.type === 'person' || filter.type === 'session') return { type: filter.type }
    return { type: 'event' }
}

function FilterEditor({ filter, propertyType, action, onDone }: { filter: PropertyFilter; propertyType: PropertyType | null; action: string; onDone: (filter: PropertyFilter) => void }) {
    const [draft, setDraft] = useState<PropertyFilter>(filter)
    const [tried, setTried] = useState(false)
    const operator = draft.operator ?? 'exact'
    const offered = operatorsFor(propertyType)
    const operators = offered.includes(operator) ? offered : [operator, ...offered]
    const wrong = draft.type === 'hogql' ? null : problem(draft)
    const done = () => {
        setTried(true)
        if (!wrong) onDone(draft)
    }
    if (draft.type === 'hogql') {
        return (
            <form
                className="flex w-[320px] flex-col gap-2 p-3"
                onSubmit={(event) => {
                    event.preventDefault()
                    done()
                }}
            >
                <Field label="Expression" hint="Rows for which this is true are kept.">
                    {(control) => <Input {...control} autoFocus className="font-mono" value={draft.key} onChange={(event) => setDraft({ ...draft, key: event.target.value })} />}
                </Field>
                <Button kind="primary" type="submit">
                    {action}
                </Button>
            </form>
        )
    }
    return (
        <form
            className="flex w-[300px] max-w-full flex-col"
            onSubmit={(event) => {
                event.preventDefault()
                done()
            }}
        >
            <div className="flex items-center gap-2 border-b border-line p-2">
                <span className="min-w-0 flex-1 truncate font-[550]" title={draft.key} dir="auto">
                    {propertyLabel(draft.key)}
                </span>
                <Select<PropertyOperator>
                    label="Operator"
                    className="w-[140px]"
                    value={operator}
                    options={operators.map((value) => ({ value, label: operatorLabels[value] }))}
                    onChange={(next) => setDraft({ ...draft, operator: next, value: convertValue(draft.value, next) })}
                />
            </div>
            <ValueInput draft={draft} onChange={(value) => setDraft({ ...draft, value })} />
            <div className="flex items-center justify-between gap-2 border-t border-line p-2">
                <span className="text-sm text-bad" role="alert">
                    {tried ? wrong : null}
                </span>
                <Button kind="primary" type="submit" size="small">
                    {action}
                </Button>
            </div>
        </form>
    )
}

function ValueInput({ draft, onChange }: { draft: PropertyFilter; onChange: (value: PropertyFilter['value']) => void }) {
    const shape = valueShape(draft.operator ?? 'exact')
    const text = draft.value === null || draft.value === undefined || Array.isArray(draft.value) ? '' : String(draft.value)
    switch (shape) {
        case 'none':
            return <p className="p-3 text-sm text-ink-3">No value needed.</p>
        case 'many':
            return <ManyValues draft={draft} onChange={onChange} />
        case 'one':
            return (
                <div className="p-2">
                    <Input aria-label="Value" autoFocus placeholder={draft.operator?.includes('regex') ? '^/blog/.*' : 'Text'} value={text} onChange={(event) => onChange(event.target.value)} />
                </div>
            )
        case 'number':
            return (
                <div className="p-2">
                    <Input aria-label="Value" autoFocus type="number" step="any" value={text} onChange={(event) => onChange(event.target.value === '' ? null : Number(event.target.value))} />
                </div>
            )
        case 'range': {
            const [low = '', high = ''] = Array.isArray(draft.value) ? draft.value.map(String) : []
            const set = (a: string, b: string) => onChange([a === '' ? '' : Number(a), b === '' ? '' : Number(b)])
            return (
                <div className="flex items-center gap-2 p-2">
                    <Input aria-label="From" autoFocus type="number" step="any" value={low} onChange={(event) => set(event.target.value, high)} />
                    <span className="text-ink-3">and</span>
                    <Input aria-label="To" type="number" step="any" value={high} onChange={(event) => set(low, event.target.value)} />
                </div>
            )
        }
        case 'date':
            return (
                <div className="flex flex-col gap-2 p-2">
                    <Input aria-label="Date" autoFocus type="date" value={text.slice(0, 10)} onChange={(event) => onChange(event.target.value)} />
                    <div className="flex flex-wrap gap-1">
                        {['-1d', '-7d', '-30d', '-90d'].map((ago) => (
                            <Button key={ago} size="small" kind={text === ago ? 'plain' : 'quiet'} aria-pressed={text === ago} onClick={() => onChange(ago)}>
                                {ago.slice(1, -1)} {ago === '-1d' ? 'day' : 'days'} ago
                            </Button>
                        ))}
                    </div>
                </div>
            )
    }
}

function ManyValues({ draft, onChange }: { draft: PropertyFilter; onChange: (value: string[]) => void }) {
    const project = useProject()
    const [search, setSearch] = useState('')
    const settled = useSettled(search, 150)
    const found = useQuery(propertyValues(project.id, ownerOf(draft), draft.key, settled))
    const chosen = (Array.isArray(draft.value) ? draft.value : draft.value === null || draft.value === undefined || draft.value === '' ? [] : [draft.value]).map(String)
    const typed = search.trim()
    const offered = (found.data ?? []).filter((value) => value.toLowerCase().includes(typed.toLowerCase()))
    const keys = [...new Set([...chosen, ...offered, ...(typed !== '' ? [typed] : [])])].filter((value) => typed === '' || value.toLowerCase().includes(typed.toLowerCase()))
    return (
        <PickList
            label="Search values"
            search={search}
            onSearch={setSearch}
            loading={found.isFetching && !found.data}
            items={keys.map((value) => ({ key: value, label: value === '' ? '(empty text)' : value, picked: chosen.includes(value), hint: !chosen.includes(value) && !offered.includes(value) ? 'use this value' : undefined }))}
            onPick={(item) => onChange(chosen.includes(item.key) ? chosen.filter((value) => value !== item.key) : [...chosen, item.key])}
            empty="No value seen yet. Type one."
        />
    )
}
