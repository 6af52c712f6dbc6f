import type { QueryClient } from '@tanstack/react-query'

/** Everything that shows the cohort or its members is asked again. */
export async function refreshCohort(client: QueryClient, projectId: number, id: number): Promise<void> {
    const keys: unknown[][] = [['cohorts', projectId], ['cohort', projectId, id], ['cohort-persons', projectId, id], ['cohort-calculations', projectId, id]]
    await Promise.all(keys.map((queryKey) => client.invalidateQueries({ queryKey })))
}
