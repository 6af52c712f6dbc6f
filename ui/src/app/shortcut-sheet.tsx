import { Dialog } from '@/ui/floating'
import { commandKey } from '@/ui/page'
import { Kbd } from '@/ui/panel'
import { destinations, listKeys } from './shortcuts'

function Line({ keys, label }: { keys: string[]; label: string }) {
    return (
        <div className="flex h-[28px] items-center justify-between gap-4">
            <dt className="text-ink-2">{label}</dt>
            <dd className="flex gap-1">
                {keys.map((key) => (
                    <Kbd key={key}>{key}</Kbd>
                ))}
            </dd>
        </div>
    )
}

export function ShortcutSheet({ open, onOpenChange }: { open: boolean; onOpenChange: (open: boolean) => void }) {
    return (
        <Dialog open={open} onOpenChange={onOpenChange} title="Keyboard shortcuts">
            <div className="grid gap-x-10 gap-y-5 p-5 sm:grid-cols-2">
                <section>
                    <h3 className="mb-1 text-sm font-[600] text-ink-3">Go to</h3>
                    <dl>
                        {destinations.map((destination) => (
                            <Line key={destination.key} keys={['g', destination.key]} label={destination.label} />
                        ))}
                    </dl>
                </section>
                <div className="flex flex-col gap-5">
                    <section>
                        <h3 className="mb-1 text-sm font-[600] text-ink-3">Anywhere</h3>
                        <dl>
                            <Line keys={[`${commandKey}K`]} label="Search or jump to" />
                            <Line keys={['?']} label="This sheet" />
                            <Line keys={['esc']} label="Close what floats" />
                        </dl>
                    </section>
                    <section>
                        <h3 className="mb-1 text-sm font-[600] text-ink-3">In lists</h3>
                        <dl>
                            {listKeys.map(([key, label]) => (
                                <Line key={key} keys={[key]} label={label} />
                            ))}
                        </dl>
                    </section>
                    <section>
                        <h3 className="mb-1 text-sm font-[600] text-ink-3">In insights</h3>
                        <dl>
                            <Line keys={['←', '→']} label="Another kind, on its tabs" />
                            <Line keys={[`${commandKey}⏎`]} label="Run SQL" />
                        </dl>
                    </section>
                </div>
            </div>
        </Dialog>
    )
}
