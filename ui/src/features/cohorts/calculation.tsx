import type { Cohort } from '@/api/cohort-types'
import { useProject } from '@/api/project'
import { formatAgo, formatDateTime } from '@/lib/time'
import { useNow } from '@/ui/states'

/** How fresh the members are, or why they are not. */
export function CalculationText({ cohort }: { cohort: Cohort }) {
    const project = useProject()
    const now = useNow(15_000)
    if (cohort.is_calculating) return <span className="breathe text-ink-2">counting…</span>
    if (cohort.errors_calculating > 0 && cohort.last_error_message) {
        return (
            <span className="text-bad" title={cohort.last_error_message}>
                failed
            </span>
        )
    }
    if (cohort.is_static) return <span className="text-ink-3">stays as it is</span>
    if (!cohort.last_calculation) return <span className="text-ink-3">not yet</span>
    return (
        <time className="text-ink-3" dateTime={cohort.last_calculation} title={formatDateTime(cohort.last_calculation, project.timezone)}>
            {formatAgo(cohort.last_calculation, now)}
        </time>
    )
}
