import { useQuery } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import { useEffect, useState } from 'react'
import { useProject } from '@/api/project'
import { groupList, groupTypes } from '@/api/queries'
import type { Group, GroupType } from '@/api/types'
import { asText } from '@/features/events/public'
import { propertyLabel } from '@/lib/known-names'
import { formatAgo } from '@/lib/time'
import { buttonClass } from '@/ui/button'
import { Code } from '@/ui/copy'
import { SearchInput } from '@/ui/field'
import { Page } from '@/ui/page'
import { Panel } from '@/ui/panel'
import { Empty, Failed, SkeletonRows, useNow, useSettled } from '@/ui/states'
import { TabBar } from '@/ui/tab-links'
import { Table, type Column } from '@/ui/table'

const route = getRouteApi('/project/$projectId/groups')

export const typeName = (type: GroupType): string => type.name_plural ?? type.group_type

export function GroupListPage() {
    const project = useProject()
    const search = route.useSearch()
    const navigate = route.useNavigate()
    const types = useQuery(groupTypes(project.id))
    const known = types.data ?? []
    // In the address types count from 1, so that the first needs no parameter.
    const chosen = known.find((type) => type.group_type_index === (search.type ?? 1) - 1) ?? known[0]
    return (
        <Page title="Groups">
            {types.isPending ? (
                <Panel>
                    <SkeletonRows rows={8} columns={3} />
                </Panel>
            ) : types.isError ? (
                <Failed what="The group types could not be read" error={types.error} onRetry={() => void types.refetch()} />
            ) : !chosen ? (
                <Empty title="No groups yet" className="!max-w-[640px]">
                    <p className="mb-3">Groups are what your users belong to: companies, teams, workspaces. Tell Hoglet which group an event belongs to, and you can count companies instead of persons.</p>
                    <Code label="Code that makes a group" text={`posthog.group('company', 'acme', {\n  name: 'Acme Inc.',\n  employees: 42,\n})`} />
                </Empty>
            ) : (
                <>
                    <TabBar
                        label="Group types"
                        value={String(chosen.group_type_index)}
                        onChange={(index) => void navigate({ search: { type: index === '0' ? undefined : Number(index) + 1 } })}
                        tabs={known.map((type) => ({ value: String(type.group_type_index), label: typeName(type) }))}
                    />
                    <Groups key={chosen.group_type_index} type={chosen} />
                </>
            )}
        </Page>
    )
}

function Groups({ type }: { type: GroupType }) {
    const project = useProject()
    const search = route.useSearch()
    const navigate = route.useNavigate()
    const now = useNow(30_000)
    const [typed, setTyped] = useState(search.search ?? '')
    const settled = useSettled(typed, 200)
    useEffect(() => {
        if ((search.search ?? '') !== settled) void navigate({ search: (old) => ({ ...old, search: settled || undefined, cursor: undefined }), replace: true })
    }, [settled]) // only typing moves the address
    const list = useQuery(groupList(project.id, type.group_type_index, search.search ?? '', search.cursor ?? null))
    const rows = list.data?.results ?? []
    const extra = [...new Set(rows.flatMap((group) => Object.keys(group.group_properties)))].filter((key) => key !== 'name' && !key.startsWith('$')).slice(0, 3)
    const columns: Column<Group>[] = [
        {
            id: 'name',
            label: type.name_singular ?? type.group_type,
            cell: (group) => (
                <Link to="/project/$projectId/groups/$typeIndex/$groupKey" params={{ projectId: String(project.id), typeIndex: String(type.group_type_index), groupKey: group.group_key }} tabIndex={-1} className="font-[550] hover:underline" dir="auto">
                    {asText(group.group_properties['name']) || group.group_key}
                </Link>
            ),
        },
        { id: 'key', label: 'Key', wide: true, cell: (group) => <span className="font-mono text-[12px] text-ink-2">{group.group_key}</span> },
        ...extra.map(
            (key): Column<Group> => ({
                id: key,
                label: propertyLabel(key),
                wide: true,
                numeric: rows.every((group) => group.group_properties[key] === undefined || typeof group.group_properties[key] === 'number'),
                cell: (group) => <span className="text-ink-2">{asText(group.group_properties[key])}</span>,
            })
        ),
        { id: 'created', label: 'First seen', numeric: true, width: '120px', cell: (group) => <span className="text-ink-3">{formatAgo(group.created_at, now)}</span> },
    ]
    const cursor = (url: string | null | undefined): string | undefined => (url ? (new URL(url, window.location.origin).searchParams.get('cursor') ?? undefined) : undefined)
    return (
        <>
            <div className="my-3">
                <SearchInput label="Search by key or property" className="w-[320px] max-w-full" value={typed} onChange={setTyped} />
            </div>
            <Panel label={typeName(type)} className="overflow-hidden">
                {list.isPending ? (
                    <SkeletonRows rows={10} columns={4} />
                ) : list.isError ? (
                    <Failed what="The groups could not be read" error={list.error} onRetry={() => void list.refetch()} />
                ) : rows.length === 0 ? (
                    <Empty title={search.search ? 'No group matches' : 'None yet'}>The search looks at keys and at the text of properties.</Empty>
                ) : (
                    <>
                        <Table
                            label={typeName(type)}
                            rows={rows}
                            columns={columns}
                            rowKey={(group) => group.group_key}
                            dim={list.isPlaceholderData}
                            onOpen={(group) =>
                                void navigate({ to: '/project/$projectId/groups/$typeIndex/$groupKey', params: { projectId: String(project.id), typeIndex: String(type.group_type_index), groupKey: group.group_key }, search: {} })
                            }
                        />
                        {list.data.next || search.cursor ? (
                            <div className="flex justify-end gap-2 border-t border-line px-4 py-2">
                                {search.cursor ? (
                                    <button type="button" className={buttonClass('plain', 'small')} onClick={() => void navigate({ search: (old) => ({ ...old, cursor: undefined }) })}>
                                        Back to the first
                                    </button>
                                ) : null}
                                {list.data.next ? (
                                    <button type="button" className={buttonClass('plain', 'small')} onClick={() => void navigate({ search: (old) => ({ ...old, cursor: cursor(list.data.next) }) })}>
                                        Next
                                    </button>
                                ) : null}
                            </div>
                        ) : null}
                    </>
                )}
            </Panel>
        </>
    )
}
