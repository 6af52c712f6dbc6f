// posthog-node: a server's client.

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { PostHog } from 'posthog-node'
import { api, arrived, eventsOf, eventually, groupOf, onePerson, personOf, token, unique, url } from '../hoglet.mjs'

/** Runs with a client of its own; what it captured has been sent when this resolves. */
async function withClient(run, options = {}) {
    const client = new PostHog(token, { host: url, flushInterval: 50, ...options })
    const errors = []
    client.on('error', (error) => errors.push(String(error)))
    try {
        return await run(client)
    } finally {
        await client.shutdown()
        assert.deepEqual(errors, [], 'the client reported errors')
    }
}

function only(events, name) {
    const found = events.filter(({ event }) => event === name)
    assert.equal(found.length, 1)
    return found[0]
}

describe('posthog-node', () => {
    test('an event arrives with its properties, id and time', async () => {
        const user = unique('user')
        const uuid = crypto.randomUUID()
        const timestamp = new Date(Date.now() - 60_000)
        await withClient((client) =>
            client.capture({ distinctId: user, event: 'invoice paid', uuid, timestamp, properties: { total: 99.5, currency: 'EUR', lines: [{ sku: 'a' }] } })
        )
        const event = only(await arrived(user, 'invoice paid'), 'invoice paid')
        assert.equal(event.uuid, uuid)
        assert.equal(event.properties.total, 99.5)
        assert.deepEqual(event.properties.lines, [{ sku: 'a' }])
        assert.equal(event.properties.$lib, 'posthog-node')
        const skew_ms = Math.abs(new Date(event.timestamp) - timestamp)
        assert.ok(skew_ms < 1_000, `${event.timestamp} is not ${timestamp.toISOString()}`)
    })

    test('every event of many batches arrives once', async () => {
        const user = unique('user')
        await withClient((client) => {
            for (let number = 0; number < 500; number += 1) client.capture({ distinctId: user, event: 'tick', properties: { number } })
        })
        await arrived(user, 'tick')
        const events = await eventually('500 events', () => eventsOf(user), (events) => events.length >= 500)
        const numbers = events.map(({ properties }) => properties.number).sort((a, b) => a - b)
        assert.deepEqual(numbers, Array.from({ length: 500 }, (_, number) => number))
    })

    test('identify and alias make one person with the latest properties', async () => {
        const [user, alias] = [unique('user'), unique('alias')]
        await withClient(async (client) => {
            client.identify({ distinctId: user, properties: { $set: { email: 'a@example.com', plan: 'free' }, $set_once: { source: 'ad' } } })
            client.identify({ distinctId: user, properties: { $set: { plan: 'pro' }, $set_once: { source: 'other' } } })
            client.alias({ distinctId: user, alias })
            client.capture({ distinctId: alias, event: 'as alias' })
        })
        const event = only(await arrived(alias, 'as alias'), 'as alias')
        const person = await onePerson(user, alias)
        assert.equal(event.person_id, person.uuid)
        assert.equal(person.properties.email, 'a@example.com')
        assert.equal(person.properties.plan, 'pro')
        assert.equal(person.properties.source, 'ad')
        const { results } = await api(`/api/projects/@current/persons?distinct_id=${alias}`)
        assert.equal(results.length, 1)
        assert.equal(results[0].uuid, person.uuid)
        assert.deepEqual([...results[0].distinct_ids].sort(), person.distinctIds)
        assert.deepEqual(results[0].properties, person.properties)
    })

    test('groups are made and events belong to them', async () => {
        const [user, company] = [unique('user'), unique('company')]
        await withClient((client) => {
            client.groupIdentify({ groupType: 'company', groupKey: company, properties: { name: 'Acme' } })
            client.capture({ distinctId: user, event: 'grouped', groups: { company } })
        })
        const event = only(await arrived(user, 'grouped'), 'grouped')
        const group = await groupOf(company)
        assert.equal(group.properties.name, 'Acme')
        assert.equal(event.properties[`$group_${group.index}`], company)
    })

    test('an event without person processing leaves no profile', async () => {
        const visitor = unique('visitor')
        await withClient((client) => client.capture({ distinctId: visitor, event: 'seen', properties: { $process_person_profile: false } }))
        await arrived(visitor, 'seen')
        assert.equal(await personOf(visitor), null)
    })

    test('an exception arrives as an event', async () => {
        const user = unique('user')
        await withClient((client) => client.captureException(new TypeError('no such thing'), user, { area: 'checkout' }))
        const { properties } = only(await arrived(user, '$exception'), '$exception')
        assert.equal(properties.area, 'checkout')
        assert.equal(properties.$exception_list[0].value, 'no such thing')
    })

    test('an AI event arrives from its own endpoint', async () => {
        const user = unique('user')
        await withClient((client) => client.captureAi({ distinctId: user, event: '$ai_generation', properties: { $ai_model: 'm', $ai_input_tokens: 12 } }))
        const { properties } = only(await arrived(user, '$ai_generation'), '$ai_generation')
        assert.equal(properties.$ai_input_tokens, 12)
    })

    test('plain bodies are accepted as well as compressed ones', async () => {
        const user = unique('user')
        await withClient((client) => client.capture({ distinctId: user, event: 'plain' }), { disableCompression: true })
        only(await arrived(user, 'plain'), 'plain')
    })

    test('a wrong token is refused and the client says so', async () => {
        const client = new PostHog('phc_nobody', { host: url })
        const errors = []
        client.on('error', (error) => errors.push(error))
        await client.getAllFlags(unique('user')).catch((error) => errors.push(error))
        await client.shutdown()
        assert.notEqual(errors.length, 0)
    })
})
