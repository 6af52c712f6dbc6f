import type { FeatureFlag } from '@/api/flag-types'
import { Dot } from '@/ui/panel'

/** Whether the flag does anything, in one word, with the reason for the odd ones. */
export function StatusText({ flag }: { flag: FeatureFlag }) {
    switch (flag.status) {
        case 'STALE':
            return (
                <span className="inline-flex items-center gap-1.5 text-warn-ink" title="Nobody has asked for it for 30 days, or it is the same for everybody: a candidate to be removed.">
                    <Dot tone="warn" /> Stale
                </span>
            )
        case 'INACTIVE':
            return (
                <span className="inline-flex items-center gap-1.5 text-ink-3">
                    <Dot tone="idle" /> Disabled
                </span>
            )
        case 'DELETED':
            return <span className="text-bad">Deleted</span>
        default:
            return flag.active ? (
                <span className="inline-flex items-center gap-1.5 text-ink-2">
                    <Dot tone="good" /> Active
                </span>
            ) : (
                <span className="inline-flex items-center gap-1.5 text-ink-3">
                    <Dot tone="idle" /> Disabled
                </span>
            )
    }
}
