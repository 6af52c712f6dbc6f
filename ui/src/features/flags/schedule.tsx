import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Trash2 } from 'lucide-react'
import { useState } from 'react'
import { request } from '@/api/client'
import { scheduledChanges } from '@/api/flag-queries'
import type { FeatureFlag, FlagCondition, FlagVariant, Recurrence, ScheduledChange } from '@/api/flag-types'
import { useProject } from '@/api/project'
import { formatNumber } from '@/lib/numbers'
import { formatDateTime } from '@/lib/time'
import { instantOf, localOf } from '@/lib/zoned'
import { Button, IconButton } from '@/ui/button'
import { Select } from '@/ui/choice'
import { Field, Input } from '@/ui/field'
import { Panel } from '@/ui/panel'
import { PercentInput } from '@/ui/percent'
import { Failed, SkeletonRows } from '@/ui/states'
import { complain, say } from '@/ui/toast'
import { Conditions } from './conditions'
import { conditionOf, draftOf, emptyCondition, evenly, problemsOf, sum, variantsOf, type ConditionDraft, type FlagDraft } from './draft'
import { filterText, noNames } from './describe'

type What = 'enable' | 'disable' | 'condition' | 'variants'
const recurrences: { value: Recurrence | 'once'; label: string }[] = [
    { value: 'once', label: 'Once' },
    { value: 'daily', label: 'Every day' },
    { value: 'weekly', label: 'Every week' },
    { value: 'monthly', label: 'Every month' },
    { value: 'yearly', label: 'Every year' },
]

/** What will happen to the flag, and what was planned before. */
export function Schedule({ flag }: { flag: FeatureFlag }) {
    const project = useProject()
    const list = useQuery({ ...scheduledChanges(project.id, flag.id), refetchInterval: 5000 })
    const changes = list.data?.results ?? []
    const coming = changes.filter((change) => change.executed_at === null)
    const past = changes.filter((change) => change.executed_at !== null)
    return (
        <div className="grid items-start gap-[18px] lg:grid-cols-[minmax(0,1fr)_minmax(0,1fr)]">
            <Plan flag={flag} />
            <div className="flex min-w-0 flex-col gap-4">
                {list.isPending ? (
                    <SkeletonRows rows={3} columns={2} />
                ) : list.isError ? (
                    <Failed what="The schedule could not be read" error={list.error} onRetry={() => void list.refetch()} />
                ) : (
                    <>
                        <Changes title="Planned" changes={coming} empty="Nothing is planned." flag={flag} />
                        {past.length > 0 ? <Changes title="Done" changes={past} empty="" flag={flag} /> : null}
                    </>
                )}
            </div>
        </div>
    )
}

function Plan({ flag }: { flag: FeatureFlag }) {
    const project = useProject()
    const client = useQueryClient()
    const [what, setWhat] = useState<What>(flag.active ? 'disable' : 'enable')
    const [at, setAt] = useState(() => localOf(new Date(Date.now() + 3_600_000), project.timezone))
    const [every, setEvery] = useState<Recurrence | 'once'>('once')
    const [condition, setCondition] = useState<ConditionDraft>(emptyCondition(1))
    const [draft, setDraft] = useState<FlagDraft>(() => draftOf(flag))
    const when = instantOf(at, project.timezone)
    const problem = problemOf(what, when, condition, draft)
    const kind = draftOf(flag).kind
    // Adding the same set every day would add it every day.
    const repeats = what === 'enable' || what === 'disable'
    const plan = useMutation({
        mutationFn: () => {
            const payload = payloadOf(what, condition, draft)
            const again = every === 'once' || !repeats ? {} : { is_recurring: true, recurrence_interval: every }
            return request('POST', `/api/projects/${project.id}/scheduled_changes/`, { record_id: String(flag.id), model_name: 'FeatureFlag', payload, scheduled_at: when?.toISOString(), ...again })
        },
        onSuccess: async () => {
            say('The change is planned.')
            await client.invalidateQueries({ queryKey: ['scheduled-changes', project.id, flag.id] })
        },
        onError: (error) => complain(error, 'Not planned.'),
    })
    return (
        <Panel title="Plan a change" label="Plan a change">
            <form
                className="flex flex-col gap-4 px-4 pt-2 pb-4"
                onSubmit={(event) => {
                    event.preventDefault()
                    if (problem === null) plan.mutate()
                }}
            >
                <Field label="What happens">
                    {(control) => (
                        <Select
                            id={control.id}
                            label="What happens"
                            value={what}
                            onChange={setWhat}
                            options={[
                                { value: 'enable', label: 'The flag is enabled' },
                                { value: 'disable', label: 'The flag is disabled' },
                                ...(kind === 'remote_config' ? [] : [{ value: 'condition' as const, label: 'A condition set is added' }]),
                                ...(kind === 'multivariate' ? [{ value: 'variants' as const, label: 'The weights change' }] : []),
                            ]}
                        />
                    )}
                </Field>
                {what === 'condition' ? <Conditions conditions={[condition]} onChange={(next) => setCondition(next.at(-1) ?? emptyCondition(1))} groupType={draft.groupType} variants={kind === 'multivariate' ? variantsOf(draft) : []} flagId={flag.id} single /> : null}
                {what === 'variants' ? <Weights draft={draft} onChange={setDraft} /> : null}
                <div className="flex flex-wrap gap-3">
                    <Field label="When" hint={`On the clocks of ${project.timezone}`} className="min-w-[210px] flex-1">
                        {(control) => <Input {...control} type="datetime-local" required value={at} onChange={(event) => setAt(event.target.value)} />}
                    </Field>
                    {repeats ? (
                        <Field label="How often" className="w-[150px]">
                            {(control) => <Select id={control.id} label="How often" value={every} options={recurrences} onChange={setEvery} />}
                        </Field>
                    ) : null}
                </div>
                <div className="flex items-center justify-end gap-3">
                    <span className="text-sm text-bad" role="alert">
                        {problem}
                    </span>
                    <Button kind="primary" type="submit" busy={plan.isPending} disabled={problem !== null}>
                        Plan change
                    </Button>
                </div>
            </form>
        </Panel>
    )
}

function Weights({ draft, onChange }: { draft: FlagDraft; onChange: (draft: FlagDraft) => void }) {
    return (
        <div className="flex flex-col gap-1.5">
            {draft.variants.map((variant) => (
                <div key={variant.id} className="flex items-center justify-between gap-3">
                    <span className="truncate font-mono text-[12px]">{variant.key}</span>
                    <PercentInput label={`Weight of ${variant.key}`} value={variant.rollout} onChange={(rollout) => onChange({ ...draft, variants: draft.variants.map((old) => (old.id === variant.id ? { ...old, rollout } : old)) })} />
                </div>
            ))}
            <Button size="small" kind="quiet" className="self-start" onClick={() => onChange({ ...draft, variants: evenly(draft.variants) })}>
                Distribute evenly
            </Button>
        </div>
    )
}

function problemOf(what: What, when: Date | null, condition: ConditionDraft, draft: FlagDraft): string | null {
    if (when === null) return 'Choose a time.'
    if (when.getTime() < Date.now()) return 'That time is over.'
    if (what === 'condition') return problemsOf({ ...draft, conditions: [condition] }).condition[condition.id] ?? null
    if (what === 'variants' && sum(draft.variants.map((variant) => variant.rollout)) !== 100) return 'The weights must add up to 100%.'
    return null
}

function payloadOf(what: What, condition: ConditionDraft, draft: FlagDraft): ScheduledChange['payload'] {
    switch (what) {
        case 'enable':
        case 'disable':
            return { operation: 'update_status', value: what === 'enable' }
        case 'condition':
            return { operation: 'add_release_condition', value: { groups: [conditionOf(condition)] } }
        case 'variants':
            return { operation: 'update_variants', value: { variants: variantsOf(draft) } }
    }
}

function changeText({ payload }: ScheduledChange): string {
    switch (payload.operation) {
        case 'update_status':
            return payload.value === true ? 'The flag is enabled' : 'The flag is disabled'
        case 'add_release_condition': {
            const condition = (payload.value as { groups?: FlagCondition[] }).groups?.[0]
            const who = (condition?.properties ?? []).map((filter) => filterText(filter, noNames)).join(' and ') || 'everyone'
            return `A set is added: ${formatNumber(condition?.rollout_percentage ?? 100)}% of ${who}`
        }
        case 'update_variants': {
            const variants = (payload.value as { variants?: FlagVariant[] }).variants ?? []
            return `The weights become ${variants.map((variant) => `${variant.key} ${formatNumber(variant.rollout_percentage)}%`).join(', ')}`
        }
    }
}

function Changes({ title, changes, empty, flag }: { title: string; changes: ScheduledChange[]; empty: string; flag: FeatureFlag }) {
    const project = useProject()
    const client = useQueryClient()
    const remove = async (change: ScheduledChange) => {
        try {
            await request('DELETE', `/api/projects/${project.id}/scheduled_changes/${change.id}/`)
            say('The change is no longer planned.')
            await client.invalidateQueries({ queryKey: ['scheduled-changes', project.id, flag.id] })
        } catch (error) {
            complain(error, 'It is still planned.')
        }
    }
    return (
        <Panel title={title} label={title}>
            {changes.length === 0 ? <p className="px-4 pt-1 pb-4 text-ink-3">{empty}</p> : null}
            <ul>
                {changes.map((change) => (
                    <li key={change.id} className="flex items-start gap-3 border-t border-line px-4 py-2.5 first:border-0">
                        <div className="min-w-0 flex-1">
                            <div className="[overflow-wrap:anywhere]" dir="auto">
                                {changeText(change)}
                            </div>
                            <div className="text-sm text-ink-3">
                                {formatDateTime(change.executed_at ?? change.scheduled_at, project.timezone)}
                                {change.is_recurring ? `, then ${recurrences.find((known) => known.value === change.recurrence_interval)?.label.toLowerCase() ?? 'again'}` : ''}
                            </div>
                            {change.executed_at === null && change.last_executed_at ? <div className="text-sm text-ink-3">last on {formatDateTime(change.last_executed_at, project.timezone)}</div> : null}
                            {change.failure_reason ? <div className="text-sm text-bad [overflow-wrap:anywhere]">It failed: {change.failure_reason}</div> : null}
                        </div>
                        {change.executed_at === null ? (
                            <IconButton label={`Cancel: ${changeText(change)}`} onClick={() => void remove(change)}>
                                <Trash2 aria-hidden />
                            </IconButton>
                        ) : null}
                    </li>
                ))}
            </ul>
        </Panel>
    )
}
