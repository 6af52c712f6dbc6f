import { getRouteApi, Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { useProject } from '@/api/project'
import { Select } from '@/ui/choice'
import { Page } from '@/ui/page'
import { cx } from '@/ui/classes'
import { AccountSettings } from './account'
import { ApiKeys } from './api-keys'
import { Members } from './members'
import { PrivacySettings } from './privacy'
import { ProjectSettings } from './project'
import { Projects } from './projects'
import { TestUsers } from './test-users'

const route = getRouteApi('/project/$projectId/settings/$section')

const sections: { id: string; label: string; group: string; view: () => ReactNode }[] = [
    { id: 'project', label: 'General', group: 'Project', view: () => <ProjectSettings /> },
    { id: 'privacy', label: 'Capture and privacy', group: 'Project', view: () => <PrivacySettings /> },
    { id: 'filters', label: 'Internal users', group: 'Project', view: () => <TestUsers /> },
    { id: 'members', label: 'Members', group: 'Organization', view: () => <Members /> },
    { id: 'projects', label: 'Projects', group: 'Organization', view: () => <Projects /> },
    { id: 'account', label: 'Account and theme', group: 'You', view: () => <AccountSettings /> },
    { id: 'keys', label: 'Personal API keys', group: 'You', view: () => <ApiKeys /> },
]

export function SettingsPage() {
    const project = useProject()
    const { section } = route.useParams()
    const navigate = route.useNavigate()
    const shown = sections.find((known) => known.id === section) ?? sections[0]!
    const params = { projectId: String(project.id) }
    const groups = [...new Set(sections.map((known) => known.group))]
    return (
        <Page title={shown.label} crumbs={<span>Settings</span>}>
            <div className="grid items-start gap-x-9 gap-y-4 md:grid-cols-[180px_minmax(0,680px)]">
                <Select
                    label="Section"
                    className="md:hidden"
                    value={shown.id}
                    groups={groups.map((group) => ({ label: group, options: sections.filter((known) => known.group === group).map((known) => ({ value: known.id, label: known.label })) }))}
                    onChange={(id) => void navigate({ to: '/project/$projectId/settings/$section', params: { ...params, section: id } })}
                />
                <nav aria-label="Settings" className="sticky top-[66px] hidden md:block">
                    {groups.map((group) => (
                        <div key={group} className="mb-3.5">
                            <h2 className="px-2 pb-1 text-xs font-[550] text-ink-3">{group}</h2>
                            {sections
                                .filter((known) => known.group === group)
                                .map((known) => (
                                    <Link
                                        key={known.id}
                                        to="/project/$projectId/settings/$section"
                                        params={{ ...params, section: known.id }}
                                        aria-current={known.id === shown.id ? 'page' : undefined}
                                        className={cx('flex h-[30px] items-center rounded-[6px] px-2 hover:bg-sunken', known.id === shown.id ? 'bg-sunken font-[560]' : 'text-ink-2')}
                                    >
                                        {known.label}
                                    </Link>
                                ))}
                        </div>
                    ))}
                </nav>
                <div className="min-w-0">{shown.view()}</div>
            </div>
        </Page>
    )
}
