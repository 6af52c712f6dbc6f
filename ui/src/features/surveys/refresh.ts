import type { QueryClient } from '@tanstack/react-query'

/** Everything that shows surveys is asked again. */
export async function refreshSurvey(client: QueryClient, projectId: number, id?: string): Promise<void> {
    const keys: unknown[][] = [['surveys', projectId]]
    if (id !== undefined) keys.push(['survey', projectId, id])
    await Promise.all(keys.map((queryKey) => client.invalidateQueries({ queryKey })))
}
