import { ChevronRight } from 'lucide-react'
import type { ReactNode } from 'react'
import type { FlagBucketing, FlagRuntime } from '@/api/flag-types'
import { Segmented, Switch } from '@/ui/choice'
import { Field, Input } from '@/ui/field'
import { JsonInput } from '@/ui/json-input'
import { Panel } from '@/ui/panel'
import { WordList } from '@/ui/word-list'
import { Conditions } from './conditions'
import { variantsOf, withKind, type FlagDraft, type FlagKind, type Problems } from './draft'
import { Variants } from './variants'

type Props = { draft: FlagDraft; problems: Problems; onChange: (draft: FlagDraft) => void; flagId?: number; keyError?: string | null; knownTags?: string[]; knownContexts?: string[] }

const kinds: { value: FlagKind; label: string; hint: string }[] = [
    { value: 'boolean', label: 'On or off', hint: 'Your code asks whether it is on.' },
    { value: 'multivariate', label: 'Variants', hint: 'Your code gets one of several names, by weight.' },
    { value: 'remote_config', label: 'Remote config', hint: 'Everybody gets the same JSON; change it here without a release.' },
]

/** Everything a flag is made of, from its key to who gets it. */
export function FlagEditor({ draft, problems, onChange, flagId, keyError, knownTags, knownContexts }: Props) {
    const kind = kinds.find((known) => known.value === draft.kind)
    return (
        <div className="flex min-w-0 flex-col gap-4">
            <Panel label="What it is" className="p-4">
                <div className="grid gap-4 sm:grid-cols-2">
                    <Field label="Key" hint={flagId === undefined ? 'What your code asks for. Letters, digits, “-” and “_”.' : 'Code that asks for the old key gets nothing once you change it.'} error={keyError ?? null}>
                        {(control) => <Input {...control} autoFocus={flagId === undefined} maxLength={420} placeholder="new-checkout" className="font-mono text-[12.5px]" value={draft.key} onChange={(event) => onChange({ ...draft, key: event.target.value })} />}
                    </Field>
                    <Field label="Description">
                        {(control) => (
                            <textarea {...control} rows={1} dir="auto" maxLength={10_000} placeholder="What it switches, and when it can go" className="field !h-auto resize-y py-1.5" value={draft.description} onChange={(event) => onChange({ ...draft, description: event.target.value })} />
                        )}
                    </Field>
                    <div className="flex flex-col gap-1 sm:col-span-2">
                        <span className="text-sm font-[550] text-ink-2">What it answers</span>
                        <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
                            <Segmented label="What it answers" value={draft.kind} options={kinds.map(({ value, label }) => ({ value, label }))} onChange={(next) => onChange(withKind(draft, next))} />
                            <p className="text-sm text-ink-3">{kind?.hint}</p>
                        </div>
                    </div>
                </div>
            </Panel>
            {draft.kind === 'multivariate' ? (
                <Panel title="Variants" label="Variants">
                    <Variants draft={draft} problems={problems} onChange={onChange} />
                </Panel>
            ) : null}
            {draft.kind === 'remote_config' ? (
                <Payload draft={draft} problem={problems.payload['true']} onChange={onChange} />
            ) : (
                <section aria-label="Who gets it" className="flex min-w-0 flex-col gap-2">
                    <div className="flex flex-wrap items-baseline gap-x-3">
                        <h2 className="font-[600]">Who gets it</h2>
                        <p className="text-sm text-ink-3">Sets are tried from the top; the first that matches decides.</p>
                    </div>
                    {problems.conditions ? (
                        <p role="alert" className="text-sm text-bad">
                            {problems.conditions}
                        </p>
                    ) : null}
                    <Conditions
                        conditions={draft.conditions}
                        onChange={(conditions) => onChange({ ...draft, conditions })}
                        groupType={draft.groupType}
                        onGroupType={(groupType) => onChange({ ...draft, groupType })}
                        variants={draft.kind === 'multivariate' ? variantsOf(draft) : []}
                        problems={problems.condition}
                        flagId={flagId}
                    />
                </section>
            )}
            {draft.kind === 'boolean' ? <Payload draft={draft} problem={problems.payload['true']} onChange={onChange} /> : null}
            <Details draft={draft} onChange={onChange} knownTags={knownTags} knownContexts={knownContexts} />
        </div>
    )
}

function Payload({ draft, problem, onChange }: { draft: FlagDraft; problem?: string; onChange: (draft: FlagDraft) => void }) {
    const remote = draft.kind === 'remote_config'
    return (
        <Panel label={remote ? 'Value' : 'Payload'} className="p-4">
            <JsonInput
                label={remote ? 'Value, as JSON' : 'Payload, as JSON (optional)'}
                rows={remote ? 6 : 2}
                value={draft.payloads['true'] ?? ''}
                problem={problem}
                example={remote ? '{\n  "banner": "Sale ends on Sunday"\n}' : '{"limit": 10}'}
                onChange={(text) => onChange({ ...draft, payloads: { ...draft.payloads, true: text } })}
            />
            {remote ? (
                <Toggle
                    className="mt-3"
                    label="Encrypted"
                    hint="Only servers with a secret key read the value; browsers and this page get stars. Once saved it can be replaced, not read."
                    checked={draft.encrypted}
                    onChange={(encrypted) => onChange({ ...draft, encrypted })}
                />
            ) : null}
        </Panel>
    )
}

const runtimes: { value: FlagRuntime; label: string }[] = [
    { value: 'all', label: 'Everywhere' },
    { value: 'client', label: 'Browsers and apps' },
    { value: 'server', label: 'Servers' },
]
const bucketings: { value: FlagBucketing; label: string }[] = [
    { value: 'distinct_id', label: 'Person' },
    { value: 'device_id', label: 'Device' },
]

/** What few flags need. */
function Details({ draft, onChange, knownTags, knownContexts }: { draft: FlagDraft; onChange: (draft: FlagDraft) => void; knownTags?: string[]; knownContexts?: string[] }) {
    const remote = draft.kind === 'remote_config'
    return (
        <Panel label="Details">
            <details className="group" open={draft.continuity || draft.bucketing !== 'distinct_id' || draft.runtime !== 'all' || draft.contexts.length > 0 || draft.tags.length > 0 || draft.earlyExit}>
                <summary className="flex h-[42px] items-center gap-2 px-4 text-sm font-[600] text-ink-2 marker:content-none hover:text-ink">
                    <ChevronRight className="size-4 transition-transform duration-[120ms] group-open:rotate-90" aria-hidden />
                    Tags, stickiness and where it is evaluated
                </summary>
                <div className="flex flex-col gap-4 px-4 pb-4">
                    <Field label="Tags">{(control) => <WordList id={control.id} label="Tags" words={draft.tags} offered={knownTags} placeholder="checkout, q4" onChange={(tags) => onChange({ ...draft, tags })} />}</Field>
                    <Choice label="Evaluated" hint="Flags for servers never reach a browser.">
                        <Segmented label="Evaluated" className="self-start" value={draft.runtime} options={runtimes} onChange={(runtime) => onChange({ ...draft, runtime })} />
                    </Choice>
                    <Field label="Contexts" hint="Only SDKs started with one of these evaluation contexts get the flag. None means all.">
                        {(control) => <WordList id={control.id} label="Contexts" words={draft.contexts} offered={knownContexts} placeholder="main-app, docs" onChange={(contexts) => onChange({ ...draft, contexts })} />}
                    </Field>
                    {remote || draft.groupType !== null ? null : (
                        <>
                            <Choice label="The same answer for each" hint={draft.bucketing === 'device_id' ? 'SDKs must send $device_id; without one nobody is rolled in.' : 'Follows the distinct ID: logging in can change the answer.'}>
                                <Segmented label="The same answer for each" className="self-start" value={draft.bucketing} options={bucketings} onChange={(bucketing) => onChange({ ...draft, bucketing })} />
                            </Choice>
                            <Toggle
                                label="Keep the answer through login"
                                hint="Somebody who logs in keeps what they got as a visitor. Servers then cannot evaluate it locally."
                                checked={draft.continuity}
                                disabled={draft.bucketing === 'device_id'}
                                onChange={(continuity) => onChange({ ...draft, continuity })}
                            />
                        </>
                    )}
                    {remote ? null : (
                        <Toggle
                            label="Stop at the first set that fits"
                            hint="Who matches a set but falls outside its rollout gets nothing; later sets are not tried."
                            checked={draft.earlyExit}
                            onChange={(earlyExit) => onChange({ ...draft, earlyExit })}
                        />
                    )}
                </div>
            </details>
        </Panel>
    )
}

function Choice({ label, hint, children }: { label: string; hint: string; children: ReactNode }) {
    return (
        <div className="flex flex-col gap-1">
            <span className="text-sm font-[550] text-ink-2">{label}</span>
            {children}
            <p className="text-sm text-ink-3">{hint}</p>
        </div>
    )
}

function Toggle({ label, hint, checked, onChange, disabled, className }: { label: string; hint: string; checked: boolean; onChange: (on: boolean) => void; disabled?: boolean; className?: string }) {
    return (
        <label className={`flex items-start justify-between gap-6 ${className ?? ''}`}>
            <span>
                <span className="block font-[550]">{label}</span>
                <span className="block text-sm text-ink-3">{hint}</span>
            </span>
            <span className="pt-0.5">
                <Switch label={label} checked={checked} onChange={onChange} disabled={disabled} />
            </span>
        </label>
    )
}
