import { useQuery } from '@tanstack/react-query'
import { X } from 'lucide-react'
import { useState, type ReactNode } from 'react'
import { flag as flagQuery } from '@/api/flag-queries'
import { useProject } from '@/api/project'
import type { SurveySchedule, UrlMatch } from '@/api/survey-types'
import { EventPicker, FilterChips, FlagList } from '@/features/filters/public'
import { NumberInput } from '@/features/insights/public'
import { Button } from '@/ui/button'
import { Checkbox, Segmented, Select } from '@/ui/choice'
import { Field, Input } from '@/ui/field'
import { Popover } from '@/ui/floating'
import { Chip, Panel } from '@/ui/panel'
import { PercentInput } from '@/ui/percent'
import type { SurveyDraft } from './draft'

const matches: { value: UrlMatch; label: string }[] = [
    { value: 'icontains', label: 'contains' },
    { value: 'not_icontains', label: 'does not contain' },
    { value: 'exact', label: 'is exactly' },
    { value: 'is_not', label: 'is not' },
    { value: 'regex', label: 'matches' },
    { value: 'not_regex', label: 'does not match' },
]

const schedules: { value: SurveySchedule; label: string; hint: string }[] = [
    { value: 'once', label: 'Once', hint: 'Each person answers or dismisses it once.' },
    { value: 'recurring', label: 'Again and again', hint: 'Everybody is asked anew at the beginning of each round.' },
    { value: 'always', label: 'Always', hint: 'Whenever the conditions are met, whatever was answered before.' },
]

/** Who is asked, where, when and how often. */
export function Audience({ draft, onChange }: { draft: SurveyDraft; onChange: (draft: SurveyDraft) => void }) {
    const set = (part: Partial<SurveyDraft>) => onChange({ ...draft, ...part })
    const schedule = schedules.find((known) => known.value === draft.schedule)
    const shown = draft.kind === 'popover' || draft.kind === 'widget'
    return (
        <div className="flex max-w-[760px] flex-col gap-[18px]">
            <Panel title="Who" label="Who">
                <div className="flex flex-col gap-4 p-4 pt-2">
                    <Row label="Persons who match" hint={draft.targeting.length === 0 ? 'Everybody, until a filter is added.' : undefined}>
                        <FilterChips flags filters={draft.targeting} only={['person', 'cohort']} addLabel="Property or cohort" max={20} onChange={(targeting) => set({ targeting })} />
                    </Row>
                    <Row label="Of them, this share">
                        <PercentInput label="Share of persons" value={draft.rollout} onChange={(rollout) => set({ rollout })} />
                    </Row>
                    <Row label="Only where a flag is on">
                        <LinkedFlag id={draft.linkedFlag} onChange={(linkedFlag) => set({ linkedFlag })} />
                    </Row>
                </div>
            </Panel>
            {shown ? (
                <Panel title="Where and when" label="Where and when">
                    <div className="flex flex-col gap-4 p-4 pt-2">
                        <Row label="On pages whose address">
                            <div className="flex flex-wrap gap-2">
                                <Select label="Address" className="w-[150px]" value={draft.urlMatch} options={matches} onChange={(urlMatch) => set({ urlMatch })} />
                                <Input aria-label="Address to match" className="!w-[280px] max-w-full" placeholder="any page" value={draft.url} onChange={(event) => set({ url: event.target.value })} />
                            </div>
                        </Row>
                        <Row label="After one of these events">
                            <Events draft={draft} onChange={set} />
                        </Row>
                        <Field label="Only if the page has" hint="A CSS selector.">
                            {(control) => <Input {...control} className="!w-[280px] max-w-full font-mono" placeholder=".checkout" value={draft.selector} onChange={(event) => set({ selector: event.target.value })} />}
                        </Field>
                        <div className="flex flex-wrap items-center gap-2">
                            <Checkbox label="Not if any survey was seen within" checked={draft.waitDays !== null} onChange={(on) => set({ waitDays: on ? 30 : null })} />
                            {draft.waitDays !== null ? (
                                <>
                                    <NumberInput label="Days without a survey" className="!w-[64px]" value={draft.waitDays} min={1} max={3650} onChange={(waitDays) => set({ waitDays })} /> <span className="text-ink-2">days</span>
                                </>
                            ) : null}
                        </div>
                    </div>
                </Panel>
            ) : null}
            <Panel title="How often" label="How often">
                <div className="flex flex-col gap-4 p-4 pt-2">
                    <div className="flex flex-col gap-1">
                        <Segmented label="How often" className="self-start" value={draft.schedule} options={schedules} onChange={(next) => set({ schedule: next })} />
                        <p className="text-sm text-ink-3">{schedule?.hint}</p>
                    </div>
                    {draft.schedule === 'recurring' ? (
                        <div className="flex flex-wrap items-center gap-2">
                            <NumberInput label="Rounds" className="!w-[64px]" value={draft.iterations} min={1} max={500} onChange={(iterations) => set({ iterations })} /> rounds, each
                            <NumberInput label="Days per round" className="!w-[64px]" value={draft.iterationDays} min={1} max={365} onChange={(iterationDays) => set({ iterationDays })} /> days long
                        </div>
                    ) : null}
                    <div className="flex flex-wrap items-center gap-2">
                        <Checkbox label="End it at" checked={draft.limit !== null} onChange={(on) => set({ limit: on ? 100 : null })} />
                        {draft.limit !== null ? (
                            <>
                                <NumberInput label="Responses at which it ends" className="!w-[90px]" value={draft.limit} min={1} max={10_000_000} onChange={(limit) => set({ limit })} /> <span className="text-ink-2">responses</span>
                            </>
                        ) : null}
                    </div>
                    <Checkbox label="Count what people answered before they left" checked={draft.partial} onChange={(partial) => set({ partial })} />
                </div>
            </Panel>
        </div>
    )
}

function Row({ label, hint, children }: { label: string; hint?: string; children: ReactNode }) {
    return (
        <div role="group" aria-label={label} className="flex flex-col gap-1">
            <span className="text-sm font-[550] text-ink-2">{label}</span>
            {children}
            {hint ? <p className="text-sm text-ink-3">{hint}</p> : null}
        </div>
    )
}

function Events({ draft, onChange }: { draft: SurveyDraft; onChange: (part: Partial<SurveyDraft>) => void }) {
    return (
        <div className="flex flex-col gap-2">
            <div className="flex flex-wrap items-center gap-1.5">
                {draft.events.map((event) => (
                    <Chip key={event} className="!h-[30px]">
                        <span className="max-w-[220px] truncate" dir="auto">
                            {event}
                        </span>
                        <button type="button" aria-label={`Remove ${event}`} className="text-ink-3 hover:text-ink" onClick={() => onChange({ events: draft.events.filter((other) => other !== event) })}>
                            <X className="size-3" aria-hidden />
                        </button>
                    </Chip>
                ))}
                <EventPicker value={null} label="Event that shows it" allLabel={null} shown={draft.events.length === 0 ? 'At once' : 'Add'} className="w-[130px]" onChange={(event) => event !== null && !draft.events.includes(event) && onChange({ events: [...draft.events, event] })} />
            </div>
            {draft.events.length > 0 ? <Checkbox label="Every time the event happens" checked={draft.repeated} onChange={(repeated) => onChange({ repeated })} /> : null}
        </div>
    )
}

function LinkedFlag({ id, onChange }: { id: number | null; onChange: (id: number | null) => void }) {
    const project = useProject()
    const [open, setOpen] = useState(false)
    const found = useQuery({ ...flagQuery(project.id, id ?? 0), enabled: id !== null })
    const name = id === null ? 'No flag' : (found.data?.key ?? `Flag ${id}`)
    return (
        <div className="flex items-center gap-1.5">
            <Popover open={open} onOpenChange={setOpen} label="Choose a flag" trigger={<Button aria-label={`Linked flag: ${name}`}>{name}</Button>}>
                <FlagList
                    onPick={(picked) => {
                        onChange(picked)
                        setOpen(false)
                    }}
                />
            </Popover>
            {id !== null ? (
                <Button kind="quiet" size="small" onClick={() => onChange(null)}>
                    Remove
                </Button>
            ) : null}
        </div>
    )
}
