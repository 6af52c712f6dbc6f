import { useQuery, useQueryClient } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import { Download, Ellipsis, Plus, Upload } from 'lucide-react'
import { useEffect, useState, type ReactNode } from 'react'
import { flagList, type FlagFilter } from '@/api/flag-queries'
import type { FeatureFlag } from '@/api/flag-types'
import { host, useProject } from '@/api/project'
import { count } from '@/lib/numbers'
import { formatAgo, formatDateTime } from '@/lib/time'
import { Button, buttonClass, IconButton } from '@/ui/button'
import { Checkbox, Segmented, Select } from '@/ui/choice'
import { Code } from '@/ui/copy'
import { SearchInput } from '@/ui/field'
import { Menu, MenuItem } from '@/ui/floating'
import { Page } from '@/ui/page'
import { Chip, Panel } from '@/ui/panel'
import { Empty, Failed, SkeletonRows, useNow, useSettled } from '@/ui/states'
import { Pages, Table, type Column, type Sorting } from '@/ui/table'
import { rolloutText } from './describe'
import { ImportFlags } from './import-dialog'
import { exportFlags, setActive } from './actions'
import { flagOrders, type flagRuntimes, type flagStates, type flagTypes } from './search'
import { snippets } from './snippets'
import { StateSwitch } from './state-switch'
import { StatusText } from './status'

const route = getRouteApi('/project/$projectId/feature_flags')
const size = 50

const typeOptions: { value: 'any' | (typeof flagTypes)[number]; label: string }[] = [
    { value: 'any', label: 'Any type' },
    { value: 'boolean', label: 'On or off' },
    { value: 'multivariate', label: 'Variants' },
    { value: 'remote_config', label: 'Remote config' },
    { value: 'experiment', label: 'In an experiment' },
]

const runtimeOptions: { value: 'any' | (typeof flagRuntimes)[number]; label: string }[] = [
    { value: 'any', label: 'Any place' },
    { value: 'all', label: 'Everywhere' },
    { value: 'client', label: 'Browsers and apps' },
    { value: 'server', label: 'Servers' },
]

export function FlagListPage() {
    const project = useProject()
    const search = route.useSearch()
    const navigate = route.useNavigate()
    const page = search.page ?? 1
    const [typed, setTyped] = useState(search.search ?? '')
    const settled = useSettled(typed, 200)
    useEffect(() => {
        if ((search.search ?? '') !== settled) void navigate({ search: (old) => ({ ...old, search: settled || undefined, page: undefined }), replace: true })
    }, [settled]) // only typing moves the address
    const filter: FlagFilter = { search: search.search, active: search.active, type: search.type, tags: search.tags, runtime: search.runtime, order: search.order }
    const list = useQuery(flagList(project.id, filter, (page - 1) * size, size))
    const rows = list.data?.results ?? []
    const [picked, setPicked] = useState<number[]>([])
    const [importing, setImporting] = useState(false)
    const chosen = rows.filter((flag) => picked.includes(flag.id))
    const filtered = Boolean(search.search || search.active || search.type || search.tags || search.runtime)
    const nothing = list.isSuccess && rows.length === 0 && !filtered && page === 1
    const change = (part: Partial<typeof search>) => void navigate({ search: (old) => ({ ...old, page: undefined, ...part }), replace: true })
    const columns = useColumns(picked, setPicked, (tag) => change({ tags: [tag] }))
    const sorting: Sorting | null = search.order ? { column: search.order.replace('-', ''), down: search.order.startsWith('-') } : null
    return (
        <Page
            title="Flags"
            note={list.data?.count ? count(list.data.count, 'flag') : undefined}
            actions={
                <>
                    <Menu
                        trigger={
                            <IconButton kind="plain" label="More actions">
                                <Ellipsis aria-hidden />
                            </IconButton>
                        }
                    >
                        <MenuItem onSelect={() => void exportFlags(project)}>
                            <Download aria-hidden /> Export all as a file
                        </MenuItem>
                        <MenuItem onSelect={() => setImporting(true)}>
                            <Upload aria-hidden /> Import from a file
                        </MenuItem>
                    </Menu>
                    {nothing ? null : (
                        <Link to="/project/$projectId/feature_flags/$flagId" params={{ projectId: String(project.id), flagId: 'new' }} className={buttonClass('primary')}>
                            <Plus className="size-4" aria-hidden /> New<span className="hidden sm:inline"> flag</span>
                        </Link>
                    )}
                </>
            }
        >
            {nothing ? null : (
                <div className="mb-3 flex flex-wrap items-center gap-2">
                    <SearchInput label="Search flags" className="w-[280px] max-w-full" value={typed} onChange={setTyped} />
                    <Segmented<'all' | (typeof flagStates)[number]>
                        label="State"
                        value={search.active ?? 'all'}
                        options={[
                            { value: 'all', label: 'All' },
                            { value: 'true', label: 'Enabled' },
                            { value: 'false', label: 'Disabled' },
                            { value: 'STALE', label: 'Stale', hint: 'Not asked for in 30 days, or the same for everybody' },
                        ]}
                        onChange={(state) => change({ active: state === 'all' ? undefined : state })}
                    />
                    <Select label="Type" className="w-[150px]" value={search.type ?? 'any'} options={typeOptions} onChange={(type) => change({ type: type === 'any' ? undefined : type })} />
                    <Select label="Evaluated" className="w-[150px]" value={search.runtime ?? 'any'} options={runtimeOptions} onChange={(runtime) => change({ runtime: runtime === 'any' ? undefined : runtime })} />
                    {search.tags?.map((tag) => (
                        <Button key={tag} size="small" onClick={() => change({ tags: undefined })}>
                            Tagged {tag} <span aria-hidden>×</span>
                        </Button>
                    ))}
                </div>
            )}
            {chosen.length > 0 ? <Bulk flags={chosen} onDone={() => setPicked([])} /> : null}
            {nothing ? (
                <NoFlags onImport={() => setImporting(true)} />
            ) : (
                <Panel label="Flags" className="overflow-hidden">
                    {list.isPending ? (
                        <SkeletonRows rows={12} columns={5} />
                    ) : list.isError ? (
                        <Failed what="The flags could not be read" error={list.error} onRetry={() => void list.refetch()} />
                    ) : rows.length === 0 ? (
                        <Empty title="No flag matches" action={<Button onClick={() => (setTyped(''), change({ search: undefined, active: undefined, type: undefined, tags: undefined, runtime: undefined }))}>Show all flags</Button>}>
                            The search looks at keys and descriptions.
                        </Empty>
                    ) : (
                        <>
                            <Table
                                label="Flags"
                                rows={rows}
                                columns={columns}
                                rowKey={(flag) => String(flag.id)}
                                onOpen={(flag) => void navigate({ to: '/project/$projectId/feature_flags/$flagId', params: { projectId: String(project.id), flagId: String(flag.id) } })}
                                dim={list.isPlaceholderData}
                                sorting={sorting}
                                onSort={(next) => change({ order: flagOrders.find((order) => order === `${next.down ? '-' : ''}${next.column}`) })}
                            />
                            <Pages page={page} size={size} more={Boolean(list.data.next)} total={list.data.count} onPage={(next) => change({ page: next === 1 ? undefined : next })} />
                        </>
                    )}
                </Panel>
            )}
            {importing ? <ImportFlags onClose={() => setImporting(false)} /> : null}
        </Page>
    )
}

const byServer = () => 0

function useColumns(picked: number[], setPicked: (ids: number[]) => void, onTag: (tag: string) => void): Column<FeatureFlag>[] {
    const project = useProject()
    const now = useNow(30_000)
    const time = (when: string | null | undefined, never: string): ReactNode =>
        when ? (
            <time className="text-ink-3" dateTime={when} title={formatDateTime(when, project.timezone)}>
                {formatAgo(when, now)}
            </time>
        ) : (
            <span className="text-ink-3">{never}</span>
        )
    return [
        {
            id: 'pick',
            label: '',
            wide: true,
            width: '36px',
            cell: (flag) => (
                <Checkbox label={`Choose ${flag.key}`} checked={picked.includes(flag.id)} onChange={(on) => setPicked(on ? [...picked, flag.id] : picked.filter((id) => id !== flag.id))}>
                    <></>
                </Checkbox>
            ),
        },
        { id: 'active', label: 'On', width: '56px', cell: (flag) => <StateSwitch flag={flag} /> },
        {
            id: 'key',
            label: 'Flag',
            sort: byServer,
            cell: (flag) => (
                <span className="flex min-w-0 items-baseline gap-2.5 max-w-[38vw] sm:max-w-[300px] md:max-w-[250px] lg:max-w-[290px] xl:max-w-none">
                    <Link
                        to="/project/$projectId/feature_flags/$flagId"
                        params={{ projectId: String(project.id), flagId: String(flag.id) }}
                        tabIndex={-1}
                        title={flag.key}
                        className="max-w-full min-w-0 shrink-0 truncate font-[550] hover:underline"
                    >
                        {flag.key}
                    </Link>
                    <span className="hidden min-w-0 truncate text-ink-3 sm:inline" title={flag.name} dir="auto">
                        {flag.name}
                    </span>
                </span>
            ),
        },
        { id: 'rollout', label: 'Rollout', numeric: true, width: '130px', cell: (flag) => <span className="ml-auto block max-w-[26vw] truncate text-ink-2 sm:max-w-none">{flag.is_remote_configuration ? 'config' : rolloutText(flag.filters)}</span> },
        {
            id: 'variants',
            label: 'Variants',
            wide: true,
            numeric: true,
            width: '80px',
            cell: (flag) => {
                const keys = (flag.filters.multivariate?.variants ?? []).map((variant) => variant.key)
                return (
                    <span className="text-ink-2" title={keys.join(', ')}>
                        {keys.length > 0 ? keys.length : ''}
                    </span>
                )
            },
        },
        {
            id: 'tags',
            label: 'Tags',
            wide: true,
            width: '140px',
            cell: (flag) => (
                <span className="flex gap-1 overflow-hidden">
                    {(flag.tags ?? []).slice(0, 2).map((tag) => (
                        <button key={tag} type="button" onClick={() => onTag(tag)} title={`Only flags tagged ${tag}`} className="rounded-sm">
                            <Chip>
                                <span className="max-w-[90px] truncate" dir="auto">
                                    {tag}
                                </span>
                            </Chip>
                        </button>
                    ))}
                </span>
            ),
        },
        { id: 'status', label: 'Status', wide: true, width: '90px', cell: (flag) => <StatusText flag={flag} /> },
        { id: 'last_called_at', label: 'Called', numeric: true, wide: true, width: '100px', sort: byServer, cell: (flag) => time(flag.last_called_at, 'never') },
    ]
}

function Bulk({ flags, onDone }: { flags: FeatureFlag[]; onDone: () => void }) {
    const project = useProject()
    const client = useQueryClient()
    const [busy, setBusy] = useState(false)
    const run = async (active: boolean) => {
        setBusy(true)
        await setActive(client, project.id, flags, active)
        setBusy(false)
        onDone()
    }
    return (
        <div role="region" aria-label="Chosen flags" className="mb-3 flex flex-wrap items-center gap-2 rounded-md border border-line bg-sunken py-1.5 pr-1.5 pl-3">
            <span className="mr-auto">{count(flags.length, 'flag')} chosen</span>
            <Button size="small" busy={busy} onClick={() => void run(true)}>
                Enable
            </Button>
            <Button size="small" busy={busy} onClick={() => void run(false)}>
                Disable
            </Button>
            <Button size="small" kind="quiet" onClick={onDone}>
                Clear
            </Button>
        </div>
    )
}

function NoFlags({ onImport }: { onImport: () => void }) {
    const project = useProject()
    const example = snippets({ key: 'my-first-flag', kind: 'boolean', host: host(), token: project.api_token, projectId: project.id, server: false })[0]
    return (
        <Empty
            title="No flags yet"
            className="!max-w-[680px]"
            action={
                <>
                    <Link to="/project/$projectId/feature_flags/$flagId" params={{ projectId: String(project.id), flagId: 'new' }} className={buttonClass('primary')}>
                        Make a flag
                    </Link>
                    <Button onClick={onImport}>Import flags</Button>
                </>
            }
        >
            <p className="mb-3">A flag decides, for each person, whether your code does a thing or not, and you change your mind here without a release. In your code it looks like this:</p>
            <Code label="Code that asks for a flag" text={example?.code ?? ''} />
        </Empty>
    )
}
