import type { IngestionHealth } from '@/api/types'
import { count, formatBytes } from '@/lib/numbers'
import { formatSeconds } from '@/lib/time'

export type Verdict = { tone: 'good' | 'warn' | 'bad' | 'idle'; text: string }

/** The one sentence that says how ingestion is doing; the worst thing wins. */
export function judge(health: IngestionHealth, hasEvents = false): Verdict {
    const { disk, queryable, accepted } = health
    const [trouble] = health.trouble ?? []
    if (trouble) return { tone: 'bad', text: `Ingestion needs help: ${trouble}` }
    if (disk.free_bytes < 500_000_000) return { tone: 'bad', text: `Only ${formatBytes(disk.free_bytes)} of disk is left. Free some space, or new events will be refused with 503.` }
    if (queryable.lag_seconds > 60) return { tone: 'bad', text: `Queries are ${formatSeconds(queryable.lag_seconds)} behind. Nothing is lost: events wait in the queue.` }
    if (queryable.lag_seconds > 10) return { tone: 'warn', text: `Queries are ${formatSeconds(queryable.lag_seconds)} behind and catching up.` }
    if (accepted.total === 0 && queryable.total === 0) return { tone: hasEvents ? 'good' : 'idle', text: hasEvents ? 'Ready; nothing has been sent since the server started.' : 'Ready; no event has been sent yet.' }
    const refused = health.refused.reduce((sum, reason) => sum + reason.count, 0)
    if (refused > 0) return { tone: 'warn', text: `Ingesting. ${count(refused, 'event was refused', 'events were refused')}; the reasons are below.` }
    return { tone: 'good', text: 'Everything accepted is queryable.' }
}
