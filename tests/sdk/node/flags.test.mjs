// posthog-node's feature flags, asked of the server and decided in the client.

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { PostHog } from 'posthog-node'
import { allTest, arrived, change, key, make, makeFlag, token, unique, url, whose } from '../hoglet.mjs'

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

/** A client with the definitions in hand; `asked` lists the paths that it requested. */
function withLocalClient(run) {
    const asked = []
    const watched = (address, request) => {
        asked.push(new URL(address).pathname.replace(/\/$/, ''))
        return fetch(address, request)
    }
    const options = { personalApiKey: key, featureFlagsPollingInterval: 60_000, fetch: watched }
    return withClient(async (client) => {
        await client.reloadFeatureFlags()
        await run(client, asked)
    }, options)
}

const payload = { colour: 'green', steps: [1, 2] }

describe('posthog-node, flags', () => {
    test('the server answers variants and payloads, and asking for a flag is captured', async () => {
        const [user, flag] = [unique('user'), await makeFlag(allTest)]
        await withClient(async (client) => {
            assert.equal(await client.getFeatureFlag(flag, user), 'test')
            assert.equal(await client.isFeatureEnabled(flag, user), true)
            assert.deepEqual(await client.getFeatureFlagPayload(flag, user), payload)
            const all = await client.getAllFlagsAndPayloads(user)
            assert.equal(all.featureFlags[flag], 'test')
            assert.deepEqual(all.featureFlagPayloads[flag], payload)
            assert.equal(await client.getFeatureFlag(unique('nothing'), user), undefined)
        })
        const called = (await arrived(user, '$feature_flag_called')).find(({ properties }) => properties.$feature_flag === flag)
        assert.equal(called.properties.$feature_flag_response, 'test')
        assert.equal(typeof called.properties.$feature_flag_id, 'number')
    })

    test('given properties decide, and stored ones without them', async () => {
        const [user, plan] = [unique('user'), unique('plan')]
        const flag = await makeFlag(whose('plan', plan))
        await withClient(async (client) => {
            assert.equal(await client.isFeatureEnabled(flag, user), false)
            assert.equal(await client.isFeatureEnabled(flag, user, { personProperties: { plan } }), true)
            client.identify({ distinctId: user, properties: { plan } })
            await client.flush()
            await arrived(user, '$identify')
            assert.equal(await client.isFeatureEnabled(flag, user), true)
        })
    })

    test('groups have flags of their own', async () => {
        const [user, company] = [unique('user'), unique('company')]
        await withClient(async (client) => {
            client.groupIdentify({ groupType: 'company', groupKey: company, properties: { tier: company } })
            client.capture({ distinctId: user, event: 'grouped', groups: { company } })
            await client.flush()
            const event = (await arrived(user, 'grouped')).find(({ event }) => event === 'grouped')
            const index = [0, 1, 2, 3, 4].find((index) => event.properties[`$group_${index}`] === company)
            const condition = { properties: [{ key: 'tier', value: [company], operator: 'exact', type: 'group', group_type_index: index }], rollout_percentage: 100 }
            const flag = await makeFlag({ aggregation_group_type_index: index, groups: [condition] })
            assert.equal(await client.isFeatureEnabled(flag, user, { groups: { company } }), true)
            assert.equal(await client.isFeatureEnabled(flag, user, { groups: { company: 'other' } }), false)
            assert.equal(await client.isFeatureEnabled(flag, user), false)
        })
    })

    test('a client with definitions decides by itself', async () => {
        const plan = unique('plan')
        const [plain, variant] = [await makeFlag(whose('plan', plan)), await makeFlag(allTest)]
        await withLocalClient(async (client, asked) => {
            const local = { onlyEvaluateLocally: true, personProperties: { plan } }
            const user = unique('user')
            assert.equal(await client.isFeatureEnabled(plain, user, local), true)
            assert.equal(await client.isFeatureEnabled(plain, user, { ...local, personProperties: { plan: 'other' } }), false)
            assert.equal(await client.getFeatureFlag(variant, user, local), 'test')
            assert.deepEqual(await client.getFeatureFlagPayload(variant, user, 'test', local), payload)
            assert.deepEqual([...new Set(asked.filter((path) => path.includes('flags')))], ['/flags/definitions'])
        })
    })

    test('a person is in the same part of a rollout for the server and the client', async () => {
        const flag = await makeFlag({ groups: [{ properties: [], rollout_percentage: 40 }] })
        const users = Array.from({ length: 50 }, () => unique('user'))
        const ask = (client, options) => Promise.all(users.map((user) => client.getFeatureFlag(flag, user, { sendFeatureFlagEvents: false, ...options })))
        const remote = await withClient((client) => ask(client))
        await withLocalClient(async (client) => assert.deepEqual(await ask(client, { onlyEvaluateLocally: true }), remote))
        assert.equal(new Set(remote).size, 2, 'everybody was in the same part')
    })

    test('a change is answered at once and reaches clients when they load again', async () => {
        const made = await make('feature_flags', { key: unique('flag'), filters: allTest, active: true })
        await withLocalClient(async (client) => {
            const user = unique('user')
            assert.equal(await client.getFeatureFlag(made.key, user), 'test')
            await change('feature_flags', made.id, { active: false })
            await client.reloadFeatureFlags()
            assert.equal(await client.isFeatureEnabled(made.key, user), false)
        })
    })

    test('remote configuration is read by its key, also when it is encrypted', async () => {
        const filters = { groups: [{ properties: [], rollout_percentage: 100 }], payloads: { true: JSON.stringify({ limit: 7 }) } }
        const plain = await makeFlag(filters, { is_remote_configuration: true })
        const secret = await makeFlag(filters, { is_remote_configuration: true, has_encrypted_payloads: true })
        await withLocalClient(async (client) => {
            assert.deepEqual(await client.getRemoteConfigPayload(plain), { limit: 7 })
            assert.deepEqual(await client.getRemoteConfigPayload(secret), { limit: 7 })
        })
        await withClient(async (client) => {
            const { featureFlagPayloads } = await client.getAllFlagsAndPayloads(unique('user'))
            assert.doesNotMatch(JSON.stringify(featureFlagPayloads[secret]), /limit/)
        })
    })
})
