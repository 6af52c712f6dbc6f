// Retention: who comes back, as a grid and as lines.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { accessibilityProblems, administrator, DAY, eventOf, logIn, openBrowser, send, settled, startHoglet } from './harness.mjs'

let hoglet, browser, page

const event = (name, person, days) => eventOf(name, person, days * DAY)

before(async () => {
    hoglet = await startHoglet(administrator)
    browser = await openBrowser(hoglet.url)
    page = browser.page
    await logIn(page)
    // ann and bob start four days ago; ann is back on days 1 and 3, bob on day 3; cid starts two days ago and is back on day 1.
    await send(hoglet.url, administrator.HOGLET_PROJECT_TOKEN, [event('used', 'ann', 4), event('used', 'ann', 3), event('used', 'ann', 1), event('used', 'bob', 4), event('used', 'bob', 1), event('used', 'cid', 2), event('used', 'cid', 1)])
    await settled(page)
})
after(async () => {
    await browser?.close()
    await hoglet?.stop()
})

const grid = () => page.getByRole('region', { name: 'Retention grid' })
const cell = (name) => grid().getByRole('button', { name })

async function persons(title, expected) {
    const dialog = page.getByRole('dialog', { name: title })
    await dialog.getByRole('link').first().waitFor()
    assert.deepEqual((await dialog.getByRole('link').allInnerTexts()).map((text) => text.split('@')[0]).sort(), expected)
    await page.keyboard.press('Escape')
}

test('a grid says who came back', async () => {
    await page.getByRole('link', { name: 'Insights' }).first().click()
    await page.getByRole('link', { name: /New insight/ }).click()
    await page.getByRole('tab', { name: 'Retention' }).click()
    for (const what of ['the start', 'the return']) {
        await page.getByRole('button', { name: `Event of ${what}` }).click()
        await page.getByRole('combobox', { name: /^Search/ }).fill('used')
        await page.getByRole('option', { name: /^used/ }).first().click()
    }
    await cell(/: 1 of 2 persons .* came back on day 1$/).waitFor()
    await cell(/: 2 of 2 persons .* came back on day 3$/).waitFor()
    await cell(/: 1 of 1 persons .* came back on day 1$/).waitFor()
})

test('what is not known yet is not zero', async () => {
    // Eight rows of the last seven days and today: all but the first are cut off where the future begins.
    assert.equal(await grid().getByLabel('not known yet').count(), 28)
})

test('a cell opens onto those who came back then', async () => {
    await cell(/: 1 of 2 persons .* came back on day 1$/).click()
    await persons('Came back on day 1', ['ann'])
    await cell(/: 2 of 2 persons .* came back on day 3$/).click()
    await persons('Came back on day 3', ['ann', 'bob'])
})

test('the size of a row opens onto all who started', async () => {
    await grid().getByRole('row').filter({ hasText: '50.0%' }).getByRole('button', { name: '2', exact: true }).click()
    await persons(/^Started /, ['ann', 'bob'])
})

test('coming back then or later fills the days between', async () => {
    await page.getByRole('switch', { name: 'Counts coming back then or later' }).click()
    await cell(/: 2 of 2 persons .* came back on day 1$/).waitFor()
    await page.getByRole('combobox', { name: 'What a period is' }).click()
    await page.getByRole('option', { name: /24 hours/ }).click()
    await page.getByRole('alert').getByText(/calendar periods/).waitFor()
    await page.getByRole('combobox', { name: 'What a period is' }).click()
    await page.getByRole('option', { name: /calendar/ }).click()
    await page.getByRole('switch', { name: 'Counts coming back then or later' }).click()
    await cell(/: 1 of 2 persons .* came back on day 1$/).waitFor()
})

test('each time counts every day as a start', async () => {
    await page.getByRole('combobox', { name: 'Which start counts' }).click()
    await page.getByRole('option', { name: /^each time/ }).click()
    await cell(/: 0 of 3 persons .* came back on day 1 so far$/).waitFor()
})

test('lines carry the same numbers', async () => {
    await page.getByRole('radio', { name: 'Lines' }).click()
    await page.getByRole('img', { name: /Line chart of the share of persons who came back/ }).waitFor()
    await cell(/: 1 of 2 persons .* came back on day 1$/).waitFor()
    assert.deepEqual(await accessibilityProblems(page), [])
})

test('a retention is saved and opened again', async () => {
    await page.getByRole('button', { name: 'Save', exact: true }).click()
    await page.getByRole('button', { name: 'Save insight' }).click()
    await page.waitForURL(/\/insights\/[A-Za-z0-9]{8}$/)
    await page.getByRole('link', { name: 'Insights' }).first().click()
    await page.getByRole('row', { name: /used, then used by day/ }).click()
    await page.getByRole('radio', { name: 'Lines', checked: true }).waitFor()
    await cell(/: 1 of 2 persons .* came back on day 1$/).waitFor()
})

test('nothing was thrown and nothing left the server', () => assert.deepEqual(browser.problems, []))
