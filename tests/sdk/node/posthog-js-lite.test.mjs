// posthog-js-lite: the small client for web apps, also used where there is no DOM.

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { PostHog } from 'posthog-js-lite'
import { allTest, arrived, groupOf, makeFlag, onePerson, token, unique, url, whose } from '../hoglet.mjs'

async function withClient(run) {
    const client = new PostHog(token, { host: url, persistence: 'memory', flushInterval: 50 })
    try {
        return await run(client)
    } finally {
        await client.shutdown()
    }
}

describe('posthog-js-lite', () => {
    test('identify joins what the visitor did before', async () => {
        const user = unique('user')
        const visitor = await withClient((client) => {
            const visitor = client.getDistinctId()
            client.capture('before', { step: 1 })
            client.identify(user, { plan: 'pro' })
            client.capture('after', { step: 2 })
            return visitor
        })
        const after = (await arrived(user, 'after')).find(({ event }) => event === 'after')
        assert.equal(after.properties.step, 2)
        assert.equal(after.properties.$lib, 'js')
        const person = await onePerson(visitor, user)
        assert.equal(person.properties.plan, 'pro')
        const before = (await arrived(visitor, 'before')).find(({ event }) => event === 'before')
        assert.equal(before.person_id, person.uuid)
    })

    test('alias and group are understood', async () => {
        const [user, alias, company] = [unique('user'), unique('alias'), unique('company')]
        await withClient((client) => {
            client.identify(user)
            client.alias(alias)
            client.group('company', company, { name: 'Acme' })
            client.capture('grouped')
        })
        const grouped = (await arrived(user, 'grouped')).find(({ event }) => event === 'grouped')
        assert.deepEqual(grouped.properties.$groups, { company })
        assert.equal((await groupOf(company)).properties.name, 'Acme')
        await onePerson(user, alias)
    })

    test('flags can be reloaded, and depend on the person', async () => {
        const plan = unique('plan')
        const [variants, paid] = [await makeFlag(allTest), await makeFlag(whose('plan', plan))]
        await withClient(async (client) => {
            await client.reloadFeatureFlagsAsync()
            assert.equal(client.getFeatureFlag(variants), 'test')
            assert.deepEqual(client.getFeatureFlagPayload(variants), { colour: 'green', steps: [1, 2] })
            assert.equal(client.isFeatureEnabled(paid), false)
            client.setPersonPropertiesForFlags({ plan })
            await client.reloadFeatureFlagsAsync()
            assert.equal(client.isFeatureEnabled(paid), true)
        })
    })
})
