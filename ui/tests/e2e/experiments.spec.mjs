// Experiments, as somebody finds out which variant does better and ships it.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { accessibilityProblems, administrator, eventOf, holds, HOUR, logIn, openBrowser, send, settled, startHoglet } from './harness.mjs'

let hoglet, browser, page, base
const token = administrator.HOGLET_PROJECT_TOKEN
const key = 'shorter-checkout'
/** Of 400 in each variant, so many buy. */
const buyers = { control: 80, test: 140 }

before(async () => {
    hoglet = await startHoglet(administrator)
    browser = await openBrowser(hoglet.url)
    page = browser.page
    await logIn(page)
    base = /\/project\/\d+/.exec(page.url())[0]
    await send(hoglet.url, token, [eventOf('purchase', 'somebody', HOUR, { revenue: 5 })])
    await settled(page)
})
after(async () => {
    await browser?.close()
    await hoglet?.stop()
})

const csrf = async () => (await page.context().cookies()).find((cookie) => cookie.name === 'csrftoken')?.value ?? ''
async function call(method, path, data) {
    const response = await page.request.fetch(`/api/projects/@current/${path}`, { method, data, headers: { 'X-CSRFToken': await csrf() } })
    assert.ok(response.ok(), `${method} ${path} answered ${response.status()}: ${await response.text()}`)
    return response.json()
}

/** What an SDK gets for a flag; changes reach it within a second. */
async function answers(distinctId, wanted) {
    const ask = async () => {
        const response = await fetch(`${hoglet.url}/flags/?v=2`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ api_key: token, distinct_id: distinctId }) })
        const flag = (await response.json()).flags[key]
        return flag?.variant ?? flag?.enabled
    }
    const deadline = Date.now() + 10_000
    while ((await ask()) !== wanted) {
        if (Date.now() > deadline) assert.equal(await ask(), wanted)
        await page.waitForTimeout(100)
    }
}

test('with no experiments it says what one is', async () => {
    await page.goto(`${base}/experiments`)
    await page.getByRole('heading', { name: 'No experiments yet' }).waitFor()
    assert.deepEqual(await accessibilityProblems(page), [])
})

test('an experiment is described, with a key made from its name', async () => {
    await page.getByRole('link', { name: 'Make an experiment' }).click()
    await page.getByLabel('Name', { exact: true }).fill('Shorter checkout')
    await holds(page.getByLabel('Flag key'), key)
    await page.getByLabel('Hypothesis').fill('Fewer steps, more sales.')
    await page.getByRole('button', { name: 'Variant', exact: true }).click()
    await holds(page.getByLabel('Share of control'), '33.33')
    await page.getByRole('button', { name: 'Remove test-1' }).click()
    await holds(page.getByLabel('Share of control'), '50')
    assert.deepEqual(await accessibilityProblems(page), [])
    await page.getByRole('button', { name: 'Save as draft' }).click()
    await page.getByText('is saved as a draft').waitFor()
    const { results } = await call('GET', 'experiments/')
    assert.equal(results[0].feature_flag_key, key)
    assert.equal(results[0].start_date, null)
})

test('without a metric it cannot be launched', async () => {
    assert.equal(await page.getByRole('button', { name: 'Launch' }).isDisabled(), true)
})

async function chooseEvent(label, event) {
    await page.getByRole('button', { name: new RegExp(`^${label}`) }).click()
    await page.getByRole('combobox', { name: 'Search events' }).fill(event)
    await page.getByRole('option', { name: event }).first().click()
}

test('metrics are added: a conversion, and an amount beside it', async () => {
    const primary = page.getByRole('region', { name: 'Primary metrics' })
    await primary.getByRole('button', { name: 'Metric', exact: true }).click()
    await page.getByRole('button', { name: 'Save metric' }).click()
    await page.getByText('Choose the events.').waitFor()
    await chooseEvent('Step 1: event', 'purchase')
    await page.getByRole('button', { name: 'Save metric' }).click()
    await page.getByRole('heading', { name: 'Conversion to purchase' }).waitFor()
    await page.getByRole('region', { name: 'Secondary metrics' }).getByRole('button', { name: 'Metric', exact: true }).click()
    await page.getByRole('radio', { name: 'Amount' }).click()
    await chooseEvent('Of: event', 'purchase')
    await page.getByLabel('Name', { exact: true }).last().fill('Purchases')
    await page.getByRole('button', { name: 'Save metric' }).click()
    await page.getByRole('heading', { name: 'Purchases' }).waitFor()
    const { results } = await call('GET', 'experiments/')
    assert.deepEqual([results[0].metrics.length, results[0].metrics_secondary.length], [1, 1])
})

test('the running time is worked out while typing', async () => {
    await page.getByRole('tab', { name: 'Running time' }).click()
    await page.getByLabel('Share that converts today').fill('10')
    await page.getByLabel('Smallest change worth finding').fill('50')
    await page.getByText('1,152').waitFor()
    await page.getByLabel('New participants per day').fill('100')
    await page.getByText('12 days').waitFor()
    assert.deepEqual(await accessibilityProblems(page), [])
})

test('launched, the flag answers with variants', async () => {
    await page.getByRole('button', { name: 'Launch' }).click()
    await page.getByText('The experiment is running.').waitFor()
    const { results } = await call('GET', `feature_flags/?search=${key}`)
    assert.equal(results[0].active, true)
    await page.getByText('Nobody yet.').waitFor()
})

test('exposures and the better variant are found', async () => {
    // The experiment began a moment ago: let it have begun two days ago.
    const { results } = await call('GET', 'experiments/')
    const began = new Date(Date.now() - 48 * HOUR).toISOString()
    await call('PATCH', `experiments/${results[0].id}/`, { start_date: began })
    for (const variant of ['control', 'test']) {
        const events = Array.from({ length: 400 }, (_, index) => {
            const person = `${variant}-${index}`
            const seen = eventOf('$feature_flag_called', person, 24 * HOUR, { $feature_flag: key, $feature_flag_response: variant })
            return index < buyers[variant] ? [seen, eventOf('purchase', person, 12 * HOUR, { revenue: 10 })] : [seen]
        })
        await send(hoglet.url, token, events.flat())
    }
    await settled(page)
    await page.reload()
    const conversion = page.getByRole('region', { name: 'Conversion to purchase' })
    await conversion.getByText('20%', { exact: true }).waitFor()
    await conversion.getByText('35%', { exact: true }).waitFor()
    await conversion.getByText('+75.0%', { exact: true }).waitFor()
    await conversion.getByRole('cell', { name: 'Better' }).waitFor()
    await page.getByText('does better in the primary metric').waitFor()
    const exposures = page.getByRole('region', { name: 'Exposures' })
    await exposures.getByText('400', { exact: true }).nth(1).waitFor()
    assert.deepEqual(await accessibilityProblems(page), [])
})

test('the effect is shown over time', async () => {
    const conversion = page.getByRole('region', { name: 'Conversion to purchase' })
    await conversion.getByRole('button', { name: 'Over time' }).click()
    await page.getByRole('img', { name: 'Effect over time: Conversion to purchase' }).waitFor()
})

test('other statistics judge the same data', async () => {
    await page.getByRole('tab', { name: 'Setup' }).click()
    await page.getByRole('radio', { name: 'Frequentist' }).click()
    await page.getByText('Saved.').waitFor()
    assert.deepEqual(await accessibilityProblems(page), [])
    await page.getByRole('tab', { name: 'Results' }).click()
    const conversion = page.getByRole('region', { name: 'Conversion to purchase' })
    await conversion.getByRole('columnheader', { name: 'p value' }).waitFor()
    await conversion.getByText('0.0004', { exact: true }).waitFor()
})

test('a holdout and a shared metric are made for others to use', async () => {
    await page.goto(`${base}/experiments?tab=holdouts`)
    await page.getByRole('button', { name: 'Holdout', exact: true }).click()
    await page.getByLabel('Name', { exact: true }).fill('Everybody else')
    await page.getByRole('button', { name: 'Save holdout' }).click()
    await page.getByRole('row', { name: /Everybody else 10%/ }).waitFor()
    await page.getByRole('tab', { name: 'Shared metrics' }).click()
    await page.getByRole('button', { name: 'Shared metric', exact: true }).click()
    await chooseEvent('Step 1: event', 'purchase')
    await page.getByRole('button', { name: 'Save metric' }).click()
    await page.getByRole('row', { name: /Conversion to purchase/ }).waitFor()
    assert.deepEqual(await accessibilityProblems(page), [])
})

test('the better variant is shipped to everybody', async () => {
    await page.goto(`${base}/experiments`)
    await page.getByRole('row', { name: /Running Shorter checkout/ }).click()
    await page.getByRole('button', { name: 'End', exact: true }).click()
    await page.getByRole('button', { name: 'End experiment' }).click()
    await page.getByText('The experiment has ended.').waitFor()
    await page.getByRole('button', { name: 'Ship a variant' }).click()
    await page.getByRole('button', { name: 'Ship test' }).click()
    await page.getByText('Everybody gets “test” now.').waitFor()
    for (const person of ['anybody', 'somebody', 'control-1']) await answers(person, 'test')
})

test('the list fits a phone', async () => {
    await page.goto(`${base}/experiments`)
    await page.setViewportSize({ width: 390, height: 844 })
    await page.getByRole('row', { name: /Ended Shorter checkout/ }).waitFor()
    const wider = await page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth)
    assert.equal(wider, false, 'nothing sticks out of a phone')
    await page.setViewportSize({ width: 1280, height: 800 })
})

test('nothing was thrown and nothing left the server', () => {
    assert.deepEqual(browser.problems, [])
})
