import { Plus, Trash2, X } from 'lucide-react'
import type { ReactNode } from 'react'
import type { Behaviour, BehaviouralCriterion, Criterion, Join, TimeUnit } from '@/api/cohort-types'
import { EventPicker, FilterChips } from '@/features/filters/public'
import { NumberInput } from '@/features/insights/public'
import { Button, IconButton } from '@/ui/button'
import { Checkbox, Segmented, Select } from '@/ui/choice'
import { asCriterion, asFilter, behaviours, emptyBehaviour, nextId, units, withBehaviour, type CriteriaDraft, type GroupDraft } from './criteria'

type Props = { draft: CriteriaDraft; onChange: (draft: CriteriaDraft) => void; problems: Record<string, string>; cohortId?: number }

/** Who belongs to the cohort: groups of criteria about what persons did and are. */
export function CriteriaEditor({ draft, onChange, problems }: Props) {
    const replace = (next: GroupDraft) => onChange({ ...draft, groups: draft.groups.map((old) => (old.id === next.id ? next : old)) })
    const addGroup = () => onChange({ ...draft, groups: [...draft.groups, { id: nextId(draft.groups), join: 'AND', criteria: [{ id: 1, criterion: emptyBehaviour }] }] })
    return (
        <div className="flex flex-col">
            {draft.groups.map((group, index) => (
                <div key={group.id}>
                    {index > 0 ? <Joint label={`Between group ${index} and ${index + 1}`} value={draft.join} onChange={(join) => onChange({ ...draft, join })} /> : null}
                    <Group group={group} index={index} problems={problems} onChange={replace} onRemove={() => onChange({ ...draft, groups: draft.groups.filter((other) => other.id !== group.id) })} />
                </div>
            ))}
            <Button kind="dashed" className="mt-3 self-start" onClick={addGroup}>
                <Plus className="size-3.5" aria-hidden /> Group
            </Button>
            <Checkbox className="mt-4 text-sm" label="Leave out internal and test users" checked={draft.testAccounts} onChange={(testAccounts) => onChange({ ...draft, testAccounts })} />
        </div>
    )
}

function Joint({ label, value, onChange }: { label: string; value: Join; onChange: (join: Join) => void }) {
    return (
        <Segmented
            label={label}
            className="my-2.5 !h-[25px] text-sm"
            value={value}
            options={[
                { value: 'OR', label: 'or' },
                { value: 'AND', label: 'and' },
            ]}
            onChange={onChange}
        />
    )
}

type GroupProps = { group: GroupDraft; index: number; problems: Record<string, string>; onChange: (group: GroupDraft) => void; onRemove: () => void }

function Group({ group, index, problems, onChange, onRemove }: GroupProps) {
    const add = (criterion: Criterion) => onChange({ ...group, criteria: [...group.criteria, { id: nextId(group.criteria), criterion }] })
    const replace = (id: number, criterion: Criterion) => onChange({ ...group, criteria: group.criteria.map((old) => (old.id === id ? { id, criterion } : old)) })
    const remove = (id: number) => onChange({ ...group, criteria: group.criteria.filter((old) => old.id !== id) })
    return (
        <section aria-label={`Group ${index + 1}`} className="rounded-lg border border-line bg-surface">
            <div className="flex items-center gap-2 border-b border-line py-1 pr-1.5 pl-3.5">
                <span className="flex-1 text-sm font-[600] text-ink-2">Persons who match</span>
                <Segmented
                    label={`Group ${index + 1} matches`}
                    className="!h-[25px] text-sm"
                    value={group.join}
                    options={[
                        { value: 'AND', label: 'all' },
                        { value: 'OR', label: 'any' },
                    ]}
                    onChange={(join) => onChange({ ...group, join })}
                />
                <IconButton label={`Remove group ${index + 1}`} onClick={onRemove}>
                    <Trash2 aria-hidden />
                </IconButton>
            </div>
            <ul aria-label={`Criteria of group ${index + 1}`}>
                {group.criteria.map(({ id, criterion }, at) => (
                    <li key={id} className="border-b border-line px-3.5 py-2.5">
                        <div className="flex items-start gap-1">
                            <div className="min-w-0 flex-1">
                                <CriterionRow criterion={criterion} onChange={(next) => replace(id, next)} onRemove={() => remove(id)} />
                            </div>
                            {criterion.type === 'behavioral' ? (
                                <IconButton label={`Remove criterion ${at + 1} of group ${index + 1}`} onClick={() => remove(id)}>
                                    <X aria-hidden />
                                </IconButton>
                            ) : null}
                        </div>
                        {problems[`${group.id}-${id}`] ? (
                            <p role="alert" className="mt-1 text-sm text-bad">
                                {problems[`${group.id}-${id}`]}
                            </p>
                        ) : null}
                    </li>
                ))}
            </ul>
            <div className="flex flex-wrap items-center gap-1.5 px-3.5 py-2.5">
                <Button kind="dashed" size="small" onClick={() => add(emptyBehaviour)}>
                    <Plus className="size-3" aria-hidden /> What they did
                </Button>
                <FilterChips filters={[]} only={['person', 'cohort']} addLabel="Property or cohort" onChange={([filter]) => filter && add(asCriterion(filter))} />
            </div>
        </section>
    )
}

function CriterionRow({ criterion, onChange, onRemove }: { criterion: Criterion; onChange: (criterion: Criterion) => void; onRemove: () => void }) {
    if (criterion.type === 'behavioral') return <BehaviourRow criterion={criterion} onChange={onChange} />
    return <FilterChips max={1} only={['person', 'cohort']} filters={[asFilter(criterion)]} onChange={([filter]) => (filter ? onChange(asCriterion(filter)) : onRemove())} />
}

function BehaviourRow({ criterion, onChange }: { criterion: BehaviouralCriterion; onChange: (criterion: BehaviouralCriterion) => void }) {
    const kind: Behaviour | 'never' = criterion.value === 'performed_event' && criterion.negation ? 'never' : criterion.value
    const set = (part: Partial<BehaviouralCriterion>) => onChange({ ...criterion, ...part })
    return (
        <div className="flex flex-col gap-2 text-sm">
            <div className="flex flex-wrap gap-1.5">
                <Select label="What they did" className="w-[176px]" value={kind} options={behaviours} onChange={(next) => onChange(withBehaviour(criterion, next))} />
                {criterion.event_type === 'actions' ? (
                    <span className="flex h-[30px] items-center text-ink-2">action {String(criterion.key)}</span>
                ) : (
                    <EventPicker allLabel={null} className="max-w-[220px] min-w-[130px] flex-1" value={criterion.key === '' ? null : String(criterion.key)} onChange={(event) => set({ key: event ?? '', event_type: 'events' })} />
                )}
            </div>
            <Details criterion={criterion} set={set} />
            <FilterChips only={['event']} addLabel="Where" filters={criterion.event_filters ?? []} events={criterion.key === '' ? undefined : [String(criterion.key)]} onChange={(event_filters) => set({ event_filters })} />
        </div>
    )
}

const line = 'flex flex-wrap items-center gap-1.5 text-ink-2'

function Details({ criterion, set }: { criterion: BehaviouralCriterion; set: (part: Partial<BehaviouralCriterion>) => void }) {
    const within = criterion.explicit_datetime ? (
        <span>
            since {criterion.explicit_datetime}
            {criterion.explicit_datetime_to ? ` until ${criterion.explicit_datetime_to}` : ''}
        </span>
    ) : (
        <Span label="In the last" value={criterion.time_value ?? 30} unit={criterion.time_interval ?? 'day'} onChange={(time_value, time_interval) => set({ time_value, time_interval })} />
    )
    const span = (label: string) => <Span label={label} value={criterion.seq_time_value ?? 7} unit={criterion.seq_time_interval ?? 'day'} onChange={(seq_time_value, seq_time_interval) => set({ seq_time_value, seq_time_interval })} />
    switch (criterion.value) {
        case 'performed_event':
        case 'performed_event_first_time':
            return <div className={line}>in the last {within}</div>
        case 'performed_event_multiple':
            return (
                <>
                    <div className={line}>
                        <Times criterion={criterion} set={set} />
                    </div>
                    <div className={line}>in the last {within}</div>
                </>
            )
        case 'performed_event_sequence':
            return (
                <>
                    <div className={line}>
                        and then <EventPicker label="Then" allLabel={null} className="max-w-[200px]" value={criterion.seq_event ? String(criterion.seq_event) : null} onChange={(event) => set({ seq_event: event ?? '', seq_event_type: 'events' })} />
                    </div>
                    <div className={line}>within {span('Within')}</div>
                    <div className={line}>both in the last {within}</div>
                </>
            )
        case 'stopped_performing_event':
            return (
                <>
                    <div className={line}>did it in the last {within}</div>
                    <div className={line}>but not in the last {span('Not in the last')}</div>
                </>
            )
        case 'restarted_performing_event':
            return (
                <>
                    <div className={line}>did it in the last {span('Again in the last')}</div>
                    <div className={line}>not before that in the last {within}</div>
                    <div className={line}>and had done it earlier</div>
                </>
            )
        case 'performed_event_regularly':
            return (
                <>
                    <div className={line}>
                        <Times criterion={criterion} set={set} />
                    </div>
                    <div className={line}>
                        in
                        <NumberInput label="At least so many periods" className="!w-[54px]" min={1} max={400} value={criterion.min_periods ?? 3} onChange={(min_periods) => set({ min_periods })} />
                        or more of the last
                        <NumberInput label="Periods" className="!w-[54px]" min={1} max={400} value={criterion.total_periods ?? 4} onChange={(total_periods) => set({ total_periods })} />
                        periods
                    </div>
                    <div className={line}>each {within}</div>
                </>
            )
    }
}

const comparisons: { value: 'gte' | 'lte' | 'gt' | 'lt' | 'exact'; label: string }[] = [
    { value: 'gte', label: 'at least' },
    { value: 'lte', label: 'at most' },
    { value: 'exact', label: 'exactly' },
    { value: 'gt', label: 'more than' },
    { value: 'lt', label: 'less than' },
]

function Times({ criterion, set }: { criterion: BehaviouralCriterion; set: (part: Partial<BehaviouralCriterion>) => void }): ReactNode {
    return (
        <>
            <Select label="Comparison" className="!h-[26px] w-[104px] text-sm" value={criterion.operator === 'eq' ? 'exact' : (criterion.operator ?? 'gte')} options={comparisons} onChange={(operator) => set({ operator })} />
            <NumberInput label="Times" className="!w-[60px]" min={0} max={1_000_000} value={criterion.operator_value ?? 1} onChange={(operator_value) => set({ operator_value })} />
            times
        </>
    )
}

function Span({ label, value, unit, onChange }: { label: string; value: number; unit: TimeUnit; onChange: (value: number, unit: TimeUnit) => void }) {
    return (
        <span className="inline-flex items-center gap-1">
            <NumberInput label={label} className="!w-[56px]" min={1} max={10_000} value={value} onChange={(next) => onChange(next, unit)} />
            <Select label={`${label}: unit`} className="!h-[26px] w-[92px] text-sm" value={unit} options={units.map((known) => ({ value: known.value, label: value === 1 ? known.label : known.many }))} onChange={(next) => onChange(value, next)} />
        </span>
    )
}
