import { useQuery, useQueryClient } from '@tanstack/react-query'
import { RotateCcw } from 'lucide-react'
import { useMemo } from 'react'
import { request } from '@/api/client'
import { cohortList } from '@/api/cohort-queries'
import { flagKeys, flagVersions } from '@/api/flag-queries'
import type { FeatureFlag, FlagVersion } from '@/api/flag-types'
import { useProject } from '@/api/project'
import { groupTypes } from '@/api/queries'
import { formatAgo, formatDateTime } from '@/lib/time'
import { Button } from '@/ui/button'
import { cx } from '@/ui/classes'
import { Chip, Panel } from '@/ui/panel'
import { Failed, SkeletonRows, useNow } from '@/ui/states'
import { complain, say } from '@/ui/toast'
import { diff, linesOf, noNames, type DiffLine, type Names } from './describe'
import { refreshFlag } from './refresh'

/** Every version of the flag, what changed in it, and the way back. */
export function FlagHistory({ flag, onReverted }: { flag: FeatureFlag; onReverted: () => void }) {
    const project = useProject()
    const client = useQueryClient()
    const list = useQuery(flagVersions(project.id, flag.id))
    const versions = list.data?.results ?? []
    const names = useNames(versions)
    const revert = async (version: number) => {
        const path = `/api/projects/${project.id}/feature_flags/${flag.id}/revert/`
        try {
            await request('POST', path, { version })
            say(`“${flag.key}” is what it was in version ${version}.`, () => void request('POST', path, { version: flag.version }).then(() => refreshFlag(client, project.id, flag.id), (error: unknown) => complain(error, 'It could not be undone.')))
            onReverted()
            await refreshFlag(client, project.id, flag.id)
        } catch (error) {
            complain(error, 'Nothing was changed.')
        }
    }
    if (list.isPending) return <SkeletonRows rows={6} columns={3} />
    if (list.isError) return <Failed what="The history could not be read" error={list.error} onRetry={() => void list.refetch()} />
    return (
        <ol aria-label="Versions" className="flex flex-col gap-3">
            {versions.map((version, index) => {
                const before = versions[index + 1]
                // The oldest one listed is the first only if nothing older was left out.
                const cut = before === undefined && list.data.next !== null
                return <Version key={version.version} version={version} lines={cut ? [] : diff(before ? linesOf(before.flag, names) : [], linesOf(version.flag, names))} current={index === 0} onRevert={() => void revert(version.version)} />
            })}
        </ol>
    )
}

function Version({ version, lines, current, onRevert }: { version: FlagVersion; lines: DiffLine[]; current: boolean; onRevert: () => void }) {
    const project = useProject()
    const now = useNow(30_000)
    const changed = lines.filter((line) => line.kind !== 'same')
    const who = version.user?.first_name || version.user?.email || 'Hoglet'
    return (
        <li>
            <Panel label={`Version ${version.version}`} className="overflow-hidden">
                <div className="flex flex-wrap items-center gap-x-3 gap-y-1 px-4 py-2.5">
                    <h3 className="font-[600]">Version {version.version}</h3>
                    {current ? <Chip>now</Chip> : null}
                    <span className="text-sm text-ink-2" dir="auto">
                        {who}
                    </span>
                    <time className="text-sm text-ink-3" dateTime={version.created_at} title={formatDateTime(version.created_at, project.timezone)}>
                        {formatAgo(version.created_at, now)}
                    </time>
                    {current ? null : (
                        <Button size="small" className="ml-auto" onClick={onRevert}>
                            <RotateCcw className="size-3.5" aria-hidden /> Go back to version {version.version}
                        </Button>
                    )}
                </div>
                {changed.length > 0 ? (
                    <ul aria-label={`What changed in version ${version.version}`} className="border-t border-line py-1.5 text-sm">
                        {changed.map((line, index) => (
                            <li key={index} className={cx('flex gap-2 px-4 py-0.5 [overflow-wrap:anywhere]', line.kind === 'added' ? 'bg-good-soft' : 'bg-bad-soft')}>
                                <span aria-hidden className="w-3 shrink-0 font-mono text-ink-2">
                                    {line.kind === 'added' ? '+' : '−'}
                                </span>
                                <span className="sr-only">{line.kind === 'added' ? 'Added: ' : 'Removed: '}</span>
                                <span dir="auto">{line.text}</span>
                            </li>
                        ))}
                    </ul>
                ) : lines.length > 0 ? (
                    <p className="border-t border-line px-4 py-2 text-sm text-ink-3">What changed is nothing that this page shows.</p>
                ) : null}
            </Panel>
        </li>
    )
}

/** Names of the cohorts, flags and groups that any of the versions mentions. */
function useNames(versions: FlagVersion[]): Names {
    const project = useProject()
    const mentioned = useMemo(() => versions.flatMap((version) => (version.flag.filters.groups ?? []).flatMap((group) => group.properties ?? [])), [versions])
    const ids = useMemo(() => [...new Set(mentioned.filter((filter) => filter.type === 'flag').map((filter) => Number(filter.key)))].sort((a, b) => a - b), [mentioned])
    const cohorts = useQuery({ ...cohortList(project.id, '', 0, 500), enabled: mentioned.some((filter) => filter.type === 'cohort') })
    const flags = useQuery({ ...flagKeys(project.id, ids), enabled: ids.length > 0 })
    const groups = useQuery(groupTypes(project.id))
    return useMemo(() => {
        if (!cohorts.data && !flags.data && !groups.data) return noNames
        return {
            cohorts: Object.fromEntries((cohorts.data?.results ?? []).map((cohort) => [String(cohort.id), cohort.name])),
            flags: flags.data ?? {},
            groups: Object.fromEntries((groups.data ?? []).map((type) => [String(type.group_type_index), type.name_singular ?? type.group_type])),
        }
    }, [cohorts.data, flags.data, groups.data])
}
