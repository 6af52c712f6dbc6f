import { getRouteApi } from '@tanstack/react-router'
import { Page } from '@/ui/page'
import { TabBar } from '@/ui/tab-links'
import { EventDefinitions } from './event-definitions'
import { PropertyDefinitions } from './property-definitions'
import { Warnings } from './warnings'

const route = getRouteApi('/project/$projectId/data/$section')
const sections = ['events', 'properties', 'warnings'] as const

/** What this project sends: its events, their properties, and what looked wrong with them. */
export function DefinitionsPage() {
    const { section, projectId } = route.useParams()
    const navigate = route.useNavigate()
    const shown = sections.find((known) => known === section) ?? 'events'
    return (
        <Page title="Definitions">
            <TabBar
                label="Kinds of definitions"
                value={shown}
                onChange={(next) => void navigate({ to: '/project/$projectId/data/$section', params: { projectId, section: next }, search: {} })}
                tabs={[
                    { value: 'events', label: 'Events' },
                    { value: 'properties', label: 'Properties' },
                    { value: 'warnings', label: 'Warnings' },
                ]}
            />
            <div className="mt-4">
                {shown === 'events' ? <EventDefinitions /> : null}
                {shown === 'properties' ? <PropertyDefinitions /> : null}
                {shown === 'warnings' ? <Warnings /> : null}
            </div>
        </Page>
    )
}
