import { useQuery } from '@tanstack/react-query'
import { ChevronDown, Plus, X } from 'lucide-react'
import { useState } from 'react'
import type { Explanation } from '@/api/flag-types'
import { useProject } from '@/api/project'
import { groupTypes, personList } from '@/api/queries'
import type { Json } from '@/api/types'
import { asText, personName, shortId } from '@/features/events/public'
import { PickList, PropertyList } from '@/features/filters/public'
import { propertyLabel } from '@/lib/known-names'
import { parseValue } from '@/lib/parse-value'
import { Button, buttonClass } from '@/ui/button'
import { Field, Input } from '@/ui/field'
import { Popover } from '@/ui/floating'
import { Panel } from '@/ui/panel'
import { useSettled } from '@/ui/states'
import type { FlagDraft } from './draft'

/** For whom: a distinct id, and what shall be different about them. */
export type Who = { as?: string; props: Record<string, Json>; groups: Record<string, string> }

export function ExplainWho({ draft, who, onWho, found }: { draft: FlagDraft; who: Who; onWho: (who: Who) => void; found: Explanation['person'] }) {
    const project = useProject()
    const types = useQuery(groupTypes(project.id))
    const asksGroups = draft.groupType !== null || draft.conditions.some((condition) => typeof condition.rest.aggregation_group_type_index === 'number')
    return (
        <Panel label="For whom" className="flex flex-col gap-4 p-4">
            <div className="flex flex-col gap-1">
                <span className="text-sm font-[550] text-ink-2">Person</span>
                <PersonPicker as={who.as} found={found} onPick={(as) => onWho({ ...who, as })} />
            </div>
            {asksGroups
                ? (types.data ?? []).map((type) => (
                      <Field key={type.group_type} label={`Key of their ${type.name_singular ?? type.group_type}`}>
                          {(control) => (
                              <Input
                                  {...control}
                                  value={who.groups[type.group_type] ?? ''}
                                  onChange={(event) => {
                                      const { [type.group_type]: _, ...others } = who.groups
                                      onWho({ ...who, groups: event.target.value === '' ? others : { ...others, [type.group_type]: event.target.value } })
                                  }}
                              />
                          )}
                      </Field>
                  ))
                : null}
            <WhatIf draft={draft} who={who} onWho={onWho} found={found} />
        </Panel>
    )
}

function PersonPicker({ as, found, onPick }: { as: string | undefined; found: Explanation['person']; onPick: (distinctId: string) => void }) {
    const project = useProject()
    const [open, setOpen] = useState(false)
    const [search, setSearch] = useState('')
    const typed = search.trim()
    const persons = useQuery({ ...personList(project.id, useSettled(typed, 150), [], 0, 20), enabled: open })
    const items = (persons.data?.results ?? []).flatMap((person) => {
        const id = person.distinct_ids[0]
        return id === undefined ? [] : [{ key: id, label: personName(person.properties, shortId(id), project.person_display_name_properties), hint: shortId(id), picked: id === as }]
    })
    if (typed !== '' && !items.some((item) => item.key === typed)) items.push({ key: typed, label: typed, hint: 'use this distinct ID', picked: false })
    const shown = as === undefined ? 'Choose a person' : found ? personName(found.properties, shortId(as), project.person_display_name_properties) : shortId(as)
    return (
        <Popover
            open={open}
            onOpenChange={(next) => {
                setOpen(next)
                if (next) setSearch('')
            }}
            label="Choose a person"
            trigger={
                <button type="button" aria-label={`Person: ${shown}`} title={as} className="flex h-[30px] min-w-0 items-center justify-between gap-1.5 rounded-md border border-line-strong bg-surface px-2.5 text-left hover:bg-sunken">
                    <span className={as === undefined ? 'truncate text-ink-3' : 'truncate'} dir="auto">
                        {shown}
                    </span>
                    <ChevronDown className="size-3.5 shrink-0 text-ink-3" aria-hidden />
                </button>
            }
        >
            <PickList
                label="Search persons"
                search={search}
                onSearch={setSearch}
                items={items}
                loading={persons.isFetching && !persons.data}
                onPick={(item) => {
                    onPick(item.key)
                    setOpen(false)
                }}
                empty="Nobody yet. Type a distinct ID."
            />
        </Popover>
    )
}

/** "And if their plan were pro?" */
function WhatIf({ draft, who, onWho, found }: { draft: FlagDraft; who: Who; onWho: (who: Who) => void; found: Explanation['person'] }) {
    const [open, setOpen] = useState(false)
    const add = (key: string) => {
        const stored = found?.properties[key]
        onWho({ ...who, props: { ...who.props, [key]: (stored ?? '') as Json } })
        setOpen(false)
    }
    const asked = [...new Set(draft.conditions.flatMap((condition) => condition.properties.flatMap((property) => (property.type === 'person' ? [property.key] : []))))].filter((key) => !(key in who.props)).slice(0, 6)
    return (
        <div className="flex flex-col gap-2">
            <span className="text-sm font-[550] text-ink-2">What if</span>
            {Object.entries(who.props).map(([key, value]) => (
                <Edited
                    key={key}
                    name={key}
                    value={value}
                    onChange={(next) => onWho({ ...who, props: { ...who.props, [key]: next } })}
                    onRemove={() => {
                        const { [key]: _, ...others } = who.props
                        onWho({ ...who, props: others })
                    }}
                />
            ))}
            <div className="flex flex-wrap gap-1.5">
                {asked.map((key) => (
                    <Button key={key} kind="dashed" size="small" onClick={() => add(key)}>
                        <span className="max-w-[140px] truncate" dir="auto">
                            {propertyLabel(key)}
                        </span>
                    </Button>
                ))}
                <Popover
                    open={open}
                    onOpenChange={setOpen}
                    label="Choose a property"
                    trigger={
                        <button type="button" className={buttonClass('dashed', 'small')}>
                            <Plus className="size-3" aria-hidden /> Property
                        </button>
                    }
                >
                    <PropertyList only={['person']} onPick={(property) => add(property.key)} />
                </Popover>
            </div>
            <p className="text-sm text-ink-3">As if the request carried these. Nothing is stored.</p>
        </div>
    )
}

function Edited({ name, value, onChange, onRemove }: { name: string; value: Json; onChange: (value: Json) => void; onRemove: () => void }) {
    const [typed, setTyped] = useState(asText(value))
    return (
        <div className="flex items-center gap-1.5">
            <label className="flex min-w-0 flex-1 items-center gap-2 text-sm">
                <span className="w-2/5 truncate text-ink-2" title={name} dir="auto">
                    {propertyLabel(name)}
                </span>
                <Input
                    aria-label={`${propertyLabel(name)} would be`}
                    dir="auto"
                    value={typed}
                    onChange={(event) => {
                        setTyped(event.target.value)
                        onChange(parseValue(event.target.value))
                    }}
                />
            </label>
            <button type="button" aria-label={`Leave ${propertyLabel(name)} as it is`} className="rounded-sm p-1 text-ink-3 hover:text-ink" onClick={onRemove}>
                <X className="size-3.5" aria-hidden />
            </button>
        </div>
    )
}
