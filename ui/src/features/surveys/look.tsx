import { NumberInput } from '@/features/insights/public'
import { Checkbox, Select } from '@/ui/choice'
import { Field, Input } from '@/ui/field'
import { Panel } from '@/ui/panel'
import type { Look as LookDraft, SurveyDraft } from './draft'

const positions = [
    { value: 'left', label: 'Bottom left' },
    { value: 'center', label: 'Bottom centre' },
    { value: 'right', label: 'Bottom right' },
    { value: 'top_left', label: 'Top left' },
    { value: 'top_center', label: 'Top centre' },
    { value: 'top_right', label: 'Top right' },
    { value: 'middle_center', label: 'Middle' },
]

type Colour = 'backgroundColor' | 'textColor' | 'submitButtonColor' | 'borderColor' | 'widgetColor'

/** Colours, place and closing words. */
export function Look({ draft, onChange }: { draft: SurveyDraft; onChange: (draft: SurveyDraft) => void }) {
    const { look } = draft
    const set = (part: Partial<LookDraft>) => onChange({ ...draft, look: { ...look, ...part } })
    const colours: { name: Colour; label: string }[] = [
        { name: 'backgroundColor', label: 'Background' },
        { name: 'textColor', label: 'Text' },
        { name: 'submitButtonColor', label: 'Button' },
        { name: 'borderColor', label: 'Border' },
        ...(draft.kind === 'widget' ? [{ name: 'widgetColor' as const, label: 'Feedback button' }] : []),
    ]
    if (draft.kind === 'api') return <p className="text-ink-2">Your own code shows this survey; it looks as you make it.</p>
    return (
        <div className="flex flex-col gap-[18px]">
            <Panel title="Colours" label="Colours">
                <div className="grid gap-3 p-4 pt-2 sm:grid-cols-2">
                    {colours.map(({ name, label }) => (
                        <ColourInput key={name} label={label} value={look[name]} onChange={(colour) => set({ [name]: colour })} />
                    ))}
                </div>
            </Panel>
            <Panel title="Place" label="Place">
                <div className="flex flex-wrap items-end gap-4 p-4 pt-2">
                    {draft.kind === 'widget' ? (
                        <Field label="Words on the button" className="w-[180px]">
                            {(control) => <Input {...control} dir="auto" maxLength={100} value={look.widgetLabel} onChange={(event) => set({ widgetLabel: event.target.value })} />}
                        </Field>
                    ) : null}
                    <Field label="Where">{(control) => <Select id={control.id} label="Where" className="w-[160px]" value={look.position} options={positions} onChange={(position) => set({ position })} />}</Field>
                    <Field label="Seconds until it appears">{() => <NumberInput label="Seconds until it appears" className="!h-[30px] !w-[90px]" value={look.delay} min={0} max={3600} onChange={(delay) => set({ delay })} />}</Field>
                </div>
            </Panel>
            <Panel title="At the end" label="At the end">
                <div className="flex flex-col gap-4 p-4 pt-2">
                    <Checkbox label="Say thank you" checked={look.thankYou} onChange={(thankYou) => set({ thankYou })} />
                    {look.thankYou ? (
                        <>
                            <Field label="Heading">{(control) => <Input {...control} dir="auto" maxLength={1000} value={look.thankYouHeader} onChange={(event) => set({ thankYouHeader: event.target.value })} />}</Field>
                            <Field label="Text (optional)">{(control) => <Input {...control} dir="auto" maxLength={10_000} value={look.thankYouText} onChange={(event) => set({ thankYouText: event.target.value })} />}</Field>
                        </>
                    ) : null}
                </div>
            </Panel>
        </div>
    )
}

function ColourInput({ label, value, onChange }: { label: string; value: string; onChange: (colour: string) => void }) {
    const plain = /^#[0-9a-f]{6}$/i.test(value)
    return (
        <Field label={label}>
            {(control) => (
                <div className="flex items-center gap-2">
                    <input type="color" aria-label={`${label}, by eye`} className="h-[30px] w-[38px] shrink-0 rounded-md border border-line-strong bg-surface p-0.5" value={plain ? value : '#000000'} onChange={(event) => onChange(event.target.value)} />
                    <Input {...control} className="font-mono" maxLength={60} value={value} onChange={(event) => onChange(event.target.value)} />
                </div>
            )}
        </Field>
    )
}
