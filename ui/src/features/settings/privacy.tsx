import { useProject } from '@/api/project'
import { Segmented, Select } from '@/ui/choice'
import { Block, ToggleRow, useMayAdminister, useSaveProject } from './parts'

export function PrivacySettings() {
    const project = useProject()
    const save = useSaveProject()
    const admin = useMayAdminister()
    const onOff = (on: boolean) => (on ? 'on' : 'off')
    return (
        <>
            <Block title="What SDKs capture by themselves" about="Pages pick these up the next time they load; no code has to change.">
                <ToggleRow
                    label="Autocapture"
                    hint="Clicks, form submits and changes, without writing code for each."
                    disabled={!admin}
                    checked={!project.autocapture_opt_out}
                    onChange={(on) => save.mutate({ part: { autocapture_opt_out: !on }, said: `Autocapture is ${onOff(on)}.` })}
                />
                <ToggleRow
                    label="Exceptions"
                    hint="JavaScript errors, with their stack."
                    disabled={!admin}
                    checked={project.autocapture_exceptions_opt_in ?? false}
                    onChange={(on) => save.mutate({ part: { autocapture_exceptions_opt_in: on }, said: `Exception capture is ${onOff(on)}.` })}
                />
                <ToggleRow
                    label="Web vitals"
                    hint="How fast pages load and answer."
                    disabled={!admin}
                    checked={project.autocapture_web_vitals_opt_in ?? false}
                    onChange={(on) => save.mutate({ part: { autocapture_web_vitals_opt_in: on }, said: `Web vitals are ${onOff(on)}.` })}
                />
                <ToggleRow
                    label="Dead clicks"
                    hint="Clicks after which nothing happened."
                    disabled={!admin}
                    checked={project.capture_dead_clicks ?? false}
                    onChange={(on) => save.mutate({ part: { capture_dead_clicks: on }, said: `Dead click capture is ${onOff(on)}.` })}
                />
                <ToggleRow
                    label="Heatmaps"
                    hint="Where people click, move and scroll."
                    disabled={!admin}
                    checked={project.heatmaps_opt_in ?? false}
                    onChange={(on) => save.mutate({ part: { heatmaps_opt_in: on }, said: `Heatmap capture is ${onOff(on)}.` })}
                />
            </Block>
            <Block title="Privacy">
                <ToggleRow
                    label="Discard IP addresses"
                    hint="The address is used to find the country and city, then thrown away before the event is stored."
                    disabled={!admin}
                    checked={project.anonymize_ips}
                    onChange={(on) => save.mutate({ part: { anonymize_ips: on }, said: on ? 'IP addresses are discarded from now on.' : 'IP addresses are stored from now on.' })}
                />
                <div className="flex flex-col gap-2 border-t border-line pt-3">
                    <span>
                        <span className="block font-[550]">Visitors without cookies</span>
                        <span className="block text-sm text-ink-3">Count visitors who gave no consent by a hash that changes every day and cannot be traced back.</span>
                    </span>
                    <Segmented
                        label="Visitors without cookies"
                        className="self-start"
                        value={String(project.cookieless_server_hash_mode ?? 0)}
                        onChange={(mode) => save.mutate({ part: { cookieless_server_hash_mode: Number(mode) as 0 | 1 | 2 }, said: 'Saved.' })}
                        options={[
                            { value: '0', label: 'Off', disabled: !admin },
                            { value: '1', label: 'Stateless', disabled: !admin },
                            { value: '2', label: 'Stateful', disabled: !admin },
                        ]}
                    />
                </div>
            </Block>
            <Refusals />
        </>
    )
}

const ages = [
    { value: 'never', label: 'Keep every event' },
    { value: '1 00:00:00', label: 'Older than a day' },
    { value: '7 00:00:00', label: 'Older than 7 days' },
    { value: '30 00:00:00', label: 'Older than 30 days' },
    { value: '365 00:00:00', label: 'Older than a year' },
]

/** What is left out on purpose; each left-out event is counted on the ingestion page. */
function Refusals() {
    const project = useProject()
    const save = useSaveProject()
    const admin = useMayAdminister()
    const age = project.drop_events_older_than ?? 'never'
    const choices = ages.some((known) => known.value === age) ? ages : [...ages, { value: age, label: `Older than ${age}` }]
    return (
        <Block title="What is left out" about="Counted with its reason on the ingestion page, so that nothing disappears in silence.">
            <ToggleRow
                label="Robots"
                hint="Crawlers and monitors that say who they are."
                disabled={!admin}
                checked={project.drop_bot_events ?? false}
                onChange={(on) => save.mutate({ part: { drop_bot_events: on }, said: on ? 'Robots are left out from now on.' : 'Robots are kept from now on.' })}
            />
            <ToggleRow
                label="Person profiles"
                hint="No profile is made and no property of a person is stored; events still count."
                disabled={!admin}
                checked={project.person_processing_opt_out ?? false}
                onChange={(on) => save.mutate({ part: { person_processing_opt_out: on }, said: on ? 'No person profiles are made from now on.' : 'Person profiles are made from now on.' })}
            />
            <div className="flex flex-wrap items-center justify-between gap-3 border-t border-line pt-3">
                <span>
                    <span className="block font-[550]">Late events</span>
                    <span className="block text-sm text-ink-3">Devices that were offline can send events long after they happened.</span>
                </span>
                <Select label="Late events" className="w-[190px]" value={age} options={choices.map((choice) => ({ ...choice, disabled: !admin }))} onChange={(next) => save.mutate({ part: { drop_events_older_than: next === 'never' ? null : next }, said: 'Saved.' })} />
            </div>
        </Block>
    )
}
