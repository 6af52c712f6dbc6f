import type { QueryClient } from '@tanstack/react-query'

/** Everything that shows flags is asked again. */
export async function refreshFlag(client: QueryClient, projectId: number, id?: number): Promise<void> {
    const keys: unknown[][] = [['flags', projectId], ['flag-keys', projectId], ['flag-explanation', projectId], ['flag-dependents', projectId]]
    if (id !== undefined) keys.push(['flag', projectId, id], ['flag-versions', projectId, id], ['scheduled-changes', projectId, id])
    await Promise.all(keys.map((queryKey) => client.invalidateQueries({ queryKey })))
}
