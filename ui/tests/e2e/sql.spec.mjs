// SQL: written with help, run, drawn, saved; mistakes are shown where they are.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { accessibilityProblems, administrator, eventOf, HOUR, logIn, openBrowser, send, settled, startHoglet } from './harness.mjs'

let hoglet, browser, page

const event = (name, person, hours, properties) => eventOf(name, person, hours * HOUR, properties)

before(async () => {
    hoglet = await startHoglet(administrator)
    browser = await openBrowser(hoglet.url)
    page = browser.page
    await logIn(page)
    await send(hoglet.url, administrator.HOGLET_PROJECT_TOKEN, [
        event('paid', 'ann', 1, { plan: 'pro', amount: 10 }),
        event('paid', 'ann', 30, { plan: 'pro', amount: 30 }),
        event('paid', 'bob', 3, { plan: 'team', amount: 20 }),
        event('seen', 'cid', 24 * 20),
    ])
    await settled(page)
})
after(async () => {
    await browser?.close()
    await hoglet?.stop()
})

const text = () => page.getByRole('textbox', { name: 'Query' })
const answer = () => page.getByRole('region', { name: 'Answer' })
const cell = (name) => answer().getByRole('cell', { name, exact: true })

async function write(sql) {
    await text().click()
    await page.keyboard.press('Control+A')
    // Typed at once, as if pasted: brackets are not closed twice.
    await page.keyboard.insertText(sql)
}

test('the editor comes with a query that has an answer', async () => {
    await page.getByRole('link', { name: 'Insights' }).first().click()
    await page.getByRole('link', { name: /New insight/ }).click()
    await page.getByRole('tab', { name: 'SQL' }).click()
    await cell('paid').waitFor()
    assert.equal(await cell('3').count(), 1)
    assert.equal(await cell('seen').count(), 0)
})

test('dates reach the query through its {filters}', async () => {
    await page.getByRole('radio', { name: 'Last 30 days' }).click()
    await cell('seen').waitFor()
})

test('a query runs with Control and Enter', async () => {
    await write("SELECT properties.plan AS plan, sum(toFloat(properties.amount)) AS amount FROM events WHERE event = 'paid' GROUP BY plan ORDER BY plan")
    await page.getByText('Changed since it ran').waitFor()
    await page.keyboard.press('Control+Enter')
    await cell('pro').waitFor()
    assert.equal(await cell('40').count(), 1)
    assert.match(await page.getByText(/read in|Answered in/).innerText(), /\d/)
})

test('the address alone gives the same view', async () => {
    await page.waitForURL(/properties.plan/)
    await page.reload()
    await cell('pro').waitFor()
    assert.match(await text().innerText(), /sum\(toFloat\(properties.amount\)\)/)
})

test('names are completed from the schema and from what was sent', async () => {
    await write('SELECT toStartOfD')
    await page.getByRole('option', { name: /^toStartOfDay/ }).waitFor()
    await page.keyboard.press('Escape')
    await write('SELECT person.')
    await page.keyboard.type('crea')
    await page.getByRole('option', { name: /^created_at/ }).waitFor()
    await page.keyboard.press('Escape')
    await write('SELECT properties.am')
    await page.getByRole('option', { name: /^amount/ }).click()
    await page.waitForFunction(() => document.querySelector('.cm-content')?.textContent?.includes('properties.amount'))
})

test('a mistake is underlined where it is, and said when it is run', async () => {
    await write('SELECT nonsense FROM events')
    await page.locator('.cm-lintRange-error').waitFor()
    assert.equal(await page.locator('.cm-lintRange-error').first().innerText(), 'nonsense')
    await page.keyboard.press('Control+Enter')
    await page.getByRole('alert').getByText(/nonsense/).waitFor()
})

test('ids of persons lead to them', async () => {
    await write("SELECT distinct_id, count() AS n FROM events GROUP BY distinct_id ORDER BY n DESC")
    await page.keyboard.press('Control+Enter')
    await answer().getByRole('link', { name: 'ann' }).click()
    await page.waitForURL(/\/persons\/ann/)
    await page.getByText('ann@example.test').first().waitFor()
    await page.goBack()
    await answer().getByRole('link', { name: 'ann' }).waitFor()
})

test('an answer is drawn, with the same numbers in a table', async () => {
    await write('SELECT toDate(timestamp) AS day, count() AS events FROM events GROUP BY day ORDER BY day')
    await page.getByRole('button', { name: /^Run/ }).click()
    await page.getByRole('radio', { name: 'Line' }).click()
    await page.getByRole('img', { name: /Lines of events by day/ }).waitFor()
    assert.equal(await page.getByRole('region', { name: 'The same as a table' }).getByRole('row').count(), 4)
    assert.deepEqual(await accessibilityProblems(page), [])
})

test('a query is saved with its chart, and opens again', async () => {
    await page.getByRole('button', { name: 'Save', exact: true }).click()
    await page.getByRole('textbox', { name: 'Name' }).fill('Events by day')
    await page.getByRole('button', { name: 'Save insight' }).click()
    await page.waitForURL(/\/insights\/[A-Za-z0-9]{8}$/)
    await page.getByRole('link', { name: 'Insights' }).first().click()
    await page.getByRole('row', { name: /Events by day/ }).click()
    await page.getByRole('tab', { name: 'SQL', selected: true }).waitFor()
    await page.getByRole('img', { name: /Lines of events by day/ }).waitFor()
    assert.match(await text().innerText(), /toDate\(timestamp\)/)
})

test('the schema writes names into the text', async () => {
    await write('SELECT ')
    const schema = page.getByRole('region', { name: 'Schema' })
    await schema.getByRole('button', { name: 'Write timestamp' }).or(schema.getByTitle('Write timestamp')).first().waitFor()
    await schema.getByRole('searchbox').fill('plan')
    await schema.getByRole('button', { name: 'Values of plan' }).click()
    await schema.getByRole('button', { name: 'team', exact: true }).waitFor()
    await schema.getByRole('button', { name: 'plan', exact: false }).filter({ hasText: /^plan/ }).first().click()
    await page.waitForFunction(() => document.querySelector('.cm-content')?.textContent?.includes('SELECT properties.plan'))
})

test('nothing was thrown and nothing left the server', () => assert.deepEqual(browser.problems, []))
