// posthog-js in a real browser, on pages of another origin, against the real server. Every test asks the server what arrived.

import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { api, arrived, eventsOf, eventually, groupOf, makeFlag, onePerson, personOf, unique, url } from '../hoglet.mjs'
import { all, origin, start, stop, visit } from './visit.mjs'

before(start)
after(stop)

/** Autocapture starts only after the remote config has been applied. */
function autocaptures(page) {
    return page.waitForFunction(() => posthog.autocapture?.isEnabled)
}

function named(events, name) {
    const found = events.filter(({ event }) => event === name)
    assert.equal(found.length, 1, `${found.length} events ${name} among ${events.map(({ event }) => event)}`)
    return found[0]
}

for (const form of all) {
    // Most of a test is waiting for the SDK to send, so several run at once; each has a browser profile of its own.
    describe(form.name, { concurrency: 4 }, () => {
        test('a page view arrives once, with where it was and what sent it', () =>
            visit(
                form,
                async ({ visitor }) => {
                    const view = named(await arrived(visitor, '$pageview'), '$pageview')
                    assert.equal(view.properties.$lib, 'web')
                    assert.equal(view.properties.$lib_version, form.version)
                    assert.equal(view.properties.$current_url, `${origin()}${form.path}?utm_source=letter`)
                    assert.equal(view.properties.utm_source, 'letter')
                    assert.equal(view.properties.$pathname, form.path)
                    assert.equal(view.properties.$browser, 'Chrome')
                    assert.ok(view.properties.$session_id)
                },
                '?utm_source=letter'
            ))

        test('a click is captured with its element', () =>
            visit(form, async ({ page, visitor }) => {
                await autocaptures(page)
                await page.click('#buy')
                const click = named(await arrived(visitor, '$autocapture'), '$autocapture')
                assert.equal(click.properties.$event_type, 'click')
                assert.match(click.elements_chain, /^button\.primary:/)
                assert.match(click.elements_chain, /text="Buy now"/)
                assert.match(click.elements_chain, /attr__data-attr="buy-button"/)
            }))

        test('an own event keeps its properties and types', () =>
            visit(form, async ({ page, visitor }) => {
                await page.evaluate(() => posthog.capture('order placed', { total: 12.5, items: ['a', 'b'], gift: false, note: 'ü "quoted" 😀' }))
                const { properties } = named(await arrived(visitor, 'order placed'), 'order placed')
                assert.equal(properties.total, 12.5)
                assert.deepEqual(properties.items, ['a', 'b'])
                assert.equal(properties.gift, false)
                assert.equal(properties.note, 'ü "quoted" 😀')
            }))

        test('identify makes the visitor and the user one person, also for what happened before', () =>
            visit(form, async ({ page, visitor }) => {
                const user = unique('user')
                await page.evaluate((user) => {
                    posthog.capture('before')
                    posthog.identify(user, { plan: 'pro' }, { first_seen_by: 'test' })
                    posthog.capture('after')
                }, user)
                await arrived(user, '$identify', 'after')
                const person = await onePerson(visitor, user)
                assert.deepEqual(person.distinctIds, [visitor, user].sort())
                assert.equal(person.properties.plan, 'pro')
                assert.equal(person.properties.first_seen_by, 'test')
                const before = named(await arrived(visitor, 'before'), 'before')
                const later = named(await eventsOf(user), 'after')
                assert.equal(before.person_id, person.uuid)
                assert.equal(later.person_id, person.uuid)
            }))

        test('alias adds a name to the person', () =>
            visit(form, async ({ page }) => {
                const [user, alias] = [unique('user'), unique('alias')]
                await page.evaluate(
                    ([user, alias]) => {
                        posthog.identify(user)
                        posthog.alias(alias)
                    },
                    [user, alias]
                )
                await onePerson(user, alias)
            }))

        test('reset makes the next event somebody else', () =>
            visit(form, async ({ page, visitor }) => {
                const user = unique('user')
                const next = await page.evaluate((user) => {
                    posthog.identify(user)
                    posthog.reset()
                    posthog.capture('after reset')
                    return posthog.get_distinct_id()
                }, user)
                assert.notEqual(next, visitor)
                const event = named(await arrived(next, 'after reset'), 'after reset')
                const person = await onePerson(visitor, user)
                assert.notEqual(event.person_id, person.uuid)
            }))

        test('group makes a group and marks the events that follow', () =>
            visit(form, async ({ page }) => {
                const [user, company] = [unique('user'), unique('acme')]
                await page.evaluate(
                    ([user, company]) => {
                        posthog.identify(user)
                        posthog.group('company', company, { name: 'Acme', seats: 5 })
                        posthog.capture('in a group')
                    },
                    [user, company]
                )
                const event = named(await arrived(user, '$groupidentify', 'in a group'), 'in a group')
                assert.deepEqual(event.properties.$groups, { company })
                const group = await groupOf(company)
                assert.equal(group.properties.name, 'Acme')
                assert.equal(group.properties.seats, 5)
                assert.equal(event.properties[`$group_${group.index}`], company)
            }))

        test('nothing arrives while the visitor has opted out', () =>
            visit(form, async ({ page, visitor }) => {
                await autocaptures(page)
                await page.evaluate(() => {
                    posthog.opt_out_capturing()
                    posthog.capture('hidden')
                })
                await page.click('#buy')
                await page.evaluate(() => {
                    posthog.opt_in_capturing()
                    posthog.capture('visible')
                })
                const events = await arrived(visitor, 'visible')
                const names = events.map(({ event }) => event)
                assert.ok(!names.includes('hidden') && !names.includes('$autocapture'), `arrived: ${names}`)
            }))

        test('what is captured at the last moment arrives by beacon', () =>
            visit(form, async ({ page, visitor }) => {
                await arrived(visitor, '$pageview')
                await page.evaluate(() => posthog.capture('last words'))
                await page.goto(`${origin()}/elsewhere`)
                named(await arrived(visitor, 'last words', '$pageleave'), 'last words')
                const beacons = await page.evaluate(() => JSON.parse(localStorage.getItem('beacons') ?? '[]'))
                assert.ok(beacons.some(({ address, accepted }) => accepted && address.startsWith(url)), JSON.stringify(beacons))
            }))

        test('flags answer and callbacks run', async () => {
            const flag = await makeFlag()
            await visit(form, async ({ page }) => {
                await page.waitForFunction((flag) => new Promise((resolve) => posthog.onFeatureFlags((flags) => resolve(flags.includes(flag)))), flag)
                assert.equal(await page.evaluate((flag) => posthog.isFeatureEnabled(flag), flag), true)
            })
        })

        test('bodies are compressed', () =>
            visit(form, async ({ page, visitor, requests }) => {
                await page.evaluate(() => posthog.capture('long', { text: 'word '.repeat(2000) }))
                const { properties } = named(await arrived(visitor, 'long'), 'long')
                assert.equal(properties.text.length, 10_000)
                // A body that is a Blob is not shown to tests; its address then says how it is packed.
                const zipped = requests.filter(
                    (request) => request.postDataBuffer()?.subarray(0, 2).equals(Buffer.from([0x1f, 0x8b])) || (!request.postDataBuffer() && request.url().includes('compression=gzip-js'))
                )
                assert.notEqual(zipped.length, 0, `no request was compressed: ${requests.map((request) => request.url())}`)
            }))
    })
}

describe('what the SDK loads from its host', () => {
    const [snippet] = all

    test('every request of a visit is answered', async () => {
        await visit(snippet, async ({ page, visitor, requests }) => {
            await arrived(visitor, '$pageview')
            await page.waitForLoadState('networkidle')
            const answers = await Promise.all(requests.map(async (request) => [request.url(), (await request.response())?.status()]))
            assert.ok(answers.some(([asked]) => asked.includes('/static/array.js')))
            assert.ok(answers.some(([asked]) => asked.includes('/flags/')))
            const refused = answers.filter(([, status]) => !(status >= 200 && status < 400))
            assert.deepEqual(refused, [])
        })
    })

    test('a recording starts when the project wants one, and its snapshots are accepted', async () => {
        const change = (settings) => api('/api/projects/@current', { method: 'PATCH', body: JSON.stringify(settings) })
        await change({ session_recording_opt_in: true })
        try {
            await visit(snippet, async ({ page, requests }) => {
                await page.waitForFunction(() => posthog.sessionRecordingStarted())
                await page.click('#buy')
                const sent = () => requests.filter((request) => /\/s\/?(\?|$)/.test(request.url()))
                await eventually('a snapshot', sent, (snapshots) => snapshots.length > 0)
                const [snapshot] = sent()
                assert.equal((await snapshot.response()).status(), 200)
                const loaded = requests.map((request) => new URL(request.url()).pathname)
                assert.ok(loaded.some((path) => /recorder\.js$/.test(path)), `loaded: ${loaded}`)
            })
        } finally {
            await change({ session_recording_opt_in: false })
        }
    })

    test('an anonymous visitor has events and no profile', () =>
        visit(snippet, async ({ visitor }) => {
            await arrived(visitor, '$pageview')
            assert.equal(await personOf(visitor), null)
        }))
})
