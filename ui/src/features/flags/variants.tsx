import { Braces, Plus, Trash2 } from 'lucide-react'
import { useState } from 'react'
import { seriesColour } from '@/features/insights/public'
import { formatNumber } from '@/lib/numbers'
import { Button, IconButton } from '@/ui/button'
import { Input } from '@/ui/field'
import { JsonInput } from '@/ui/json-input'
import { PercentInput } from '@/ui/percent'
import { evenly, maxVariants, sum, withVariant, type FlagDraft, type Problems, type VariantDraft } from './draft'

/** The variants and how many get each; a payload belongs to its variant. */
export function Variants({ draft, problems, onChange }: { draft: FlagDraft; problems: Problems; onChange: (draft: FlagDraft) => void }) {
    const { variants } = draft
    const set = (next: VariantDraft[]) => onChange({ ...draft, variants: next })
    const replace = (next: VariantDraft) => {
        const before = variants.find((variant) => variant.id === next.id)
        // A set that always gives this variant keeps doing so under the new name.
        const conditions = before && before.key !== next.key ? draft.conditions.map((condition) => (condition.variant === before.key && before.key !== '' ? { ...condition, variant: next.key } : condition)) : draft.conditions
        onChange({ ...draft, conditions, variants: variants.map((old) => (old.id === next.id ? next : old)) })
    }
    const remove = (gone: VariantDraft) => {
        const { [gone.id]: _, ...payloads } = draft.payloads
        onChange({ ...draft, payloads, variants: variants.filter((variant) => variant.id !== gone.id), conditions: draft.conditions.map((condition) => (condition.variant === gone.key ? { ...condition, variant: null } : condition)) })
    }
    const payload = (id: number, text: string) => onChange({ ...draft, payloads: { ...draft.payloads, [id]: text } })
    return (
        <div className="flex flex-col gap-2 px-4 pt-1 pb-4">
            <WeightBar variants={variants} />
            <ul aria-label="Variants">
                {variants.map((variant, index) => (
                    <VariantRow
                        key={variant.id}
                        variant={variant}
                        index={index}
                        problem={problems.variant[variant.id]}
                        payload={draft.payloads[variant.id]}
                        payloadProblem={problems.payload[variant.id]}
                        onChange={replace}
                        onPayload={(text) => payload(variant.id, text)}
                        onRemove={() => remove(variant)}
                    />
                ))}
            </ul>
            <div className="flex flex-wrap items-center gap-2">
                <Button kind="dashed" size="small" disabled={variants.length >= maxVariants} onClick={() => set(withVariant(variants))}>
                    <Plus className="size-3" aria-hidden /> Variant
                </Button>
                <Button kind="quiet" size="small" disabled={variants.length === 0} onClick={() => set(evenly(variants))}>
                    Distribute evenly
                </Button>
                <span className={problems.variants ? 'text-sm text-bad' : 'text-sm text-ink-3'} role={problems.variants ? 'alert' : undefined}>
                    {problems.variants ?? 'The weights add up to 100%.'}
                </span>
            </div>
        </div>
    )
}

type RowProps = { variant: VariantDraft; index: number; problem?: string; payload: string | undefined; payloadProblem?: string; onChange: (next: VariantDraft) => void; onPayload: (text: string) => void; onRemove: () => void }

function VariantRow({ variant, index, problem, payload, payloadProblem, onChange, onPayload, onRemove }: RowProps) {
    const [open, setOpen] = useState(Boolean(payload))
    const name = variant.key || `variant ${index + 1}`
    return (
        <li className="flex flex-col gap-2 border-b border-line py-2 last:border-0">
            <div className="flex flex-wrap items-center gap-2">
                <span aria-hidden className="size-[9px] shrink-0 rounded-[3px]" style={{ background: seriesColour(index) }} />
                <Input aria-label={`Key of variant ${index + 1}`} aria-invalid={problem ? true : undefined} placeholder="key" maxLength={400} className="!w-[160px] font-mono text-[12px]" value={variant.key} onChange={(event) => onChange({ ...variant, key: event.target.value })} />
                <Input aria-label={`Description of ${name}`} placeholder="What it shows" maxLength={400} dir="auto" className="!w-auto min-w-[120px] flex-1" value={variant.name} onChange={(event) => onChange({ ...variant, name: event.target.value })} />
                <PercentInput label={`Weight of ${name}`} value={variant.rollout} onChange={(rollout) => onChange({ ...variant, rollout })} />
                <IconButton label={`Payload of ${name}`} aria-expanded={open} onClick={() => setOpen(!open)}>
                    <Braces aria-hidden className={payload ? 'text-ink' : undefined} />
                </IconButton>
                <IconButton label={`Remove ${name}`} onClick={onRemove}>
                    <Trash2 aria-hidden />
                </IconButton>
            </div>
            {problem ? (
                <p role="alert" className="text-sm text-bad">
                    {problem}
                </p>
            ) : null}
            {open ? <JsonInput label={`Payload of ${name}`} value={payload ?? ''} problem={payloadProblem} example={'{"title": "Hello"}'} onChange={onPayload} /> : null}
        </li>
    )
}

function WeightBar({ variants }: { variants: VariantDraft[] }) {
    const total = sum(variants.map((variant) => variant.rollout))
    return (
        <div role="img" aria-label={`Weights: ${variants.map((variant) => `${variant.key} ${formatNumber(variant.rollout)}%`).join(', ')}`} className="flex h-[9px] gap-px overflow-hidden rounded-full bg-sunken">
            {variants.map((variant, index) => (
                <span key={variant.id} style={{ background: seriesColour(index), width: `${(variant.rollout / Math.max(100, total)) * 100}%` }} />
            ))}
        </div>
    )
}
