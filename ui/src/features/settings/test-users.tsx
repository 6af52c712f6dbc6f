import { useProject, useUser } from '@/api/project'
import { FilterChips } from '@/features/filters/public'
import { Button } from '@/ui/button'
import { Block, ToggleRow, useSaveProject } from './parts'

export function TestUsers() {
    const project = useProject()
    const user = useUser()
    const save = useSaveProject()
    const domain = user.email.split('@')[1] ?? ''
    const filters = project.test_account_filters
    return (
        <Block title="Internal and test users" about="Insights can leave out your own team. Say here who stays: an event counts when it passes every one of these filters.">
            <FilterChips filters={filters} onChange={(next) => save.mutate({ part: { test_account_filters: next }, said: 'Saved.' })} />
            {filters.length === 0 && domain !== '' ? (
                <Button className="mt-3" onClick={() => save.mutate({ part: { test_account_filters: [{ type: 'person', key: 'email', operator: 'not_icontains', value: `@${domain}` }] }, said: `Everyone at ${domain} is internal now.` })}>
                    Everyone at {domain} is internal
                </Button>
            ) : null}
            <div className="mt-4">
                <ToggleRow
                    label="Leave them out of new insights"
                    hint="Each insight can still be switched."
                    checked={project.test_account_filters_default_checked ?? false}
                    onChange={(on) => save.mutate({ part: { test_account_filters_default_checked: on }, said: 'Saved.' })}
                />
            </div>
        </Block>
    )
}
