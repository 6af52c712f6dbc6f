import { useQuery } from '@tanstack/react-query'
import { useState, type ReactNode } from 'react'
import { useProject } from '@/api/project'
import { groupTypes, propertyDefinitions, type PropertyOwner } from '@/api/queries'
import type { PropertyDefinition, PropertyFilterType, PropertyType } from '@/api/types'
import { propertyLabel } from '@/lib/known-names'
import { cx } from '@/ui/classes'
import { useSettled } from '@/ui/states'
import { PickList, type PickItem } from './pick-list'

export type PickedProperty = { type: Extract<PropertyFilterType, 'event' | 'person' | 'group' | 'session' | 'hogql'>; key: string; group_type_index?: number; propertyType: PropertyType | null }

/** Properties that the chosen events really carry come first. */
const seenFirst = (definitions: PropertyDefinition[]): PropertyDefinition[] => [...definitions].sort((a, b) => Number(b.is_seen_on_filtered_events ?? false) - Number(a.is_seen_on_filtered_events ?? false))

type Source = { id: string; label: string; owner: PropertyOwner }

/** Something else to choose from beside properties: its tab, and its list under the tabs. */
export type OtherList = { id: string; label: string; list: (tabs: ReactNode) => ReactNode }

/** The list inside a popover that ends with one property chosen, of an event, a person, a group or a session. */
export function PropertyList({
    onPick,
    only,
    events,
    numerical,
    expression,
    groupIndex,
    others = [],
}: {
    onPick: (property: PickedProperty) => void
    only?: ('event' | 'person' | 'group' | 'session')[]
    events?: string[]
    numerical?: boolean
    expression?: boolean
    groupIndex?: number
    others?: OtherList[]
}) {
    const project = useProject()
    const groups = useQuery({ ...groupTypes(project.id), enabled: !only || only.includes('group') })
    const sources: Source[] = [
        { id: 'event', label: 'Event', owner: { type: 'event' as const } },
        { id: 'person', label: 'Person', owner: { type: 'person' as const } },
        ...(groups.data ?? []).filter((type) => groupIndex === undefined || type.group_type_index === groupIndex).map((type) => ({ id: `group-${type.group_type_index}`, label: type.name_singular ?? type.group_type, owner: { type: 'group' as const, index: type.group_type_index } })),
        { id: 'session', label: 'Session', owner: { type: 'session' as const } },
    ].filter((source) => !only || only.includes(source.owner.type))

    const [sourceId, setSourceId] = useState(sources[0]?.id ?? 'event')
    const other = others.find((known) => known.id === sourceId)
    const source = sources.find((known) => known.id === sourceId) ?? sources[0]
    const [search, setSearch] = useState('')
    const settled = useSettled(search, 120)
    const owner = source?.owner ?? { type: 'event' as const }
    const found = useQuery(propertyDefinitions(project.id, owner, settled, { events: owner.type === 'event' ? events : undefined, numerical }))

    const wanted = (definition: PropertyDefinition) => owner.type !== 'session' || !numerical || definition.is_numerical !== false
    const known = seenFirst((found.data?.results ?? []).filter(wanted)).map((definition): [string, PropertyType | null] => [definition.name, definition.property_type ?? null])
    const typed = search.trim()
    const items: PickItem[] = known.map(([key]) => ({ key, label: propertyLabel(key), hint: key }))
    if (typed !== '' && owner.type !== 'session' && !known.some(([key]) => key === typed)) items.push({ key: typed, label: typed, hint: 'use this name' })
    if (expression && typed !== '' && /[(.=<>+]/.test(typed)) items.push({ key: `hogql:${typed}`, label: typed, hint: 'as an expression' })

    const pick = (item: PickItem) => {
        if (item.key.startsWith('hogql:')) return onPick({ type: 'hogql', key: item.key.slice(6), propertyType: null })
        onPick({
            type: owner.type,
            key: item.key,
            group_type_index: owner.type === 'group' ? owner.index : undefined,
            propertyType: known.find(([key]) => key === item.key)?.[1] ?? null,
        })
    }
    const tabs =
        sources.length + others.length > 1 ? (
            <div role="tablist" aria-label="Properties of" className="mt-2 flex flex-wrap gap-1">
                {[...sources, ...others].map((option) => (
                    <button
                        key={option.id}
                        type="button"
                        role="tab"
                        aria-selected={option.id === (other ?? source)?.id}
                        onClick={() => setSourceId(option.id)}
                        className={cx('h-[23px] rounded-sm px-2 text-sm', option.id === (other ?? source)?.id ? 'bg-ink text-bg' : 'text-ink-2 hover:bg-sunken')}
                    >
                        {option.label}
                    </button>
                ))}
            </div>
        ) : null
    if (other) return other.list(tabs)
    return (
        <PickList
            label="Search properties"
            search={search}
            onSearch={setSearch}
            items={items}
            loading={found.isFetching && !found.data}
            onPick={pick}
            empty={numerical ? 'No numeric property yet. Type a name to use it anyway.' : 'None yet. Type a name to use it anyway.'}
            header={tabs}
        />
    )
}
