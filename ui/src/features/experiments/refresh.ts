import type { QueryClient } from '@tanstack/react-query'

/** Everything that shows experiments is asked again; their flags too, which change with them. */
export async function refreshExperiment(client: QueryClient, projectId: number, id?: number): Promise<void> {
    const keys: unknown[][] = [['experiments', projectId], ['flags', projectId], ['flag', projectId]]
    if (id !== undefined) keys.push(['experiment', projectId, id], ['experiment-result', projectId, id], ['experiment-exposures', projectId, id])
    await Promise.all(keys.map((queryKey) => client.invalidateQueries({ queryKey })))
}
