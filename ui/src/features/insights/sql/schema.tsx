import { useQuery } from '@tanstack/react-query'
import { ChevronRight } from 'lucide-react'
import { useState, type ReactNode } from 'react'
import type { SchemaField } from '@/api/insight-types'
import { useProject } from '@/api/project'
import { propertyDefinitions, propertyValues } from '@/api/queries'
import { cx } from '@/ui/classes'
import { SearchInput } from '@/ui/field'
import { useSettled } from '@/ui/states'
import { propertyText } from './hogql'
import { schema } from './language'

/** Everything that can be asked about; a press writes its name at the cursor, an arrow shows values that were sent. */
export function Schema({ onPick }: { onPick: (text: string) => void }) {
    const project = useProject()
    const [search, setSearch] = useState('')
    const settled = useSettled(search.trim(), 150)
    const tables = useQuery(schema(project.id))
    const events = useQuery(propertyDefinitions(project.id, { type: 'event' }, settled))
    const persons = useQuery(propertyDefinitions(project.id, { type: 'person' }, settled))
    const wanted = (name: string) => name.toLowerCase().includes(settled.toLowerCase())
    const found = (tables.data ?? []).map((table) => ({ ...table, fields: wanted(table.name) ? table.fields : table.fields.filter((field) => wanted(field.name)) })).filter((table) => wanted(table.name) || table.fields.length > 0)
    const group = (title: string, items: ReactNode[]) =>
        items.length === 0 ? null : (
            <section aria-label={title} className="pb-2">
                <h2 className="px-3.5 pt-2.5 pb-1 text-sm font-[600] text-ink-2">{title}</h2>
                <ul>{items}</ul>
            </section>
        )
    return (
        <div>
            <div className="border-b border-line p-2.5">
                <SearchInput label="Search fields and properties" value={search} onChange={setSearch} />
            </div>
            <div className="max-h-[min(640px,72vh)] overflow-auto">
                {group('Tables', found.map((table) => <TableEntry key={table.name} name={table.name} fields={table.fields} searched={settled !== ''} onPick={onPick} />))}
                {group('Event properties', (events.data?.results ?? []).map((property) => <Property key={property.name} name={property.name} type={property.property_type} of="event" onPick={onPick} />))}
                {group('Person properties', (persons.data?.results ?? []).map((property) => <Property key={property.name} name={property.name} type={property.property_type} of="person" onPick={onPick} />))}
                {tables.isError ? <p className="px-3.5 py-2 text-sm text-ink-3">The tables could not be read. Queries still run.</p> : null}
            </div>
        </div>
    )
}

function TableEntry({ name, fields, searched, onPick }: { name: string; fields: SchemaField[]; searched: boolean; onPick: (text: string) => void }) {
    const [open, setOpen] = useState(name === 'events')
    const shown = open || searched
    return (
        <>
            <Entry name={name} onPick={() => onPick(name)} before={<Twist open={shown} label={`Fields of ${name}`} onToggle={() => setOpen(!open)} />} />
            {shown ? (
                <li className="pl-5">
                    <ul>
                        {fields.map((field) => (
                            <Entry key={field.name} name={field.name} hint={field.table ?? field.type} onPick={() => onPick(field.name)} />
                        ))}
                    </ul>
                </li>
            ) : null}
        </>
    )
}

function Twist({ open, label, onToggle }: { open: boolean; label: string; onToggle: () => void }) {
    return (
        <button type="button" aria-expanded={open} aria-label={label} onClick={onToggle} className="flex size-6 shrink-0 items-center justify-center rounded-sm text-ink-3 hover:text-ink">
            <ChevronRight className={cx('size-3.5', open && 'rotate-90')} aria-hidden />
        </button>
    )
}

function Entry({ name, hint, onPick, before }: { name: string; hint?: string; onPick: () => void; before?: ReactNode }) {
    return (
        <li className="flex items-center pr-2 pl-1 hover:bg-sunken">
            {before ?? <span className="w-6 shrink-0" />}
            <button type="button" title={`Write ${name}`} onClick={onPick} className="flex min-h-[26px] min-w-0 flex-1 items-center justify-between gap-2 rounded-sm px-1 text-left focus-visible:-outline-offset-2">
                <span className="truncate font-mono text-[12px]" dir="auto">
                    {name}
                </span>
                {hint ? <span className="shrink-0 text-xs text-ink-3">{hint}</span> : null}
            </button>
        </li>
    )
}

function Property({ name, type, of, onPick }: { name: string; type: string | null; of: 'event' | 'person'; onPick: (text: string) => void }) {
    const project = useProject()
    const [open, setOpen] = useState(false)
    const values = useQuery({ ...propertyValues(project.id, { type: of }, name, ''), enabled: open })
    return (
        <>
            <Entry
                name={name}
                hint={type ?? undefined}
                onPick={() => onPick(propertyText(name, of))}
                before={<Twist open={open} label={`Values of ${name}`} onToggle={() => setOpen(!open)} />}
            />
            {open ? (
                <li className="pb-1 pl-9 text-sm text-ink-3">
                    {values.isPending ? 'Looking…' : (values.data ?? []).length === 0 ? 'no values yet' : null}
                    <span className="flex flex-col items-start">
                        {(values.data ?? []).slice(0, 8).map((value) => (
                            <button key={value} type="button" title={`Write '${value}'`} onClick={() => onPick(`'${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`)} className="max-w-full truncate rounded-sm px-1 hover:bg-sunken hover:text-ink" dir="auto">
                                {value === '' ? '(empty)' : value}
                            </button>
                        ))}
                    </span>
                </li>
            ) : null}
        </>
    )
}
