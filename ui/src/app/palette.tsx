import { useQuery } from '@tanstack/react-query'
import { useNavigate, useRouter } from '@tanstack/react-router'
import { Dialog as RadixDialog } from 'radix-ui'
import { ArrowRight, BarChart3, CircleDashed, Copy, Flag, LogOut, Moon, Plus, Search, Settings, Sun, UserRound, FolderOpen, type LucideIcon } from 'lucide-react'
import { useMemo, useRef, useState, type KeyboardEvent } from 'react'
import { cohortList } from '@/api/cohort-queries'
import { flagList } from '@/api/flag-queries'
import { useProject, useUser } from '@/api/project'
import { eventDefinitions, insightList, personList } from '@/api/queries'
import { kinds } from '@/features/insights/kinds'
import { rank } from '@/lib/fuzzy'
import { eventLabel } from '@/lib/known-names'
import { cx } from '@/ui/classes'
import { copyText } from '@/ui/copy'
import { Kbd } from '@/ui/panel'
import { useSettled } from '@/ui/states'
import { setTheme } from '@/ui/theme'
import { complain, say } from '@/ui/toast'
import { logOut, switchProject } from './navigation'
import { destinations } from './shortcuts'

type Command = { id: string; group: string; label: string; words?: string; keys?: string[]; icon: LucideIcon; run: () => void }

const sections = [
    ['project', 'Project: name, token, time zone'],
    ['privacy', 'Privacy and autocapture'],
    ['filters', 'Internal and test users'],
    ['members', 'Members and invites'],
    ['keys', 'Personal API keys'],
    ['account', 'Your account and theme'],
] as const

function useCommands(query: string): Command[] {
    const project = useProject()
    const user = useUser()
    const navigate = useNavigate()
    const router = useRouter()
    const settled = useSettled(query.trim(), 150)
    const asking = settled.length >= 2
    const insights = useQuery(insightList(project.id, asking ? settled : '', 0, 8))
    const persons = useQuery({ ...personList(project.id, settled, [], 0, 6), enabled: asking })
    const events = useQuery({ ...eventDefinitions(project.id, settled, { limit: 6 }), enabled: asking })
    const flags = useQuery({ ...flagList(project.id, { search: settled }, 0, 8), enabled: asking })
    const cohorts = useQuery({ ...cohortList(project.id, settled, 0, 6), enabled: asking })

    return useMemo(() => {
        const params = { projectId: String(project.id) }
        const fixed: Command[] = [
            ...destinations.map((destination): Command => ({
                id: `go-${destination.key}`,
                group: 'Go to',
                label: destination.label,
                keys: ['g', destination.key],
                icon: ArrowRight,
                run: () => router.history.push(`/project/${project.id}${destination.path}`),
            })),
            ...sections.map(([section, label]): Command => ({
                id: `set-${section}`,
                group: 'Settings',
                label,
                icon: Settings,
                run: () => void navigate({ to: '/project/$projectId/settings/$section', params: { ...params, section } }),
            })),
            ...kinds.map((kind): Command => ({
                id: `new-${kind.value}`,
                group: 'Do',
                label: kind.value === 'sql' ? 'New SQL query' : `New ${kind.label.toLowerCase()} insight`,
                words: `insight create ask ${kind.asks}`,
                icon: Plus,
                run: () => void navigate({ to: '/project/$projectId/insights/new', params, search: kind.value === 'trends' ? {} : { kind: kind.value } }),
            })),
            { id: 'new-flag', group: 'Do', label: 'New flag', words: 'feature toggle remote config variant create', icon: Plus, run: () => void navigate({ to: '/project/$projectId/feature_flags/$flagId', params: { ...params, flagId: 'new' } }) },
            { id: 'new-experiment', group: 'Do', label: 'New experiment', words: 'a/b test variant create', icon: Plus, run: () => void navigate({ to: '/project/$projectId/experiments/$experimentId', params: { ...params, experimentId: 'new' } }) },
            { id: 'new-survey', group: 'Do', label: 'New survey', words: 'nps feedback question create', icon: Plus, run: () => void navigate({ to: '/project/$projectId/surveys/$surveyId', params: { ...params, surveyId: 'new' } }) },
            { id: 'new-cohort', group: 'Do', label: 'New cohort', words: 'segment audience create', icon: Plus, run: () => void navigate({ to: '/project/$projectId/cohorts/$cohortId', params: { ...params, cohortId: 'new' } }) },
            {
                id: 'copy-token',
                group: 'Do',
                label: 'Copy project API key',
                words: 'token phc',
                icon: Copy,
                run: () => void copyText(project.api_token).then(() => say('Project API key copied.'), (error: unknown) => complain(error, 'Not copied.')),
            },
            { id: 'light', group: 'Do', label: 'Use the light theme', icon: Sun, run: () => setTheme('light') },
            { id: 'dark', group: 'Do', label: 'Use the dark theme', icon: Moon, run: () => setTheme('dark') },
            { id: 'system', group: 'Do', label: 'Use the theme of the system', icon: Sun, run: () => setTheme('system') },
            ...(user.organization?.teams ?? [])
                .filter((team) => team.id !== project.id)
                .map((team): Command => ({ id: `team-${team.id}`, group: 'Do', label: `Switch to ${team.name}`, icon: FolderOpen, run: () => void switchProject(team.id) })),
            { id: 'logout', group: 'Do', label: 'Log out', icon: LogOut, run: () => void logOut() },
        ]
        const found: Command[] = [
            ...(insights.data?.results ?? []).map((insight): Command => ({
                id: `insight-${insight.short_id}`,
                group: 'Insights',
                label: insight.name || insight.derived_name || 'Unnamed insight',
                icon: BarChart3,
                run: () => void navigate({ to: '/project/$projectId/insights/$shortId', params: { ...params, shortId: insight.short_id } }),
            })),
            ...(asking ? (flags.data?.results ?? []) : []).map((flag): Command => ({
                id: `flag-${flag.id}`,
                group: 'Flags',
                label: flag.key,
                words: `flag ${flag.name}`,
                icon: Flag,
                run: () => void navigate({ to: '/project/$projectId/feature_flags/$flagId', params: { ...params, flagId: String(flag.id) } }),
            })),
            ...(asking ? (cohorts.data?.results ?? []) : []).map((cohort): Command => ({
                id: `cohort-${cohort.id}`,
                group: 'Cohorts',
                label: cohort.name || 'Unnamed cohort',
                words: 'cohort',
                icon: CircleDashed,
                run: () => void navigate({ to: '/project/$projectId/cohorts/$cohortId', params: { ...params, cohortId: String(cohort.id) } }),
            })),
            ...(asking ? (events.data?.results ?? []) : []).map((event): Command => ({
                id: `event-${event.name}`,
                group: 'Events',
                label: eventLabel(event.name),
                words: event.name,
                icon: Search,
                run: () => void navigate({ to: '/project/$projectId/activity', params, search: { event: event.name } }),
            })),
        ]
        const people = (asking ? (persons.data?.results ?? []) : []).map((person): Command => ({
            id: `person-${person.uuid}`,
            group: 'Persons',
            label: person.name || String(person.properties['email'] ?? person.distinct_ids[0] ?? person.uuid),
            icon: UserRound,
            run: () => void navigate({ to: '/project/$projectId/persons/$personId', params: { ...params, personId: person.uuid ?? person.id } }),
        }))
        const ranked = rank(query, [...fixed, ...found], (command) => `${command.label} ${command.words ?? ''}`)
        return query.trim() === '' ? [...fixed.slice(0, destinations.length), ...found, ...fixed.slice(destinations.length)] : [...ranked.slice(0, 24), ...people]
    }, [project, user, navigate, router, query, asking, insights.data, persons.data, events.data, flags.data, cohorts.data])
}

/** Rows of one group stand together, groups in the order of their best row. */
function grouped(commands: Command[]): Command[] {
    const order = [...new Set(commands.map((command) => command.group))]
    return order.flatMap((group) => commands.filter((command) => command.group === group))
}

function PaletteBody({ close }: { close: () => void }) {
    const [query, setQuery] = useState('')
    const [at, setAt] = useState(0)
    const list = useRef<HTMLDivElement>(null)
    const commands = grouped(useCommands(query))
    const active = Math.min(at, commands.length - 1)
    const run = (command: Command | undefined) => {
        if (!command) return
        close()
        command.run()
    }
    const move = (to: number) => {
        const next = (to + commands.length) % Math.max(1, commands.length)
        setAt(next)
        list.current?.querySelector(`#palette-${next}`)?.scrollIntoView({ block: 'nearest' })
    }
    const onKeyDown = (event: KeyboardEvent) => {
        if (event.key === 'ArrowDown' || (event.ctrlKey && event.key === 'n')) move(active + 1)
        else if (event.key === 'ArrowUp' || (event.ctrlKey && event.key === 'p')) move(active - 1)
        else if (event.key === 'Enter') run(commands[active])
        else return
        event.preventDefault()
    }
    return (
        <>
            <div className="flex items-center gap-2.5 border-b border-line px-4">
                <Search className="size-4 text-ink-3" aria-hidden />
                <input
                    autoFocus
                    role="combobox"
                    aria-expanded
                    aria-controls="palette-list"
                    aria-activedescendant={commands[active] ? `palette-${active}` : undefined}
                    aria-label="Search or jump to"
                    placeholder="Pages, insights, flags, persons, events, settings"
                    className="h-[46px] flex-1 bg-transparent text-[15px] outline-none"
                    value={query}
                    onChange={(event) => {
                        setQuery(event.target.value)
                        setAt(0)
                    }}
                    onKeyDown={onKeyDown}
                />
                <Kbd>esc</Kbd>
            </div>
            <div ref={list} id="palette-list" role="listbox" aria-label="Results" className="max-h-[56vh] overflow-auto p-1.5">
                {commands.map((command, index) => (
                    <div key={command.id}>
                        {commands[index - 1]?.group !== command.group ? <div className="px-2.5 pt-2.5 pb-1 text-xs font-[550] text-ink-3">{command.group}</div> : null}
                        <div
                            id={`palette-${index}`}
                            role="option"
                            aria-selected={index === active}
                            onMouseMove={() => setAt(index)}
                            onClick={() => run(command)}
                            className={cx('flex h-[34px] cursor-default items-center gap-2.5 rounded-sm px-2.5', index === active && 'bg-sunken')}
                        >
                            <command.icon className="size-4 shrink-0 text-ink-3" aria-hidden />
                            <span className="min-w-0 flex-1 truncate" dir="auto">
                                {command.label}
                            </span>
                            <span className="flex gap-1">
                                {command.keys?.map((key) => (
                                    <Kbd key={key}>{key}</Kbd>
                                ))}
                            </span>
                        </div>
                    </div>
                ))}
                {commands.length === 0 ? <p className="px-3 py-6 text-center text-ink-3">Nothing is called “{query}”.</p> : null}
            </div>
        </>
    )
}

export function Palette({ open, onOpenChange }: { open: boolean; onOpenChange: (open: boolean) => void }) {
    return (
        <RadixDialog.Root open={open} onOpenChange={onOpenChange}>
            <RadixDialog.Portal>
                <RadixDialog.Overlay className="fixed inset-0 z-40 bg-[oklch(20%_.01_60/.25)] dark:bg-[oklch(0%_0_0/.5)]" />
                <RadixDialog.Content aria-describedby={undefined} className="appear fixed inset-x-2 top-[12vh] z-50 mx-auto max-w-[580px] overflow-hidden rounded-lg border border-line bg-surface shadow-float outline-none">
                    <RadixDialog.Title className="sr-only">Search or jump to</RadixDialog.Title>
                    <PaletteBody close={() => onOpenChange(false)} />
                </RadixDialog.Content>
            </RadixDialog.Portal>
        </RadixDialog.Root>
    )
}
