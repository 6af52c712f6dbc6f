import { describe, expect, it } from 'vitest'
import type { IngestionHealth } from '@/api/types'
import { judge } from './judgement'

const fine: IngestionHealth = {
    accepted: { total: 100_000, per_second: 10, last_at: null },
    durable: { total: 100_000, per_second: 10, last_at: null },
    ingested: { total: 100_000, per_second: 10, last_at: null },
    queryable: { total: 100_000, last_at: null, lag_seconds: 0.2 },
    refused: [],
    dropped: [],
    warnings: [],
    disk: { queue_bytes: 1, events_bytes: 10_000_000, free_bytes: 50_000_000_000 },
    geoip: { enabled: true },
}

describe('ingestion health', () => {
    it('lets the worst news win', () => {
        expect(judge(fine).tone).toBe('good')
        expect(judge({ ...fine, refused: [{ reason: 'bad token', count: 1, last_at: null }] })).toEqual({ tone: 'warn', text: 'Ingesting. 1 event was refused; the reasons are below.' })
        expect(judge({ ...fine, queryable: { ...fine.queryable, lag_seconds: 90 } }).tone).toBe('bad')
        expect(judge({ ...fine, disk: { ...fine.disk, free_bytes: 1000 } }).text).toContain('Only 1.0 kB of disk is left')
        expect(judge({ ...fine, trouble: ['the log could not be synced'], queryable: { ...fine.queryable, lag_seconds: 90 } }).text).toBe('Ingestion needs help: the log could not be synced')
        expect(judge({ ...fine, accepted: { total: 0, last_at: null }, queryable: { total: 0, last_at: null, lag_seconds: 0 } }, true).text).toBe('Ready; nothing has been sent since the server started.')
        expect(judge({ ...fine, accepted: { total: 0, last_at: null }, queryable: { total: 0, last_at: null, lag_seconds: 0 } }).tone).toBe('idle')
    })
})
