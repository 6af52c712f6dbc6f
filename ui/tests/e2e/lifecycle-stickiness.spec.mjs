// Who is new, stays and leaves; and on how many days people are active.
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
    // ann stays for three days, bob leaves after one, cid comes back after a pause.
    await send(hoglet.url, administrator.HOGLET_PROJECT_TOKEN, [event('used', 'ann', 4), event('used', 'ann', 3), event('used', 'ann', 2), event('used', 'bob', 4), event('used', 'cid', 5), event('used', 'cid', 2)])
    await settled(page)
})
after(async () => {
    await browser?.close()
    await hoglet?.stop()
})

const numbers = () => page.getByRole('region', { name: 'The same as a table' })

async function persons(title, expected) {
    const dialog = page.getByRole('dialog', { name: title })
    await dialog.getByRole('link').first().waitFor()
    assert.deepEqual((await dialog.getByRole('link').allInnerTexts()).map((text) => text.split('@')[0]).sort(), expected)
    await page.keyboard.press('Escape')
}

async function choose(button) {
    await page.getByRole('button', { name: button }).click()
    await page.getByRole('combobox', { name: /^Search/ }).fill('used')
    await page.getByRole('option', { name: /^used/ }).first().click()
}

async function savedAndOpened(row, proof) {
    await page.getByRole('button', { name: 'Save', exact: true }).click()
    await page.getByRole('button', { name: 'Save insight' }).click()
    await page.waitForURL(/\/insights\/[A-Za-z0-9]{8}$/)
    await page.getByRole('link', { name: 'Insights' }).first().click()
    await page.getByRole('row', { name: row }).click()
    await proof().waitFor()
}

test('lifecycle tells new, returning, resurrecting and dormant apart', async () => {
    await page.getByRole('link', { name: 'Insights' }).first().click()
    await page.getByRole('link', { name: /New insight/ }).click()
    await page.getByRole('tab', { name: 'Lifecycle' }).click()
    await choose(/^Event of series A/)
    await numbers().getByRole('row', { name: /^Returning/ }).getByRole('button', { name: '1', exact: true }).first().waitFor()
    const row = async (name) => (await numbers().getByRole('row', { name }).getByRole('cell').allInnerTexts()).map((text) => Number(text.replace('−', '-')))
    // Eight days, today last.
    assert.deepEqual(await row(/^New/), [0, 0, 1, 2, 0, 0, 0, 0])
    assert.deepEqual(await row(/^Returning/), [0, 0, 0, 0, 1, 1, 0, 0])
    assert.deepEqual(await row(/^Resurrecting/), [0, 0, 0, 0, 0, 1, 0, 0])
    assert.deepEqual(await row(/^Dormant/), [0, 0, 0, -1, -1, 0, -2, 0])
})

test('a number of the lifecycle opens onto persons', async () => {
    await numbers().getByRole('row', { name: /^Dormant/ }).getByRole('button', { name: '−2' }).click()
    await persons('Dormant', ['ann', 'cid'])
    await numbers().getByRole('row', { name: /^Resurrecting/ }).getByRole('button', { name: '1', exact: true }).click()
    await persons('Resurrecting', ['cid'])
})

test('statuses can be hidden', async () => {
    await page.getByRole('checkbox', { name: 'Show dormant' }).click()
    await numbers().getByRole('row', { name: /^Dormant/ }).waitFor({ state: 'detached' })
    await page.getByRole('img', { name: /^Stacked bars of new, returning, resurrecting persons/ }).waitFor()
    assert.deepEqual(await accessibilityProblems(page), [])
})

test('a lifecycle is saved and opened again', async () => {
    await savedAndOpened(/Lifecycle of used/, () => page.getByRole('checkbox', { name: 'Show dormant', checked: false }))
})

test('stickiness counts persons by their active days', async () => {
    await page.getByRole('link', { name: 'Insights' }).first().click()
    await page.getByRole('link', { name: /New insight/ }).click()
    await page.getByRole('tab', { name: 'Stickiness' }).click()
    await choose(/^Event of series A/)
    await page.getByRole('button', { name: 'Active on 3 days: 1', exact: true }).waitFor()
    await page.getByRole('button', { name: 'Active on 1 day: 1', exact: true }).waitFor()
    await page.getByRole('region', { name: 'Answer', exact: true }).getByText('days on average, 3 persons').waitFor()
    assert.equal(await page.getByRole('region', { name: 'Answer', exact: true }).getByText('2', { exact: true }).count() > 0, true)
})

test('a bar opens onto persons, by keyboard as well', async () => {
    await page.getByRole('button', { name: 'Active on 3 days: 1', exact: true }).click()
    await persons('used', ['ann'])
    await page.getByRole('button', { name: 'Active on 2 days: 1', exact: true }).focus()
    await page.keyboard.press('Enter')
    await persons('used', ['cid'])
})

test('so many days or more', async () => {
    await page.getByRole('switch', { name: 'On that many days or more' }).click()
    await page.getByRole('button', { name: 'Active on 2 days or more: 2', exact: true }).click()
    await persons('used', ['ann', 'cid'])
})

test('a day can need more than one event', async () => {
    await page.getByRole('combobox', { name: 'How many events' }).click()
    await page.getByRole('option', { name: 'at least' }).click()
    await page.getByText('Nobody was active in this time').waitFor()
    await page.getByRole('textbox', { name: 'Number of events' }).fill('1')
    await page.getByRole('button', { name: 'Active on 1 day or more: 3', exact: true }).waitFor()
    assert.deepEqual(await accessibilityProblems(page), [])
})

test('stickiness is saved and opened again', async () => {
    await savedAndOpened(/Stickiness of used/, () => page.getByRole('button', { name: 'Active on 1 day or more: 3', exact: true }))
})

test('nothing was thrown and nothing left the server', () => assert.deepEqual(browser.problems, []))
