import { useQuery } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { useProject } from '@/api/project'
import { groupTypes } from '@/api/queries'
import { FilterChips } from '@/features/filters/public'
import { Select, Switch } from '@/ui/choice'
import type { Common } from './common'
import { eventsOf, type Series } from './series'

export type Change<S> = (state: S, options?: { replace?: boolean }) => void

export function Section({ title, aside, last, children }: { title: string; aside?: ReactNode; last?: boolean; children: ReactNode }) {
    return (
        <section aria-label={title} className={last ? undefined : 'border-b border-line'}>
            <h2 className="flex justify-between px-3.5 pt-2.5 pb-1.5 text-sm font-[600] text-ink-2">
                {title} {aside ? <span className="font-[450] text-ink-3">{aside}</span> : null}
            </h2>
            {children}
        </section>
    )
}

/** A labelled line of the question column. */
export function Line({ label, children }: { label: ReactNode; children: ReactNode }) {
    return (
        <div className="flex min-h-[30px] flex-wrap items-center justify-between gap-x-3 gap-y-1 text-sm text-ink-2">
            <span>{label}</span>
            <span className="flex items-center gap-1.5">{children}</span>
        </div>
    )
}

export function FilterSection<S extends Common>({ state, events, aside, onChange, last }: { state: S; events?: Series[]; aside?: string; onChange: Change<S>; last?: boolean }) {
    const project = useProject()
    return (
        <Section title="Filters" aside={aside} last={last}>
            <FilterChips className="px-3.5 pb-3" filters={state.filters} events={events ? eventsOf(events) : undefined} onChange={(filters) => onChange({ ...state, filters })} />
            {project.test_account_filters.length > 0 ? (
                <label className="flex items-center justify-between gap-3 px-3.5 pb-3 text-sm text-ink-2">
                    Leave out internal and test users
                    <Switch label="Leave out internal and test users" checked={state.testAccounts} onChange={(testAccounts) => onChange({ ...state, testAccounts })} />
                </label>
            ) : null}
        </Section>
    )
}

/** Persons are counted unless the project knows groups and one of their types is chosen. */
export function ActorChoice<S extends Common>({ state, onChange }: { state: S; onChange: Change<S> }) {
    const project = useProject()
    const types = useQuery(groupTypes(project.id))
    if ((types.data ?? []).length === 0 && state.groupType === undefined) return null
    const options = [
        { value: 'persons', label: 'Persons' },
        ...(types.data ?? []).map((type) => ({ value: String(type.group_type_index), label: type.name_plural ?? type.group_type })),
        ...(state.groupType !== undefined && !types.data?.some((type) => type.group_type_index === state.groupType) ? [{ value: String(state.groupType), label: `Groups of type ${state.groupType}` }] : []),
    ]
    const choose = (value: string) => {
        const { groupType: _, ...rest } = state
        onChange((value === 'persons' ? rest : { ...rest, groupType: Number(value) }) as S)
    }
    return (
        <Line label="Counted are">
            <Select label="What is counted" className="!h-[26px] text-sm" value={state.groupType === undefined ? 'persons' : String(state.groupType)} options={options} onChange={choose} />
        </Line>
    )
}
