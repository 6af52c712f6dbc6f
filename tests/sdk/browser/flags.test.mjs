// Feature flags and early access features of posthog-js, in a real browser against the real server.

import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { allTest, arrived, eventually, make, makeFlag, personOf, served, token, unique, url, whose } from '../hoglet.mjs'
import { all, start, stop, visit } from './visit.mjs'

before(start)
after(stop)

const bundled = all.find(({ path }) => path === '/bundled')
const payload = { colour: 'green', steps: [1, 2] }

/** Asks the server again and waits until the page has a value for the flag. */
async function reloaded(page, flag, value) {
    await page.evaluate(() => posthog.reloadFeatureFlags())
    await page.waitForFunction(([flag, value]) => posthog.getFeatureFlag(flag) === value, [flag, value])
}

for (const form of all.filter(({ path }) => path !== '/preloaded')) {
    describe(`flags, ${form.name}`, { concurrency: 4 }, () => {
        test('variants and payloads are answered, and asking for one is captured', async () => {
            const flag = await makeFlag(allTest)
            await visit(form, async ({ page, visitor }) => {
                await page.waitForFunction((flag) => new Promise((resolve) => posthog.onFeatureFlags((flags) => resolve(flags.includes(flag)))), flag)
                assert.equal(await page.evaluate((flag) => posthog.getFeatureFlag(flag), flag), 'test')
                assert.equal(await page.evaluate((flag) => posthog.isFeatureEnabled(flag), flag), true)
                assert.deepEqual(await page.evaluate((flag) => posthog.getFeatureFlagPayload(flag), flag), payload)
                await page.evaluate(() => posthog.capture('with flags'))
                const events = await arrived(visitor, '$feature_flag_called', 'with flags')
                const called = events.filter(({ event, properties }) => event === '$feature_flag_called' && properties.$feature_flag === flag)
                assert.deepEqual(called.map(({ properties }) => properties.$feature_flag_response), ['test'])
                const { properties } = events.find(({ event }) => event === 'with flags')
                assert.equal(properties[`$feature/${flag}`], 'test')
                assert.ok(properties.$active_feature_flags.includes(flag))
            })
        })

        test('identify asks again, for the person with its properties', async () => {
            const [user, plan] = [unique('user'), unique('plan')]
            const flag = await makeFlag(whose('plan', plan))
            await visit(form, async ({ page }) => {
                await page.waitForFunction(() => new Promise((resolve) => posthog.onFeatureFlags(() => resolve(true))))
                assert.equal(await page.evaluate((flag) => posthog.isFeatureEnabled(flag), flag), false)
                await page.evaluate(([user, plan]) => posthog.identify(user, { plan }), [user, plan])
                await page.waitForFunction((flag) => posthog.isFeatureEnabled(flag) === true, flag)
            })
        })
    })
}

describe('flags, what only newer versions can', { concurrency: 4 }, () => {
    test('bootstrapped values hold until the page asks the server', async () => {
        const flag = await makeFlag(allTest)
        await visit(bundled, async ({ page }) => {
            const first = await page.evaluate(
                ([flag, token, api_host]) => {
                    const bootstrap = { featureFlags: { [flag]: 'control' }, featureFlagPayloads: { [flag]: { from: 'page' } } }
                    posthog.init(token, { api_host, bootstrap, persistence: 'memory', opt_out_useragent_filter: true, capture_pageview: false }, 'second')
                    return [posthog.second.getFeatureFlag(flag), posthog.second.getFeatureFlagPayload(flag)]
                },
                [flag, token, url]
            )
            assert.deepEqual(first, ['control', { from: 'page' }])
            await page.evaluate(() => posthog.second.reloadFeatureFlags())
            await page.waitForFunction((flag) => posthog.second.getFeatureFlag(flag) === 'test', flag)
            assert.deepEqual(await page.evaluate((flag) => posthog.second.getFeatureFlagPayload(flag), flag), payload)
        })
    })

    test('overrides win over the server until they are taken back', async () => {
        const flag = await makeFlag(allTest)
        await visit(bundled, async ({ page }) => {
            await reloaded(page, flag, 'test')
            await page.evaluate((flag) => posthog.featureFlags.overrideFeatureFlags({ flags: { [flag]: 'mine' }, payloads: { [flag]: { mine: true } } }), flag)
            await reloaded(page, flag, 'mine')
            assert.deepEqual(await page.evaluate((flag) => posthog.getFeatureFlagPayload(flag), flag), { mine: true })
            await page.evaluate(() => posthog.featureFlags.overrideFeatureFlags(false))
            await reloaded(page, flag, 'test')
        })
    })

    test('a visitor keeps the variant of before they signed in where the flag says so', async () => {
        const half = (key) => ({ key, rollout_percentage: 50 })
        const filters = { ...allTest, payloads: {}, multivariate: { variants: [half('control'), half('test')] } }
        const flag = await makeFlag(filters, { ensure_experience_continuity: true })
        for (let round = 0; round < 4; round += 1) {
            await visit(bundled, async ({ page, visitor }) => {
                const first = (await served(visitor)).flags[flag].variant
                await reloaded(page, flag, first)
                const user = unique('user')
                await page.evaluate((user) => {
                    posthog.identify(user)
                    posthog.capture('signed in')
                }, user)
                await arrived(user, 'signed in')
                await reloaded(page, flag, first)
                const variant = async () => (await served(user)).flags[flag].variant
                await eventually('the variant on another device', variant, (now) => now === first)
            })
        }
    })

    test('joining an early access feature gives its flag, leaving it takes it away', async () => {
        const feature = await make('early_access_feature', { name: unique('Feature'), description: 'New', stage: 'beta', documentation_url: 'https://example.com' })
        const flag = feature.feature_flag.key
        await visit(bundled, async ({ page }) => {
            // Only a known person can join for good: others have no properties.
            const visitor = unique('user')
            await page.evaluate((visitor) => posthog.identify(visitor), visitor)
            const features = () => page.evaluate(() => new Promise((resolve) => posthog.getEarlyAccessFeatures(resolve, true)))
            const listed = (await features()).find(({ flagKey }) => flagKey === flag)
            assert.deepEqual([listed.name, listed.description, listed.stage], [feature.name, 'New', 'beta'])
            await reloaded(page, flag, false)
            for (const joins of [true, false]) {
                const enrolled = ([flag, joins]) => {
                    posthog.updateEarlyAccessFeatureEnrollment(flag, joins, 'beta')
                    return posthog.isFeatureEnabled(flag)
                }
                assert.equal(await page.evaluate(enrolled, [flag, joins]), joins)
                const updates = async () => (await arrived(visitor, '$feature_enrollment_update')).filter(({ properties }) => properties.$feature_enrollment === joins)
                await eventually('the enrolment', updates, (found) => found.length > 0)
                await eventually('the property', () => personOf(visitor), (person) => person?.properties[`$feature_enrollment/${flag}`] === joins)
                await eventually('the flag', () => served(visitor), ({ flags }) => flags[flag].enabled === joins)
                await reloaded(page, flag, joins)
            }
        })
    })
})
