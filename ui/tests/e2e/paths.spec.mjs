// Paths: walked by pressing places.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { accessibilityProblems, administrator, eventOf, logIn, MINUTE, openBrowser, send, settled, startHoglet } from './harness.mjs'

let hoglet, browser, page

const view = (person, path, minutes) => eventOf('$pageview', person, minutes * MINUTE, { $current_url: `https://shop.test${path}` })

before(async () => {
    hoglet = await startHoglet(administrator)
    browser = await openBrowser(hoglet.url)
    page = browser.page
    await logIn(page)
    await send(hoglet.url, administrator.HOGLET_PROJECT_TOKEN, [
        view('ann', '/home', 200), view('ann', '/pricing', 195), view('ann', '/buy', 190),
        view('bob', '/home', 200), view('bob', '/pricing', 190),
        view('cid', '/home', 100), view('cid', '/blog/one', 95),
        view('dan', '/home', 100), view('dan', '/blog/two', 95), view('dan', '/pricing', 91),
    ])
    await settled(page)
})
after(async () => {
    await browser?.close()
    await hoglet?.stop()
})

const drawing = () => page.getByRole('region', { name: 'Paths, step by step' })
const way = (name) => drawing().getByRole('button', { name })

async function persons(title, expected) {
    const dialog = page.getByRole('dialog', { name: title })
    await dialog.getByRole('link').first().waitFor()
    assert.deepEqual((await dialog.getByRole('link').allInnerTexts()).map((text) => text.split('@')[0]).sort(), expected)
    await page.keyboard.press('Escape')
}

test('ways are drawn with how often and how fast they are taken', async () => {
    await page.getByRole('link', { name: 'Insights' }).first().click()
    await page.getByRole('link', { name: /New insight/ }).click()
    await page.getByRole('tab', { name: 'Paths' }).click()
    await way(/^\/home to \/pricing: 2 times, after 7 min 30 s on average/).waitFor()
    await way(/^\/pricing to \/buy: 1 times/).waitFor()
    await page.getByRole('row', { name: /1 \/home \/pricing 2/ }).waitFor()
})

test('a way and a place open onto persons', async () => {
    await way(/^\/home to \/pricing/).click({ force: true })
    await persons('/home → /pricing', ['ann', 'bob'])
    await way(/^\/pricing .*, step 2$/).click()
    await page.getByRole('menuitem', { name: 'Show the persons who came here' }).click()
    await persons('/pricing', ['ann', 'bob'])
    await way(/^\/pricing .*, step 2$/).click()
    await page.getByRole('menuitem', { name: 'Show whose path ends here' }).click()
    await persons('/pricing', ['bob'])
})

test('addresses with a star are one place', async () => {
    await page.getByRole('textbox', { name: 'Addresses that count as one' }).fill('*/blog/*')
    await page.getByRole('button', { name: 'Add', exact: true }).click()
    await page.getByRole('row', { name: /\*\/blog\/\* 2/ }).waitFor()
    await page.getByRole('button', { name: 'Do not group */blog/*' }).click()
    await page.getByRole('row', { name: /\/blog\/one 1/ }).waitFor()
})

test('a place can become the start', async () => {
    await way(/^\/pricing .*, step 2$/).click()
    await page.getByRole('menuitem', { name: 'Paths that start here' }).click()
    await way(/^\/pricing .*, step 1$/).waitFor()
    assert.equal(await drawing().getByRole('button', { name: /^\/home/ }).count(), 0)
    await page.getByRole('button', { name: 'Start point: https://shop.test/pricing' }).waitFor()
    await page.goBack()
    await way(/^\/home .*, step 1$/).waitFor()
})

test('a start is chosen from pages that were seen', async () => {
    await page.getByRole('button', { name: /^Start point/ }).click()
    await page.getByRole('combobox', { name: 'Search pages and events' }).fill('pric')
    await page.getByRole('option', { name: /shop.test\/pricing/ }).first().click()
    await way(/^\/pricing .*, step 1$/).waitFor()
    await page.getByRole('button', { name: 'All paths again' }).click()
    await way(/^\/home .*, step 1$/).waitFor()
})

test('a point that nobody passes says so', async () => {
    await page.goto(`${page.url()}&start=nowhere`)
    await page.getByText('No path starts at nowhere').waitFor()
    await page.goBack()
})

test('paths are saved and opened again', async () => {
    await way(/^\/home .*, step 1$/).waitFor()
    assert.deepEqual(await accessibilityProblems(page), [])
    await page.getByRole('textbox', { name: 'Steps at most' }).fill('2')
    await page.waitForURL(/steps=2/)
    await page.getByRole('button', { name: 'Save', exact: true }).click()
    await page.getByRole('button', { name: 'Save insight' }).click()
    await page.waitForURL(/\/insights\/[A-Za-z0-9]{8}$/)
    await page.getByRole('link', { name: 'Insights' }).first().click()
    await page.getByRole('row', { name: /Paths of page views/ }).click()
    await way(/^\/home .*, step 1$/).waitFor()
    assert.equal(await page.getByRole('textbox', { name: 'Steps at most' }).inputValue(), '2')
})

test('nothing was thrown and nothing left the server', () => assert.deepEqual(browser.problems, []))
