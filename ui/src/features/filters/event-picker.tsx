import { useQuery } from '@tanstack/react-query'
import { ChevronDown } from 'lucide-react'
import { useState } from 'react'
import { useProject } from '@/api/project'
import { eventDefinitions } from '@/api/queries'
import { eventLabel } from '@/lib/known-names'
import { cx } from '@/ui/classes'
import { Popover } from '@/ui/floating'
import { useSettled } from '@/ui/states'
import { PickList } from './pick-list'

/** Chooses an event by name; null is "All events", or none yet where `allLabel` is null. `shown` is what stands there instead while something else is chosen. */
export function EventPicker({ value, onChange, label = 'Event', allLabel = 'All events', shown, className }: { value: string | null; onChange: (event: string | null) => void; label?: string; allLabel?: string | null; shown?: string; className?: string }) {
    const project = useProject()
    const [open, setOpen] = useState(false)
    const [search, setSearch] = useState('')
    const settled = useSettled(search, 120)
    const found = useQuery({ ...eventDefinitions(project.id, settled), enabled: open })

    const chosen = shown ?? (value === null ? (allLabel ?? 'Choose an event') : eventLabel(value))
    const names = (found.data?.results ?? []).map((definition) => definition.name)
    const typed = search.trim()
    const items = [
        ...(allLabel?.toLowerCase().includes(typed.toLowerCase()) ? [{ key: '', label: allLabel ?? '', picked: value === null }] : []),
        ...names.map((name) => ({ key: name, label: eventLabel(name), hint: name, picked: name === value })),
        ...(typed !== '' && !names.includes(typed) ? [{ key: typed, label: typed, hint: 'use this name' }] : []),
    ]
    return (
        <Popover
            open={open}
            onOpenChange={(next) => {
                setOpen(next)
                if (next) setSearch('')
            }}
            label={label}
            trigger={
                <button
                    type="button"
                    aria-label={`${label}: ${chosen}`}
                    title={value ?? undefined}
                    className={cx('flex h-[30px] min-w-0 items-center justify-between gap-1.5 rounded-md border border-line-strong bg-surface px-2.5 text-left hover:bg-sunken', className)}
                >
                    <span className="truncate" dir="auto">
                        {chosen}
                    </span>
                    <ChevronDown className="size-3.5 shrink-0 text-ink-3" aria-hidden />
                </button>
            }
        >
            <PickList
                label="Search events"
                search={search}
                onSearch={setSearch}
                items={items}
                loading={found.isFetching && !found.data}
                onPick={(item) => {
                    onChange(item.key === '' ? null : item.key)
                    setOpen(false)
                }}
                empty="No event has this name yet."
            />
        </Popover>
    )
}
