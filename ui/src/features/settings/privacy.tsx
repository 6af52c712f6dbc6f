import { useProject } from '@/api/project'
import { Segmented } from '@/ui/choice'
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
        </>
    )
}
