import { useQuery, useQueryClient } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { Plus, Trash2 } from 'lucide-react'
import { useState, type ReactNode } from 'react'
import { ApiError, request } from '@/api/client'
import { experimentsUrl, holdouts } from '@/api/experiment-queries'
import type { Experiment } from '@/api/experiment-types'
import { useProject } from '@/api/project'
import { groupTypes } from '@/api/queries'
import { seriesColour } from '@/features/insights/public'
import { Button, IconButton } from '@/ui/button'
import { Select } from '@/ui/choice'
import { Field, Input } from '@/ui/field'
import { useKeptDraft } from '@/ui/kept-draft'
import { Page } from '@/ui/page'
import { Panel } from '@/ui/panel'
import { PercentInput } from '@/ui/percent'
import { complain, say } from '@/ui/toast'
import { bodyOf, emptyDraft, evenly, hasProblems, maxVariants, problemsOf, slug, withVariant, type ExperimentDraft, type Problems } from './draft'

const route = getRouteApi('/project/$projectId/experiments/$experimentId')

export function NewExperiment({ crumb }: { crumb: ReactNode }) {
    const project = useProject()
    const client = useQueryClient()
    const navigate = route.useNavigate()
    const kept = useKeptDraft(`${project.id}-experiment-new`, emptyDraft, 'new')
    const { draft } = kept
    const [tried, setTried] = useState(false)
    const [saving, setSaving] = useState(false)
    const [refused, setRefused] = useState<{ key: string; detail: string } | null>(null)
    const problems = problemsOf(draft)
    const shown: Problems = tried ? problems : {}
    const save = async () => {
        setTried(true)
        if (hasProblems(problems)) return
        setSaving(true)
        try {
            const saved = await request<Experiment>('POST', `${experimentsUrl(project.id)}/`, bodyOf(draft))
            kept.drop()
            say(`“${saved.name}” is saved as a draft. Say what to measure, then launch it.`)
            await client.invalidateQueries({ queryKey: ['experiments', project.id] })
            await navigate({ to: '/project/$projectId/experiments/$experimentId', params: { projectId: String(project.id), experimentId: String(saved.id) }, search: {}, replace: true })
        } catch (error) {
            if (error instanceof ApiError && error.attr === 'feature_flag_key') setRefused({ key: draft.flagKey, detail: error.detail })
            else complain(error, 'Not saved.')
            setSaving(false)
        }
    }
    const keyError = refused?.key === draft.flagKey ? refused.detail : shown.flagKey
    return (
        <Page
            title="New experiment"
            crumbs={crumb}
            note="not saved yet"
            actions={
                <Button kind="primary" busy={saving} onClick={() => void save()}>
                    Save as draft
                </Button>
            }
        >
            <div className="flex max-w-[760px] flex-col gap-[18px]">
                <Panel label="What it tests" className="flex flex-col gap-4 p-4">
                    <Field label="Name" error={shown.name}>
                        {(control) => <Input {...control} autoFocus dir="auto" maxLength={400} placeholder="Shorter checkout" value={draft.name} onChange={(event) => kept.change({ ...draft, name: event.target.value, flagKey: draft.ownKey ? draft.flagKey : slug(event.target.value) })} />}
                    </Field>
                    <Field label="Hypothesis" hint="What you expect to happen, and why.">
                        {(control) => <textarea {...control} dir="auto" rows={3} maxLength={4000} className="field !h-auto py-1.5" value={draft.description} onChange={(event) => kept.change({ ...draft, description: event.target.value })} />}
                    </Field>
                    <Field label="Flag key" hint="Your code asks for it. A flag with this key and variants is taken; otherwise one is made." error={keyError}>
                        {(control) => <Input {...control} className="font-mono" maxLength={400} value={draft.flagKey} onChange={(event) => kept.change({ ...draft, flagKey: event.target.value, ownKey: event.target.value !== '' })} />}
                    </Field>
                </Panel>
                <VariantsPanel draft={draft} problem={shown.variants} onChange={kept.change} />
                <Participants draft={draft} onChange={kept.change} />
            </div>
        </Page>
    )
}

type PartProps = { draft: ExperimentDraft; onChange: (draft: ExperimentDraft) => void }

function VariantsPanel({ draft, problem, onChange }: PartProps & { problem?: string }) {
    const { variants } = draft
    const set = (next: typeof variants) => onChange({ ...draft, variants: next })
    return (
        <Panel title="Variants" label="Variants">
            <ul className="px-4">
                {variants.map((variant, index) => (
                    <li key={variant.id} className="row-line flex items-center gap-2 py-2">
                        <span aria-hidden className="size-[9px] shrink-0 rounded-[3px]" style={{ background: seriesColour(index) }} />
                        <Input aria-label={`Key of variant ${index + 1}`} className="min-w-0 flex-1 font-mono" disabled={index === 0} maxLength={400} value={variant.key} onChange={(event) => set(variants.map((old) => (old.id === variant.id ? { ...old, key: event.target.value } : old)))} />
                        {index === 0 ? <span className="text-sm text-ink-3">baseline</span> : null}
                        <PercentInput label={`Share of ${variant.key || `variant ${index + 1}`}`} value={variant.rollout} onChange={(rollout) => set(variants.map((old) => (old.id === variant.id ? { ...old, rollout } : old)))} />
                        <IconButton label={`Remove ${variant.key || `variant ${index + 1}`}`} disabled={index === 0 || variants.length <= 2} onClick={() => set(evenly(variants.filter((old) => old.id !== variant.id)))}>
                            <Trash2 aria-hidden />
                        </IconButton>
                    </li>
                ))}
            </ul>
            <div className="flex flex-wrap items-center gap-2 px-4 py-3">
                <Button kind="dashed" size="small" disabled={variants.length >= maxVariants} onClick={() => set(withVariant(variants))}>
                    <Plus className="size-3" aria-hidden /> Variant
                </Button>
                <Button kind="quiet" size="small" onClick={() => set(evenly(variants))}>
                    Distribute evenly
                </Button>
                {problem ? (
                    <span role="alert" className="text-sm text-bad">
                        {problem}
                    </span>
                ) : null}
            </div>
        </Panel>
    )
}

function Participants({ draft, onChange }: PartProps) {
    const project = useProject()
    const groups = useQuery(groupTypes(project.id))
    const held = useQuery(holdouts(project.id))
    const kinds = [{ value: 'persons', label: 'Persons' }, ...(groups.data ?? []).map((type) => ({ value: String(type.group_type_index), label: type.name_plural ?? type.group_type }))]
    return (
        <Panel title="Who takes part" label="Who takes part">
            <div className="flex flex-wrap items-end gap-4 p-4 pt-2">
                <Field label="Compared are">{(control) => <Select id={control.id} label="Compared are" className="w-[160px]" value={draft.groupType === null ? 'persons' : String(draft.groupType)} options={kinds} onChange={(kind) => onChange({ ...draft, groupType: kind === 'persons' ? null : Number(kind) })} />}</Field>
                <div className="flex h-[30px] items-center gap-2">
                    <PercentInput label="Share that takes part" value={draft.rollout} onChange={(rollout) => onChange({ ...draft, rollout })} /> <span className="text-ink-2">of them take part</span>
                </div>
                {(held.data?.results.length ?? 0) > 0 ? (
                    <Field label="Left out">
                        {(control) => <Select id={control.id} label="Left out" className="w-[200px]" value={draft.holdout === null ? 'nobody' : String(draft.holdout)} options={[{ value: 'nobody', label: 'Nobody' }, ...(held.data?.results ?? []).map((holdout) => ({ value: String(holdout.id), label: holdout.name }))]} onChange={(holdout) => onChange({ ...draft, holdout: holdout === 'nobody' ? null : Number(holdout) })} />}
                    </Field>
                ) : null}
            </div>
        </Panel>
    )
}
