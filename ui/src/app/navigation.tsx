import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useRouterState } from '@tanstack/react-router'
import { Activity, BarChart3, Boxes, Check, ChevronsUpDown, CircleDashed, DoorOpen, Flag, FlaskConical, HeartPulse, ListTree, LogOut, MessageCircleQuestionMark, Plus, Radio, Rocket, Settings, UserRound } from 'lucide-react'
import type { ReactNode } from 'react'
import { request } from '@/api/client'
import { useProject, useUser } from '@/api/project'
import { ingestionLag, liveStats } from '@/api/queries'
import { formatShort, count } from '@/lib/numbers'
import { formatSeconds } from '@/lib/time'
import { Mark } from '@/ui/brand'
import { cx } from '@/ui/classes'
import { Menu, MenuItem, MenuLabel, MenuLine } from '@/ui/floating'
import { Dot } from '@/ui/panel'

const item = 'flex h-[30px] items-center gap-[9px] rounded-[6px] px-2 text-ink-2 hover:text-ink hover:bg-sunken [&_svg]:size-4 [&_svg]:shrink-0'

type To =
    | '/project/$projectId/insights'
    | '/project/$projectId/activity'
    | '/project/$projectId/live'
    | '/project/$projectId/persons'
    | '/project/$projectId/groups'
    | '/project/$projectId/cohorts'
    | '/project/$projectId/feature_flags'
    | '/project/$projectId/early_access_features'
    | '/project/$projectId/experiments'
    | '/project/$projectId/surveys'
    | '/project/$projectId/data/$section'
    | '/project/$projectId/ingestion'
    | '/project/$projectId/settings/$section'
    | '/project/$projectId/onboarding'

function NavLink({ to, icon, children, aside, section }: { to: To; icon: ReactNode; children: ReactNode; aside?: ReactNode; section?: string }) {
    const project = useProject()
    // A section's pages share its first folder, whichever of them is open.
    const folder = `/project/${project.id}/${to.split('/')[3]}`
    const active = useRouterState({ select: (state) => state.location.pathname === folder || state.location.pathname.startsWith(`${folder}/`) })
    return (
        <Link
            to={to}
            params={{ projectId: String(project.id), section: section ?? '' }}
            aria-current={active ? 'page' : undefined}
            className={cx(item, active && '!bg-sunken font-[560] !text-ink')}
        >
            {icon}
            <span className="flex-1 truncate">{children}</span>
            {aside}
        </Link>
    )
}

function Heading({ children }: { children: ReactNode }) {
    return <h2 className="mx-2 mt-3.5 mb-1 text-xs font-[550] text-ink-3">{children}</h2>
}

export function Navigation() {
    const project = useProject()
    const stats = useQuery(liveStats(project.live_events_token))
    const online = stats.data?.users_on_product
    return (
        <nav aria-label="Main" className="flex h-full flex-col gap-0.5 overflow-y-auto px-2.5 py-3">
            <Link to="/" className="flex items-center gap-2 rounded-md px-2 pt-1 pb-3 text-[15px] font-[650] tracking-[-0.01em]">
                <Mark /> Hoglet
            </Link>
            <ProjectSwitcher />
            <NavLink to="/project/$projectId/insights" icon={<BarChart3 aria-hidden />}>
                Insights
            </NavLink>
            <NavLink to="/project/$projectId/activity" icon={<Activity aria-hidden />}>
                Activity
            </NavLink>
            <NavLink
                to="/project/$projectId/live"
                icon={<Radio aria-hidden />}
                aside={
                    online ? (
                        <span className="rounded-sm border border-line bg-surface px-1.5 text-xs text-ink-2" title={`${count(online, 'person', 'persons')} online now`}>
                            {formatShort(online)}
                        </span>
                    ) : null
                }
            >
                Live
            </NavLink>
            <Heading>People</Heading>
            <NavLink to="/project/$projectId/persons" icon={<UserRound aria-hidden />}>
                Persons
            </NavLink>
            <NavLink to="/project/$projectId/groups" icon={<Boxes aria-hidden />}>
                Groups
            </NavLink>
            <NavLink to="/project/$projectId/cohorts" icon={<CircleDashed aria-hidden />}>
                Cohorts
            </NavLink>
            <Heading>Build</Heading>
            <NavLink to="/project/$projectId/feature_flags" icon={<Flag aria-hidden />}>
                Flags
            </NavLink>
            <NavLink to="/project/$projectId/experiments" icon={<FlaskConical aria-hidden />}>
                Experiments
            </NavLink>
            <NavLink to="/project/$projectId/surveys" icon={<MessageCircleQuestionMark aria-hidden />}>
                Surveys
            </NavLink>
            <NavLink to="/project/$projectId/early_access_features" icon={<DoorOpen aria-hidden />}>
                Early access
            </NavLink>
            <Heading>Data</Heading>
            <NavLink to="/project/$projectId/data/$section" section="events" icon={<ListTree aria-hidden />}>
                Definitions
            </NavLink>
            <NavLink to="/project/$projectId/ingestion" icon={<HeartPulse aria-hidden />}>
                Ingestion
            </NavLink>
            <NavLink to="/project/$projectId/onboarding" icon={<Rocket aria-hidden />}>
                Quick start
            </NavLink>
            <div className="mt-auto pt-4">
                <NavLink to="/project/$projectId/settings/$section" section="project" icon={<Settings aria-hidden />}>
                    Settings
                </NavLink>
                <IngestionTruth />
            </div>
        </nav>
    )
}

/** The last line of the navigation: the truth about ingestion, amber and with the reason when it falls behind. */
function IngestionTruth() {
    const project = useProject()
    const lag = useQuery(ingestionLag(project.id))
    let tone: 'good' | 'warn' | 'bad' | 'idle' = 'idle'
    let text = 'Asking about ingestion'
    if (lag.isError) {
        tone = 'bad'
        text = 'Ingestion does not answer'
    } else if (lag.data) {
        const { pending_events: pending, oldest_seconds: seconds } = lag.data
        tone = seconds > 10 ? 'warn' : 'good'
        text = pending === 0 ? 'Up to date' : seconds > 10 ? `${formatShort(pending)} waiting, ${formatSeconds(seconds)} behind` : `Ingesting, ${formatSeconds(seconds)} behind`
    }
    return (
        <Link
            to="/project/$projectId/ingestion"
            params={{ projectId: String(project.id) }}
            className="mt-1 flex items-center gap-[9px] rounded-[6px] px-2 py-1.5 text-sm text-ink-3 hover:bg-sunken hover:text-ink"
        >
            <span className="flex w-4 justify-center">
                <Dot tone={tone} />
            </span>
            <span className={tone === 'warn' ? 'text-warn-ink' : tone === 'bad' ? 'text-bad' : undefined}>{text}</span>
        </Link>
    )
}

export async function switchProject(id: number): Promise<void> {
    await request('PATCH', '/api/users/@me/', { set_current_team: id }).catch(() => undefined)
    window.location.assign(`/project/${id}`)
}

export async function logOut(): Promise<void> {
    await request('POST', '/logout').catch(() => undefined)
    window.location.assign('/login')
}

function ProjectSwitcher() {
    const project = useProject()
    const user = useUser()
    const navigate = useNavigate()
    const teams = user.organization?.teams ?? []
    return (
        <Menu
            align="start"
            trigger={
                <button
                    type="button"
                    aria-label={`Project ${project.name}${project.is_demo ? ' demo' : ''}. Switch project`}
                    className="mb-2.5 flex h-[32px] items-center justify-between gap-2 rounded-md border border-line bg-surface px-[9px] font-[550] hover:border-line-strong"
                >
                    <span className="truncate" dir="auto">
                        {project.name}
                    </span>
                    {project.is_demo ? <span className="rounded-sm bg-accent-soft px-1 text-xs font-[500] text-ink-2">demo</span> : null}
                    <ChevronsUpDown className="size-3.5 shrink-0 text-ink-3" aria-hidden />
                </button>
            }
        >
            <MenuLabel>{user.organization?.name ?? 'Projects'}</MenuLabel>
            {teams.map((team) => (
                <MenuItem key={team.id} onSelect={() => void switchProject(team.id)} hint={team.is_demo ? 'demo' : undefined}>
                    {team.id === project.id ? <Check aria-hidden /> : <span className="w-4" />}
                    <span className="max-w-[220px] truncate" dir="auto">
                        {team.name}
                    </span>
                </MenuItem>
            ))}
            <MenuItem onSelect={() => void navigate({ to: '/project/$projectId/settings/$section', params: { projectId: String(project.id), section: 'projects' } })}>
                <Plus aria-hidden /> New project
            </MenuItem>
            <MenuLine />
            <MenuLabel>{user.email}</MenuLabel>
            <MenuItem onSelect={() => void navigate({ to: '/project/$projectId/settings/$section', params: { projectId: String(project.id), section: 'account' } })}>
                <UserRound aria-hidden /> Your account
            </MenuItem>
            <MenuItem onSelect={() => void logOut()}>
                <LogOut aria-hidden /> Log out
            </MenuItem>
        </Menu>
    )
}
