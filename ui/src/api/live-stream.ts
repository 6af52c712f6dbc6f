import { path } from './client'
import { SseParser } from '@/lib/sse'
import type { LiveEvent } from './types'

export type StreamState = { kind: 'connecting' } | { kind: 'open' } | { kind: 'waiting'; reason: string; retryInSeconds: number }

export type StreamOptions = {
    token: string
    eventType?: string
    distinctId?: string
    onEvents: (events: LiveEvent[], receivedAt: number) => void
    onState: (state: StreamState) => void
    onUnauthorized?: () => void
}

/** Follows the live stream until the returned function is called; reconnects by itself, ever more slowly. */
export function followLiveEvents(options: StreamOptions): () => void {
    const abort = new AbortController()
    let failures = 0
    let timer: ReturnType<typeof setTimeout> | undefined

    const connect = async (): Promise<void> => {
        options.onState({ kind: 'connecting' })
        try {
            const response = await fetch(path('/livestream/events', { eventType: options.eventType, distinctId: options.distinctId }), {
                headers: { Authorization: `Bearer ${options.token}`, Accept: 'text/event-stream' },
                signal: abort.signal,
            })
            if (response.status === 401) options.onUnauthorized?.()
            if (!response.ok || !response.body) throw new Error(`the stream answered ${response.status}`)
            options.onState({ kind: 'open' })
            failures = 0
            await read(response.body, options.onEvents)
            throw new Error('the stream ended')
        } catch (error) {
            if (abort.signal.aborted) return
            failures += 1
            const retryInSeconds = Math.min(30, 2 ** Math.min(failures, 5) / 2)
            options.onState({ kind: 'waiting', reason: error instanceof Error ? error.message : String(error), retryInSeconds })
            timer = setTimeout(() => void connect(), retryInSeconds * 1000)
        }
    }
    void connect()
    return () => {
        abort.abort()
        clearTimeout(timer)
    }
}

async function read(body: ReadableStream<Uint8Array<ArrayBuffer>>, onEvents: StreamOptions['onEvents']): Promise<void> {
    const reader = body.pipeThrough(new TextDecoderStream()).getReader()
    const parser = new SseParser()
    for (;;) {
        const { done, value } = await reader.read()
        if (done) return
        const receivedAt = Date.now()
        const events = parser.push(value).flatMap((data) => {
            try {
                const parsed = JSON.parse(data) as Partial<LiveEvent>
                return parsed.uuid && parsed.event ? [parsed as LiveEvent] : []
            } catch {
                return []
            }
        })
        if (events.length > 0) onEvents(events, receivedAt)
    }
}
