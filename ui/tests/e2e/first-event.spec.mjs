// A newcomer: opens the page of an empty server, signs up, and watches a first event arrive.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { openBrowser, send, startHoglet } from './harness.mjs'

let hoglet, browser, page, token

before(async () => {
    hoglet = await startHoglet()
    browser = await openBrowser(hoglet.url)
    page = browser.page
})
after(async () => {
    await browser?.close()
    await hoglet?.stop()
})

test('an empty server leads to sign-up, and sign-up to the quick start', async () => {
    await page.goto('/')
    await page.getByRole('heading', { name: 'Set up Hoglet' }).waitFor()
    await page.getByLabel('Your name').fill('Ada')
    await page.getByLabel('Email').fill('ada@example.test')
    await page.getByLabel('Password', { exact: true }).fill('correct horse battery')
    await page.getByLabel('Organization').fill('Acme')
    await page.getByRole('button', { name: 'Create account' }).click()
    await page.getByText('Waiting for your first event…').waitFor()
    assert.match(page.url(), /\/project\/\d+\/onboarding/)
})

test('the snippet holds this host and the key of this project', async () => {
    const snippet = await page.getByLabel('Paste into the <head> of every page').innerText()
    token = /phc_[A-Za-z0-9]+/.exec(snippet)?.[0]
    assert.ok(token, 'the snippet has a key')
    assert.ok(snippet.includes(`api_host: '${hoglet.url}'`), 'the snippet names this server')
    const project = await (await page.request.get('/api/projects/@current/')).json()
    assert.equal(token, project.api_token)
})

test('the first event appears by itself, with its properties and its person', async () => {
    await page.getByText('Connected to the live stream').waitFor()
    await send(hoglet.url, token, [{ event: 'order_paid', distinct_id: 'user_42', properties: { amount: 42.5, plan: 'pro' } }])
    await page.getByRole('heading', { name: 'order_paid' }).waitFor()
    await page.getByText('From send to screen').waitFor()
    await page.getByText('42.5').waitFor()
    await page.getByRole('link', { name: 'user_42' }).click()
    await page.waitForURL(/\/persons\//)
    await page.getByRole('tab', { name: 'Timeline' }).waitFor()
    await page.getByRole('button', { name: /order_paid/ }).first().waitFor()
})

test('a page with the snippet sends its page view through the unmodified SDK', async () => {
    await page.goBack()
    const snippet = await page.getByLabel('Paste into the <head> of every page').innerText()
    const visitor = await browser.context.newPage()
    // posthog-js takes a headless browser for a bot; a visitor's browser is none.
    const tagged = snippet.replace("defaults: '2025-05-24'", "defaults: '2025-05-24', opt_out_useragent_filter: true")
    await visitor.route('**/shop.html', (route) => route.fulfill({ contentType: 'text/html', body: `<!doctype html><head><title>Shop</title>${tagged}<script>posthog.capture('early_bird')</script></head><body>Hello</body>` }))

    await visitor.goto('/shop.html')
    await page.goto(page.url().replace(/\/onboarding.*/, '/activity'))
    for (const name of ['Pageview', 'early_bird']) {
        const row = page.getByRole('row', { name: new RegExp(name) })
        for (let tries = 0; tries < 20 && !(await row.isVisible()); tries += 1) {
            await page.getByRole('button', { name: 'Load the newest events' }).click()
            await row.waitFor({ timeout: 1000 }).catch(() => undefined)
        }
        assert.ok(await row.isVisible(), `${name} arrived`)
    }
    await visitor.close()
})

test('events appear on the live page without a reload', async () => {
    await page.getByRole('link', { name: 'Live' }).first().click()
    await page.getByText('Connected', { exact: true }).waitFor()
    await send(hoglet.url, token, [{ event: 'live_one', distinct_id: 'user_42', properties: {} }])
    await page.getByRole('button', { name: /live_one/ }).waitFor()
    await page.getByRole('button', { name: 'Pause' }).click()
    await send(hoglet.url, token, [{ event: 'live_two', distinct_id: 'user_42', properties: {} }])
    await page.getByText('Paused, 1 event waiting').waitFor()
    assert.equal(await page.getByRole('button', { name: /live_two/ }).count(), 0)
    await page.getByRole('button', { name: 'Resume' }).click()
    await page.getByRole('button', { name: /live_two/ }).waitFor()
})

test('nothing was thrown and nothing left the server', () => assert.deepEqual(browser.problems, []))
