import { useQuery } from '@tanstack/react-query'
import { ArrowDown, ArrowUp, Copy, Ellipsis, Plus, Trash2, Users } from 'lucide-react'
import { blastRadius } from '@/api/flag-queries'
import type { FlagVariant } from '@/api/flag-types'
import { useProject } from '@/api/project'
import { groupTypes } from '@/api/queries'
import { FilterChips } from '@/features/filters/public'
import { count, formatNumber } from '@/lib/numbers'
import { Button, IconButton } from '@/ui/button'
import { Select } from '@/ui/choice'
import { cx } from '@/ui/classes'
import { Menu, MenuItem, MenuLine } from '@/ui/floating'
import { PercentInput, PercentSlider } from '@/ui/percent'
import { useSettled } from '@/ui/states'
import { conditionOf, emptyCondition, freshId, maxConditions, type ConditionDraft } from './draft'

type Props = {
    conditions: ConditionDraft[]
    onChange: (conditions: ConditionDraft[]) => void
    groupType: number | null
    onGroupType?: (index: number | null) => void
    variants?: FlagVariant[]
    problems?: Record<number, string>
    /** The flag being edited, which cannot depend on itself. */
    flagId?: number
    /** Exactly one set: neither added, moved nor removed. */
    single?: boolean
}

/** Who gets the flag: sets of conditions, tried from the top; the first that matches decides. */
export function Conditions({ conditions, onChange, groupType, onGroupType, variants = [], problems = {}, flagId, single = false }: Props) {
    const replace = (next: ConditionDraft) => onChange(conditions.map((old) => (old.id === next.id ? next : old)))
    const insert = (at: number, condition: ConditionDraft) => onChange([...conditions.slice(0, at), { ...condition, id: freshId(conditions) }, ...conditions.slice(at)])
    const move = (at: number, to: number) => {
        const next = [...conditions]
        next.splice(to, 0, ...next.splice(at, 1))
        onChange(next)
    }
    return (
        <div className="flex flex-col gap-3">
            {onGroupType ? <RollOutTo value={groupType} onChange={onGroupType} /> : null}
            <ol aria-label="Condition sets" className="flex flex-col gap-3">
                {conditions.map((condition, index) => (
                    <li key={condition.id} aria-label={`Condition set ${index + 1}`} className="rounded-lg border border-line bg-surface">
                        <div className="flex items-center gap-2 border-b border-line py-1 pr-1.5 pl-4">
                            <span className="text-sm font-[600] whitespace-nowrap text-ink-2">Set {index + 1}</span>
                            <input
                                aria-label={`What set ${index + 1} is for`}
                                placeholder="What it is for"
                                maxLength={400}
                                dir="auto"
                                className="h-[26px] min-w-0 flex-1 rounded-sm bg-transparent px-1.5 text-sm hover:bg-sunken"
                                value={condition.description}
                                onChange={(event) => replace({ ...condition, description: event.target.value })}
                            />
                            {single ? null : (
                                <Menu
                                    trigger={
                                        <IconButton label={`Actions of set ${index + 1}`}>
                                            <Ellipsis aria-hidden />
                                        </IconButton>
                                    }
                                >
                                    {index > 0 ? (
                                        <MenuItem onSelect={() => move(index, index - 1)}>
                                            <ArrowUp aria-hidden /> Move up
                                        </MenuItem>
                                    ) : null}
                                    {index < conditions.length - 1 ? (
                                        <MenuItem onSelect={() => move(index, index + 1)}>
                                            <ArrowDown aria-hidden /> Move down
                                        </MenuItem>
                                    ) : null}
                                    <MenuItem onSelect={() => insert(index + 1, condition)}>
                                        <Copy aria-hidden /> Duplicate
                                    </MenuItem>
                                    <MenuLine />
                                    <MenuItem danger onSelect={() => onChange(conditions.filter((other) => other.id !== condition.id))}>
                                        <Trash2 aria-hidden /> Remove set {index + 1}
                                    </MenuItem>
                                </Menu>
                            )}
                        </div>
                        <ConditionBody condition={condition} index={index} groupType={groupType} variants={variants} problem={problems[condition.id]} flagId={flagId} onChange={replace} />
                    </li>
                ))}
            </ol>
            {single ? null : (
                <Button kind="dashed" className="self-start" disabled={conditions.length >= maxConditions} onClick={() => onChange([...conditions, emptyCondition(freshId(conditions))])}>
                    <Plus className="size-3.5" aria-hidden /> Condition set
                </Button>
            )}
        </div>
    )
}

type BodyProps = { condition: ConditionDraft; index: number; groupType: number | null; variants: FlagVariant[]; problem?: string; flagId?: number; onChange: (next: ConditionDraft) => void }

function ConditionBody({ condition, index, groupType, variants, problem, flagId, onChange }: BodyProps) {
    const own = condition.rest.aggregation_group_type_index
    const effective = own === undefined ? groupType : own
    return (
        <div className="flex flex-col gap-2.5 px-4 py-3">
            <div className="flex flex-wrap items-center gap-x-2 gap-y-1.5">
                <span className="text-sm text-ink-2">{condition.properties.length === 0 ? 'Everyone' : 'Whose'}</span>
                <FilterChips
                    flags
                    addLabel={condition.properties.length === 0 ? 'Only if' : 'And'}
                    only={effective === null ? ['person', 'cohort', 'flag'] : ['group', 'flag']}
                    groupIndex={effective ?? undefined}
                    exceptFlag={flagId}
                    filters={condition.properties}
                    onChange={(properties) => onChange({ ...condition, properties })}
                />
            </div>
            {problem ? (
                <p role="alert" className="text-sm text-bad">
                    {problem}
                </p>
            ) : null}
            <div className="flex flex-wrap items-center gap-x-4 gap-y-2">
                <div className="flex min-w-[220px] flex-1 items-center gap-3">
                    <PercentSlider label={`Rollout of set ${index + 1}`} value={condition.rollout} onChange={(rollout) => onChange({ ...condition, rollout })} />
                    <PercentInput label={`Rollout of set ${index + 1} in percent`} value={condition.rollout} onChange={(rollout) => onChange({ ...condition, rollout })} />
                </div>
                {variants.length > 0 || condition.variant !== null ? (
                    <Select
                        label={`Variant of set ${index + 1}`}
                        className="w-[190px]"
                        value={condition.variant ?? ' '}
                        options={[
                            { value: ' ', label: 'Variants by weight' },
                            ...variants.map((variant) => ({ value: variant.key || ' ', label: `Always ${variant.key}` })).filter((option) => option.value !== ' '),
                            ...(condition.variant !== null && !variants.some((variant) => variant.key === condition.variant) ? [{ value: condition.variant, label: `Always ${condition.variant} (gone)` }] : []),
                        ]}
                        onChange={(value) => onChange({ ...condition, variant: value === ' ' ? null : value })}
                    />
                ) : null}
            </div>
            <WouldMatch condition={condition} groupType={effective} />
        </div>
    )
}

/** Persons or groups that the set reaches, before it is saved. */
function WouldMatch({ condition, groupType }: { condition: ConditionDraft; groupType: number | null }) {
    const project = useProject()
    const types = useQuery({ ...groupTypes(project.id), enabled: groupType !== null })
    const type = types.data?.find((known) => known.group_type_index === groupType)
    const [one, many] = groupType === null ? ['person', 'persons'] : [(type?.name_singular ?? type?.group_type ?? 'group').toLowerCase(), (type?.name_plural ?? `${type?.group_type ?? 'group'}s`).toLowerCase()]
    const settled = useSettled(condition, 350)
    const asked = useQuery(blastRadius(project.id, conditionOf(settled), groupType))
    const line = 'flex min-h-[20px] items-center gap-2 text-sm text-ink-2'
    if (asked.isError) return <p className={line}>How many match is not known: {asked.error.message}</p>
    if (!asked.data) return <p className={cx(line, 'text-ink-3')}>Counting who matches…</p>
    const { users_affected: matching, total_users: total, sampled } = asked.data
    const reached = Math.round((matching * condition.rollout) / 100)
    return (
        <p className={cx(line, asked.isFetching && 'opacity-55')} aria-live="polite">
            <Users className="size-3.5 shrink-0 text-ink-3" aria-hidden />
            <span>
                {sampled ? 'About ' : ''}
                <b className="font-[600]">{formatNumber(matching)}</b> of {count(total, one, many)} {matching === 1 ? 'matches' : 'match'}
                {condition.rollout < 100 && matching > 0 ? (
                    <>
                        ; about <b className="font-[600]">{formatNumber(reached)}</b> of them {reached === 1 ? 'gets' : 'get'} it
                    </>
                ) : null}
                .
            </span>
        </p>
    )
}

function RollOutTo({ value, onChange }: { value: number | null; onChange: (index: number | null) => void }) {
    const project = useProject()
    const types = useQuery(groupTypes(project.id))
    if (!types.data || (types.data.length === 0 && value === null)) return null
    return (
        <label className="flex flex-wrap items-center gap-2 text-sm text-ink-2">
            The same answer for each
            <Select
                label="The same answer for each"
                className="w-[170px]"
                value={value === null ? 'person' : String(value)}
                options={[{ value: 'person', label: 'Person' }, ...types.data.map((type) => ({ value: String(type.group_type_index), label: type.name_singular ?? type.group_type }))]}
                onChange={(next) => onChange(next === 'person' ? null : Number(next))}
            />
        </label>
    )
}
