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
import { useFilterText, type FilterText } from './filter-text'
import { convertValue, flagOperatorsFor, operatorLabels, operatorsFor, problem, valueShape } from './operators'
import { PickList } from './pick-list'
import { PropertyList, type OtherList, type PickedProperty } from './property-picker'
import { CohortList, FlagList, SetEditor } from './sets'

type FilterSource = 'event' | 'person' | 'group' | 'session' | 'cohort' | 'flag'

export type FilterChipsProps = {
    filters: PropertyFilter[]
    onChange: (filters: PropertyFilter[]) => void
    /** What can be filtered by; everything that queries know when left out. */
    only?: FilterSource[]
    events?: string[]
    addLabel?: string
    className?: string
    /** No more than so many. */
    max?: number
    /** Flags compare in more ways than queries, and take no expressions. */
    flags?: boolean
    /** Only this type of group. */
    groupIndex?: number
    /** The flag that is being edited cannot depend on itself. */
    exceptFlag?: number
}

/** Filters as chips: click one to change it, the cross removes it, the dashed one adds. */
export function FilterChips({ filters, onChange, only, events, addLabel = 'Filter', className, max = Infinity, flags = false, groupIndex, exceptFlag }: FilterChipsProps) {
    const replace = (index: number, filter: PropertyFilter) => onChange(filters.map((old, at) => (at === index ? filter : old)))
    return (
        <div className={cx('flex flex-wrap items-center gap-1.5', className)}>
            {filters.map((filter, index) => (
                <FilterChip
                    key={`${index}-${filter.type}-${filter.key}`}
                    filter={filter}
                    flags={flags}
                    onChange={(next) => replace(index, next)}
                    onRemove={() => onChange(filters.filter((_, at) => at !== index))}
                />
            ))}
            {filters.length < max ? <AddFilter only={only} events={events} label={addLabel} flags={flags} groupIndex={groupIndex} exceptFlag={exceptFlag} onAdd={(filter) => onChange([...filters, filter])} /> : null}
        </div>
    )
}

function FilterChip({ filter, flags, onChange, onRemove }: { filter: PropertyFilter; flags: boolean; onChange: (filter: PropertyFilter) => void; onRemove: () => void }) {
    const [open, setOpen] = useState(false)
    const parts = useFilterText(filter)
    const text = `${parts.subject} ${parts.relation} ${parts.value}`.replace(/\s+/g, ' ').trim()
    const done = (next: PropertyFilter) => {
        onChange(next)
        setOpen(false)
    }
    return (
        <span className="inline-flex h-[25px] max-w-full items-stretch overflow-hidden rounded-sm border border-line bg-sunken text-sm">
            <Popover
                open={open}
                onOpenChange={setOpen}
                label={`Edit filter ${text}`}
                trigger={
                    <button type="button" aria-label={`Edit filter: ${text}`} title={text} className="flex min-w-0 items-center gap-1 pl-2 hover:text-ink focus-visible:-outline-offset-2">
                        <ChipText parts={parts} />
                    </button>
                }
            >
                {filter.type === 'cohort' || filter.type === 'flag' ? <SetEditor filter={filter} onDone={done} /> : <FilterEditor filter={filter} propertyType={null} flags={flags} action="Apply" onDone={done} />}
            </Popover>
            <button type="button" aria-label={`Remove filter: ${text}`} onClick={onRemove} className="px-1.5 text-ink-3 hover:text-ink focus-visible:-outline-offset-2">
                <X className="size-3" aria-hidden />
            </button>
        </span>
    )
}

function ChipText({ parts }: { parts: FilterText }) {
    if (parts.code) return <code className="truncate font-mono text-xs">{parts.subject}</code>
    return (
        <span className="truncate" dir="auto">
            <span className="text-ink-2">{parts.subject}</span> {parts.relation} <b className="font-[560]">{parts.value}</b>
        </span>
    )
}

type AddFilterProps = Pick<FilterChipsProps, 'only' | 'events' | 'flags' | 'groupIndex' | 'exceptFlag'> & { label: string; onAdd: (filter: PropertyFilter) => void }

function AddFilter({ only, events, flags = false, groupIndex, exceptFlag, label, onAdd }: AddFilterProps) {
    const [open, setOpen] = useState(false)
    const [picked, setPicked] = useState<PickedProperty | null>(null)
    const close = () => {
        setOpen(false)
        setPicked(null)
    }
    const add = (filter: PropertyFilter) => {
        onAdd(filter)
        close()
    }
    const others: OtherList[] = []
    if (!only || only.includes('cohort')) others.push({ id: 'cohort', label: 'Cohort', list: (tabs) => <CohortList header={tabs} onPick={(id) => add({ type: 'cohort', key: 'id', operator: 'in', value: id })} /> })
    if (only?.includes('flag')) others.push({ id: 'flag', label: 'Flag', list: (tabs) => <FlagList header={tabs} except={exceptFlag} onPick={(id) => add({ type: 'flag', key: String(id), operator: 'flag_evaluates_to', value: true })} /> })
    const properties = only?.filter((source) => source !== 'cohort' && source !== 'flag')
    const operators = flags ? flagOperatorsFor : operatorsFor
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
                    filter={{ type: picked.type, key: picked.key, operator: operators(picked.propertyType)[0], value: null, group_type_index: picked.group_type_index }}
                    propertyType={picked.propertyType}
                    flags={flags}
                    action="Add filter"
                    onDone={add}
                />
            ) : (
                <PropertyList
                    only={properties}
                    events={events}
                    expression={!flags}
                    groupIndex={groupIndex}
                    others={others}
                    onPick={(property) => (property.type === 'hogql' ? add({ type: 'hogql', key: property.key }) : setPicked(property))}
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

function FilterEditor({ filter, propertyType, flags, action, onDone }: { filter: PropertyFilter; propertyType: PropertyType | null; flags: boolean; action: string; onDone: (filter: PropertyFilter) => void }) {
    const [draft, setDraft] = useState<PropertyFilter>(filter)
    const [tried, setTried] = useState(false)
    const operator = draft.operator ?? 'exact'
    const offered = (flags ? flagOperatorsFor : operatorsFor)(propertyType)
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
                    <Input aria-label="Value" autoFocus placeholder={draft.operator?.includes('regex') ? '^/blog/.*' : draft.operator?.startsWith('semver') ? '1.4.2' : 'Text'} value={text} onChange={(event) => onChange(event.target.value)} />
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
