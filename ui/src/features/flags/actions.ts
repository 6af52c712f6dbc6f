import type { QueryClient } from '@tanstack/react-query'
import { request } from '@/api/client'
import type { FeatureFlag } from '@/api/flag-types'
import type { Project } from '@/api/types'
import { download } from '@/lib/csv'
import { count } from '@/lib/numbers'
import { complain, say } from '@/ui/toast'
import { refreshFlag } from './refresh'

const url = (projectId: number, id: number): string => `/api/projects/${projectId}/feature_flags/${id}/`

/** Enables or disables flags; the message can undo it. */
export async function setActive(client: QueryClient, projectId: number, flags: FeatureFlag[], active: boolean): Promise<void> {
    const changed = flags.filter((flag) => flag.active !== active)
    const write = async (to: boolean) => {
        if (changed.length === 1 && changed[0]) return void (await request('PATCH', url(projectId, changed[0].id), { active: to }))
        const { failed } = await request<{ failed: { id: number; detail: string }[] }>('POST', `/api/projects/${projectId}/feature_flags/bulk_update/`, { ids: changed.map((flag) => flag.id), active: to })
        const first = failed[0]
        if (first) throw new Error(`${flags.find((flag) => flag.id === first.id)?.key ?? first.id}: ${first.detail}`)
    }
    const refresh = () => Promise.all([refreshFlag(client, projectId), ...changed.map((flag) => refreshFlag(client, projectId, flag.id))])
    try {
        await write(active)
        const what = changed.length === 1 ? `“${changed[0]?.key}”` : count(changed.length, 'flag')
        const undo = () => void write(!active).then(refresh, (error: unknown) => complain(error, 'It could not be undone.'))
        say(`${what} ${changed.length === 1 ? 'is' : 'are'} ${active ? 'enabled' : 'disabled'}.`, changed.length > 0 ? undo : undefined)
    } catch (error) {
        complain(error, active ? 'Not enabled.' : 'Not disabled.')
    } finally {
        await refresh()
    }
}

export async function removeFlag(client: QueryClient, projectId: number, flag: FeatureFlag): Promise<void> {
    await request('PATCH', url(projectId, flag.id), { deleted: true })
    const undo = () => void request('PATCH', url(projectId, flag.id), { deleted: false }).then(() => refreshFlag(client, projectId, flag.id), (error: unknown) => complain(error, 'It could not be brought back.'))
    say(`“${flag.key}” is deleted.`, undo)
    await client.invalidateQueries({ queryKey: ['flags', projectId] })
}

/** All flags as a file that the import of another project, or of another server, takes. */
export async function exportFlags(project: Project): Promise<void> {
    try {
        const file = await request<unknown>('GET', `/api/projects/${project.id}/feature_flags/export/`)
        download(`${project.name}-flags.json`, 'application/json', JSON.stringify(file, null, 2))
        say('The flags are in a file.')
    } catch (error) {
        complain(error, 'Nothing was exported.')
    }
}
