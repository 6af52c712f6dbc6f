import { useQuery } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { BadgeCheck, EyeOff } from 'lucide-react'
import { useEffect, useState } from 'react'
import { useProject } from '@/api/project'
import { groupTypes, propertyDefinitions, propertyValues, type PropertyOwner } from '@/api/queries'
import type { PropertyDefinition } from '@/api/types'
import { propertyLabel } from '@/lib/known-names'
import { count } from '@/lib/numbers'
import { Checkbox, Segmented } from '@/ui/choice'
import { SearchInput } from '@/ui/field'
import { Chip, Panel } from '@/ui/panel'
import { Empty, Failed, SkeletonRows, useSettled } from '@/ui/states'
import { sorted, Table, type Column, type Sorting } from '@/ui/table'
import { DefinitionSheet, typeLabel } from './definition-sheet'

const route = getRouteApi('/project/$projectId/data/$section')

export function PropertyDefinitions() {
    const project = useProject()
    const search = route.useSearch()
    const navigate = route.useNavigate()
    const [typed, setTyped] = useState(search.search ?? '')
    const settled = useSettled(typed, 200)
    const [sorting, setSorting] = useState<Sorting | null>(null)
    useEffect(() => {
        if ((search.search ?? '') !== settled) void navigate({ search: (old) => ({ ...old, search: settled || undefined }), replace: true })
    }, [settled]) // only typing moves the address
    const groups = useQuery(groupTypes(project.id))
    const of = search.of ?? 'event'
    const owner: PropertyOwner = of === 'group' ? { type: 'group', index: 0 } : { type: of }
    const list = useQuery(propertyDefinitions(project.id, owner, search.search ?? '', { limit: 500, hidden: search.hidden ?? false }))
    const columns: Column<PropertyDefinition>[] = [
        {
            id: 'name',
            label: 'Property',
            sort: (row) => propertyLabel(row.name).toLowerCase(),
            cell: (row) => (
                <span className="flex items-center gap-1.5">
                    <span className="truncate font-[550]" dir="auto" title={row.name}>
                        {propertyLabel(row.name)}
                    </span>
                    {row.verified ? <BadgeCheck className="size-4 shrink-0 text-good" aria-label="Verified" /> : null}
                    {row.hidden ? <EyeOff className="size-3.5 shrink-0 text-ink-3" aria-label="Hidden" /> : null}
                </span>
            ),
        },
        { id: 'raw', label: 'Name as sent', wide: true, cell: (row) => (propertyLabel(row.name) === row.name ? null : <span className="font-mono text-[12px] text-ink-2">{row.name}</span>) },
        { id: 'type', label: 'Type', width: '140px', sort: (row) => row.property_type ?? '', cell: (row) => <span className={row.property_type ? 'text-ink-2' : 'text-ink-3'}>{typeLabel(row.property_type)}</span> },
        { id: 'description', label: 'Description', wide: true, cell: (row) => <span className="text-ink-2">{row.description}</span> },
    ]
    const rows = sorted(list.data?.results ?? [], columns, sorting)
    const open = rows.find((row) => row.id === search.open)
    return (
        <>
            <div className="mb-3 flex flex-wrap items-center gap-3">
                <Segmented
                    label="Properties of"
                    value={of}
                    onChange={(next) => void navigate({ search: (old) => ({ ...old, of: next === 'event' ? undefined : next, open: undefined }), replace: true })}
                    options={[
                        { value: 'event', label: 'Events' },
                        { value: 'person', label: 'Persons' },
                        ...((groups.data ?? []).length > 0 ? [{ value: 'group' as const, label: 'Groups' }] : []),
                    ]}
                />
                <SearchInput label="Search properties" className="w-[260px] max-w-full" value={typed} onChange={setTyped} />
                <Checkbox className="text-ink-2" label="Show hidden" checked={search.hidden ?? false} onChange={(on) => void navigate({ search: (old) => ({ ...old, hidden: on || undefined }), replace: true })} />
                {list.data?.count !== undefined ? <span className="ml-auto text-sm text-ink-3">{count(list.data.count, 'property', 'properties')}</span> : null}
            </div>
            <Panel label="Properties" className="overflow-hidden">
                {list.isPending ? (
                    <SkeletonRows rows={14} columns={4} />
                ) : list.isError ? (
                    <Failed what="The properties could not be read" error={list.error} onRetry={() => void list.refetch()} />
                ) : rows.length === 0 ? (
                    <Empty title={search.search ? 'No property has this in its name' : 'No properties yet'}>
                        {search.search ? 'Names are searched as they are sent.' : 'Properties appear here with the first event that carries them; their type is found from the values.'}
                    </Empty>
                ) : (
                    <Table label="Properties" rows={rows} columns={columns} rowKey={(row) => row.id} sorting={sorting} onSort={setSorting} dim={list.isPlaceholderData} onOpen={(row) => void navigate({ search: (old) => ({ ...old, open: row.id }) })} />
                )}
            </Panel>
            {open ? (
                <DefinitionSheet
                    key={open.id}
                    definition={open}
                    kind="property"
                    label={propertyLabel(open.name)}
                    onClose={() => void navigate({ search: (old) => ({ ...old, open: undefined }) })}
                    facts={<Samples owner={owner} name={open.name} />}
                />
            ) : null}
        </>
    )
}

function Samples({ owner, name }: { owner: PropertyOwner; name: string }) {
    const project = useProject()
    const values = useQuery(propertyValues(project.id, owner, name, ''))
    if (!values.data || values.data.length === 0) return null
    return (
        <div>
            <h3 className="mb-1.5 text-sm font-[550] text-ink-2">Values seen lately</h3>
            <div className="flex flex-wrap gap-1">
                {values.data.slice(0, 20).map((value) => (
                    <Chip key={value} className="max-w-[240px]">
                        <span className="truncate" dir="auto">
                            {value === '' ? '(empty text)' : value}
                        </span>
                    </Chip>
                ))}
            </div>
        </div>
    )
}
