// Questions about events: asked, read, saved, opened again, and followed down to persons.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { administrator, eventOf, HOUR, logIn, openBrowser, send, settled, startHoglet } from './harness.mjs'

let hoglet, browser, page

const event = (name, person, hours, properties) => eventOf(name, person, hours * HOUR, properties)

before(async () => {
    hoglet = await startHoglet(administrator)
    browser = await openBrowser(hoglet.url)
    page = browser.page
    await logIn(page)
    await send(hoglet.url, administrator.HOGLET_PROJECT_TOKEN, [
        event('paid', 'ann', 1, { plan: 'pro', amount: 10 }),
        event('paid', 'ann', 2, { plan: 'pro', amount: 30 }),
        event('paid', 'bob', 3, { plan: 'team', amount: 20 }),
        event('seen', 'ann', 1),
        event('seen', 'bob', 1),
        event('seen', 'cid', 1),
    ])
    await settled(page)
})
after(async () => {
    await browser?.close()
    await hoglet?.stop()
})

const figure = () => page.getByRole('region', { name: 'Answer' }).getByRole('button').first()

async function choose(button, search, option) {
    await button.click()
    await page.getByRole('combobox', { name: /^Search/ }).fill(search)
    await page.getByRole('option', { name: option }).first().click()
}

test('a new insight counts the chosen event', async () => {
    await page.getByRole('link', { name: 'Insights' }).first().click()
    await page.getByRole('link', { name: /New insight/ }).click()
    await choose(page.getByRole('button', { name: /^Event of series A/ }), 'paid', /^paid/)
    await page.getByRole('region', { name: 'Answer' }).getByText('3', { exact: true }).first().waitFor()
    assert.equal(await figure().innerText(), '3')
})

test('counting persons instead gives persons over the whole range', async () => {
    await page.getByRole('combobox', { name: 'How series A counts' }).click()
    await page.getByRole('option', { name: 'Unique persons' }).click()
    await page.getByRole('region', { name: 'Answer' }).getByRole('button', { name: '2', exact: true }).first().waitFor()
})

test('a filter is chosen from values that were really sent', async () => {
    await page.getByRole('combobox', { name: 'How series A counts' }).click()
    await page.getByRole('option', { name: 'Total count' }).click()
    await page.getByRole('region', { name: 'Filters' }).getByRole('button', { name: 'Filter' }).click()
    await page.getByRole('combobox', { name: 'Search properties' }).fill('plan')
    await page.getByRole('option', { name: /^plan/ }).first().click()
    await page.getByRole('option', { name: 'team' }).click()
    await page.getByRole('button', { name: 'Add filter' }).click()
    await page.getByRole('region', { name: 'Answer' }).getByRole('button', { name: '1', exact: true }).first().waitFor()
    await page.getByRole('button', { name: 'Remove filter: plan is team' }).click()
})

test('a breakdown makes one line per value, and going back undoes it', async () => {
    await choose(page.getByRole('region', { name: 'Break down by' }).getByRole('button', { name: 'Property' }), 'plan', /^plan/)
    await page.getByRole('rowheader', { name: 'pro' }).waitFor()
    await page.getByRole('rowheader', { name: 'team' }).waitFor()
    await page.goBack()
    await page.getByRole('rowheader', { name: 'paid' }).waitFor()
    await page.goForward()
    await page.getByRole('rowheader', { name: 'pro' }).waitFor()
})

test('the address alone gives the same view', async () => {
    await page.reload()
    await page.getByRole('rowheader', { name: 'pro' }).waitFor()
    await page.getByRole('button', { name: 'Stop breaking down by plan' }).waitFor()
})

test('a number opens onto the persons behind it', async () => {
    await page.getByRole('row', { name: /pro/ }).getByRole('button', { name: '2', exact: true }).first().click()
    const dialog = page.getByRole('dialog', { name: 'pro' })
    await dialog.getByRole('link', { name: 'ann@example.test' }).waitFor()
    assert.equal(await dialog.getByRole('link').count(), 1)
    await page.keyboard.press('Escape')
})

test('an insight is saved, found in the list, renamed and changed', async () => {
    await page.getByRole('button', { name: 'Save', exact: true }).click()
    await page.getByRole('textbox', { name: 'Name' }).fill('Payments by plan')
    await page.getByRole('button', { name: 'Save insight' }).click()
    await page.waitForURL(/\/insights\/[A-Za-z0-9]{8}$/)
    await page.getByRole('link', { name: 'Insights' }).first().click()
    await page.getByRole('row', { name: /Payments by plan/ }).click()
    await page.getByRole('rowheader', { name: 'pro' }).waitFor()
    await page.getByRole('radio', { name: 'Table' }).click()
    await page.getByText('changed, not saved').waitFor()
    await page.getByRole('button', { name: 'Save', exact: true }).click()
    await page.getByRole('status').getByText('Saved.', { exact: true }).waitFor()
    await page.reload()
    await page.getByRole('radio', { name: 'Table', checked: true }).waitFor()
})

test('a deleted insight can be brought back', async () => {
    await page.getByRole('button', { name: 'More actions' }).click()
    await page.getByRole('menuitem', { name: 'Delete insight' }).click()
    await page.getByText('“Payments by plan” is deleted.').waitFor()
    assert.equal(await page.getByRole('row', { name: /Payments by plan/ }).count(), 0)
    await page.getByRole('button', { name: 'Undo' }).click()
    await page.getByRole('row', { name: /Payments by plan/ }).waitFor()
})

test('formulas join series', async () => {
    const series = [
        { event: 'paid', math: 'total', filters: [] },
        { event: 'seen', math: 'total', filters: [] },
    ]
    await page.goto(`${page.url().replace(/\/insights.*/, '/insights/new')}?series=${encodeURIComponent(JSON.stringify(series))}&formulas=${encodeURIComponent(JSON.stringify([{ formula: 'A / B * 100', name: 'Share' }]))}&display=BoldNumber`)
    await page.getByRole('region', { name: 'Answer' }).getByText('100', { exact: true }).waitFor()
})

test('dragging over the chart narrows the dates', async () => {
    await page.goto(page.url().replace(/\/insights.*/, '/insights/new?from=-30d'))
    const plot = page.locator('.u-over')
    await plot.waitFor()
    const box = await plot.boundingBox()
    await page.mouse.move(box.x + box.width * 0.3, box.y + 60)
    await page.mouse.down()
    await page.mouse.move(box.x + box.width * 0.6, box.y + 60, { steps: 5 })
    await page.mouse.up()
    await page.waitForURL(/from=%?2?2?\d{4}-\d{2}-\d{2}/)
    await page.getByRole('button', { name: /^Date range: \d/ }).waitFor()
})

test('dates can be said in words', async () => {
    await page.getByRole('button', { name: /ate range:/ }).click()
    await page.getByLabel('In words').fill('last 3 weeks')
    await page.keyboard.press('Enter')
    await page.getByRole('button', { name: 'Date range: Last 3 weeks' }).waitFor()
})

test('nothing was thrown and nothing left the server', () => assert.deepEqual(browser.problems, []))
