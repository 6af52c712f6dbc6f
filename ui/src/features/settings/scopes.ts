/** What a personal API key may touch, in the words of the REST API. */
export const scopeObjects: { id: string; label: string; hint?: string }[] = [
    { id: 'query', label: 'Queries', hint: 'run any query' },
    { id: 'insight', label: 'Insights' },
    { id: 'person', label: 'Persons' },
    { id: 'group', label: 'Groups' },
    { id: 'event_definition', label: 'Event definitions' },
    { id: 'property_definition', label: 'Property definitions' },
    { id: 'ingestion_warning', label: 'Ingestion warnings' },
    { id: 'dashboard', label: 'Dashboards' },
    { id: 'cohort', label: 'Cohorts' },
    { id: 'action', label: 'Actions' },
    { id: 'annotation', label: 'Annotations' },
    { id: 'feature_flag', label: 'Feature flags' },
    { id: 'experiment', label: 'Experiments' },
    { id: 'survey', label: 'Surveys' },
    { id: 'session_recording', label: 'Recordings' },
    { id: 'error_tracking', label: 'Error tracking' },
    { id: 'project', label: 'Project settings' },
    { id: 'organization', label: 'Organization' },
    { id: 'organization_member', label: 'Members' },
    { id: 'user', label: 'Your account' },
]

export type Grant = 'none' | 'read' | 'write'

export function toScopes(grants: Record<string, Grant>): string[] {
    return scopeObjects.flatMap(({ id }) => (grants[id] && grants[id] !== 'none' ? [`${id}:${grants[id]}`] : []))
}

export function describeScopes(scopes: string[]): string {
    if (scopes.includes('*') || scopes.length === 0) return 'Everything you may do'
    const label = (scope: string): string => {
        const [id = '', access] = scope.split(':')
        const name = scopeObjects.find((known) => known.id === id)?.label ?? id
        return access === 'write' ? `${name} (write)` : name
    }
    return scopes.length > 3 ? `${scopes.slice(0, 2).map(label).join(', ')} and ${scopes.length - 2} more` : scopes.map(label).join(', ')
}
