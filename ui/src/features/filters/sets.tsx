import { useQuery } from '@tanstack/react-query'
import { useState, type ReactNode } from 'react'
import { cohortList } from '@/api/cohort-queries'
import { flag as flagQuery, flagList } from '@/api/flag-queries'
import { useProject } from '@/api/project'
import type { PropertyFilter } from '@/api/types'
import { count } from '@/lib/numbers'
import { Button } from '@/ui/button'
import { Segmented } from '@/ui/choice'
import { useSettled } from '@/ui/states'
import { PickList } from './pick-list'

export function CohortList({ onPick, header, except }: { onPick: (id: number, name: string) => void; header?: ReactNode; except?: number }) {
    const project = useProject()
    const [search, setSearch] = useState('')
    const found = useQuery(cohortList(project.id, useSettled(search.trim(), 120), 0, 100))
    const offered = (found.data?.results ?? []).filter((cohort) => cohort.id !== except)
    return (
        <PickList
            label="Search cohorts"
            search={search}
            onSearch={setSearch}
            items={offered.map((cohort) => ({ key: String(cohort.id), label: cohort.name || 'Unnamed cohort', hint: cohort.count === null ? undefined : count(cohort.count, 'person', 'persons') }))}
            loading={found.isFetching && !found.data}
            onPick={(item) => onPick(Number(item.key), item.label)}
            empty={search === '' ? 'No cohorts yet.' : 'No cohort is called that.'}
            header={header}
        />
    )
}

export function FlagList({ onPick, header, except }: { onPick: (id: number, key: string) => void; header?: ReactNode; except?: number }) {
    const project = useProject()
    const [search, setSearch] = useState('')
    const found = useQuery(flagList(project.id, { search: useSettled(search.trim(), 120) || undefined }, 0, 100))
    const offered = (found.data?.results ?? []).filter((flag) => flag.id !== except)
    return (
        <PickList
            label="Search flags"
            search={search}
            onSearch={setSearch}
            items={offered.map((flag) => ({ key: String(flag.id), label: flag.key, hint: flag.active ? undefined : 'disabled' }))}
            loading={found.isFetching && !found.data}
            onPick={(item) => onPick(Number(item.key), item.label)}
            empty={search === '' ? 'No other flags yet.' : 'No flag is called that.'}
            header={header}
        />
    )
}

/** In or not in a cohort; on, off or one variant of a flag. */
export function SetEditor({ filter, onDone }: { filter: PropertyFilter; onDone: (filter: PropertyFilter) => void }) {
    return filter.type === 'flag' ? <DependencyEditor filter={filter} onDone={onDone} /> : <MembershipEditor filter={filter} onDone={onDone} />
}

function MembershipEditor({ filter, onDone }: { filter: PropertyFilter; onDone: (filter: PropertyFilter) => void }) {
    const relation = (
        <Segmented
            label="Relation"
            className="mt-2 self-start"
            value={filter.operator === 'not_in' ? 'not_in' : 'in'}
            options={[
                { value: 'in', label: 'in' },
                { value: 'not_in', label: 'not in' },
            ]}
            onChange={(operator) => onDone({ ...filter, operator })}
        />
    )
    return <CohortList header={relation} onPick={(id) => onDone({ ...filter, value: id })} />
}

function DependencyEditor({ filter, onDone }: { filter: PropertyFilter; onDone: (filter: PropertyFilter) => void }) {
    const project = useProject()
    const found = useQuery(flagQuery(project.id, Number(filter.key)))
    const variants = found.data?.filters.multivariate?.variants ?? []
    const choices: { label: string; value: boolean | string }[] = [{ label: 'On, whatever the variant', value: true }, { label: 'Off', value: false }, ...variants.map((variant) => ({ label: variant.key, value: variant.key }))]
    return (
        <div role="group" aria-label="The other flag is" className="flex w-[260px] max-w-full flex-col p-1">
            {choices.map((choice) => (
                <Button key={String(choice.value)} kind="quiet" className="!justify-start" aria-pressed={choice.value === filter.value} onClick={() => onDone({ ...filter, value: choice.value })}>
                    <span className={choice.value === filter.value ? 'truncate font-[600] text-ink' : 'truncate'} dir="auto">
                        {choice.label}
                    </span>
                </Button>
            ))}
        </div>
    )
}
