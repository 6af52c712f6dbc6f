// The live stream, opened as the web app opens it, while a real client sends.

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { PostHog } from 'posthog-node'
import { api, eventually, token, unique, url } from '../hoglet.mjs'

/** Frames of a stream as they come; the stream is closed when the loop over them ends. */
async function* frames(response) {
    const decoder = new TextDecoder()
    let pending = ''
    for await (const chunk of response.body) {
        pending += decoder.decode(chunk, { stream: true })
        const lines = pending.split('\n')
        pending = lines.pop()
        for (const line of lines) {
            if (line.startsWith('data: ')) yield JSON.parse(line.slice('data: '.length))
        }
    }
}

function open(path, liveToken) {
    return fetch(url + path, { headers: { authorization: `Bearer ${liveToken}` } })
}

describe('live stream', () => {
    test('an event appears while it is watched, filtered as asked', async () => {
        const { live_events_token: liveToken } = await api('/api/projects/@current')
        const user = unique('user')
        const stream = await open(`/livestream/events?distinctId=${user}&eventType=watched&columns=plan`, liveToken)
        assert.equal(stream.status, 200)
        assert.equal(stream.headers.get('content-type'), 'text/event-stream')
        const client = new PostHog(token, { host: url, flushAt: 1 })
        client.capture({ distinctId: user, event: 'unwatched' })
        client.capture({ distinctId: user, event: 'watched', properties: { plan: 'pro', secret: 'x' } })
        await client.shutdown()
        for await (const frame of frames(stream)) {
            assert.equal(frame.event, 'watched')
            assert.equal(frame.distinct_id, user)
            assert.deepEqual(frame.properties, { plan: 'pro' })
            assert.match(frame.person_id, /^[0-9a-f-]{36}$/)
            break
        }
        const stats = await eventually('stats', async () => (await open('/livestream/stats', liveToken)).json(), (stats) => stats.users_on_product > 0)
        assert.ok(stats.events_per_second.some((count) => count > 0))
    })

    test('a token of nobody is refused', async () => {
        assert.equal((await open('/livestream/events', 'nonsense')).status, 401)
        assert.equal((await open('/livestream/stats', token)).status, 401)
    })
})
