// Funnels: built step by step, read, followed down to persons, saved and opened again.
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
        event('seen', 'ann', 10, { plan: 'pro' }),
        event('helped', 'ann', 9.5),
        event('signed', 'ann', 9, { plan: 'pro' }),
        event('paid', 'ann', 7),
        event('seen', 'bob', 10, { plan: 'team' }),
        event('signed', 'bob', 8, { plan: 'team' }),
        event('seen', 'cid', 10, { plan: 'team' }),
        event('lost', 'cid', 9),
        event('gone', 'cid', 8.5),
        event('signed', 'dan', 5),
    ])
    await settled(page)
})
after(async () => {
    await browser?.close()
    await hoglet?.stop()
})

const answer = () => page.getByRole('region', { name: 'Answer', exact: true })
const bar = (name) => answer().getByRole('button', { name })

async function choose(button, option) {
    await button.click()
    await page.getByRole('combobox', { name: /^Search/ }).fill(option)
    await page.getByRole('option', { name: new RegExp(`^${option}`) }).first().click()
}

async function persons(title, expected) {
    const dialog = page.getByRole('dialog', { name: title })
    await dialog.getByRole('list').getByRole('link').first().waitFor()
    assert.deepEqual((await dialog.getByRole('list').getByRole('link').allInnerTexts()).map((text) => text.split('@')[0]).sort(), expected)
    await page.keyboard.press('Escape')
}

test('a funnel says that it needs a second step', async () => {
    await page.getByRole('link', { name: 'Insights' }).first().click()
    await page.getByRole('link', { name: /New insight/ }).click()
    await page.getByRole('tab', { name: 'Funnel' }).click()
    await page.getByText('A funnel needs at least two steps').waitFor()
    assert.equal(await page.getByRole('button', { name: 'Save', exact: true }).isDisabled(), true)
})

test('two steps give counts, shares and times', async () => {
    await choose(page.getByRole('button', { name: /^Event of step 1/ }), 'seen')
    await page.getByRole('button', { name: 'Step', exact: true }).click()
    await choose(page.getByRole('button', { name: /^Event of step 2/ }), 'signed')
    await bar(/^step 1, seen: 3 persons/).waitFor()
    await bar(/^step 2, signed: 2 persons, 66.7% of the first step/).waitFor()
    await answer().getByText('median 1 h 30 min').waitFor()
    await page.getByRole('row', { name: /2\. signed 2 66.7% 66.7% 1/ }).waitFor()
    await answer().getByText(/events read in/).waitFor()
})

test('a bar opens onto those who got there, its hatched part onto those who did not', async () => {
    await bar(/^step 2, signed/).click()
    await persons('Got to signed', ['ann', 'bob'])
    await bar(/^dropped before step 2/).click()
    await persons('Dropped off before signed', ['cid'])
})

test('from a drop, paths show where people went from the step before', async () => {
    await bar(/^dropped before step 2/).click()
    await page.getByRole('dialog').getByRole('link', { name: 'Where people went from the step before' }).click()
    await page.getByRole('tab', { name: 'Paths', selected: true }).waitFor()
    await page.getByText('Only what comes after step 1 of a funnel').waitFor()
    await page.getByRole('row', { name: /1 seen lost 1/ }).waitFor()
    await page.goBack()
    await bar(/^step 2, signed: 2 persons/).waitFor()
})

test('bars work by keyboard', async () => {
    await bar(/^step 1, seen/).focus()
    await page.keyboard.press('Enter')
    await persons('Got to seen', ['ann', 'bob', 'cid'])
})

test('the address alone gives the same view', async () => {
    await page.reload()
    await bar(/^step 2, signed: 2 persons/).waitFor()
})

test('a breakdown makes a funnel for each value', async () => {
    await choose(page.getByRole('region', { name: 'Break down by' }).getByRole('button', { name: 'Property' }), 'plan')
    await page.getByRole('row', { name: /pro: 2\. signed 1 100%/ }).waitFor()
    await page.getByRole('row', { name: /team: 2\. signed 1 50.0%/ }).waitFor()
    await bar(/^team, dropped before step 2/).click()
    await persons('Dropped off before signed', ['cid'])
    await page.getByRole('button', { name: 'Stop breaking down by plan' }).click()
    await bar(/^step 1, seen: 3 persons/).waitFor()
})

test('an exclusion takes out who did it; one that cannot be says why beside it', async () => {
    await choose(page.getByRole('button', { name: /^Add an exclusion/ }), 'signed')
    await page.getByRole('region', { name: 'Leave out who also did' }).getByRole('alert').getByText('Step 2 is this very event').waitFor()
    await choose(page.getByRole('button', { name: /^Event of exclusion 1/ }), 'helped')
    await bar(/^step 1, seen: 2 persons/).waitFor()
    await bar(/^step 2, signed: 1 person/).waitFor()
    await page.getByRole('button', { name: 'Remove exclusion 1' }).click()
    await bar(/^step 1, seen: 3 persons/).waitFor()
})

test('a short window lets fewer convert', async () => {
    await page.getByRole('combobox', { name: 'Unit of the conversion window' }).click()
    await page.getByRole('option', { name: 'hours' }).click()
    await page.getByRole('textbox', { name: 'Conversion window' }).fill('1')
    await bar(/^step 2, signed: 1 person/).waitFor()
    await page.getByRole('textbox', { name: 'Conversion window' }).fill('14')
    await bar(/^step 2, signed: 2 persons/).waitFor()
})

test('a step that may be skipped holds nobody back', async () => {
    await page.getByRole('button', { name: 'Actions for step 1' }).click()
    await page.getByRole('menuitem', { name: 'Duplicate' }).click()
    await choose(page.getByRole('button', { name: /^Event of step 2/ }), 'helped')
    await bar(/^step 3, signed: 1 person/).waitFor()
    await page.getByRole('checkbox', { name: 'Step 2 may be skipped' }).click()
    await bar(/^step 3, signed: 2 persons/).waitFor()
    await bar(/^without step 2, helped: 2 persons/).waitFor()
    await page.getByRole('button', { name: 'Actions for step 2' }).click()
    await page.getByRole('menuitem', { name: 'Remove' }).click()
    await bar(/^step 2, signed: 2 persons/).waitFor()
})

test('what goes with converting is compared when asked', async () => {
    await page.getByRole('button', { name: 'Compare', exact: true }).click()
    const table = page.getByRole('table', { name: 'What goes with converting' })
    const row = table.getByRole('row', { name: /^lost/ })
    await row.waitFor()
    assert.match(await row.innerText(), /÷/)
    await row.getByRole('button', { name: '1', exact: true }).click()
    await persons('Dropped off, lost', ['cid'])
})

test('the time to convert is a histogram', async () => {
    await page.getByRole('radio', { name: 'Time to convert' }).click()
    await answer().getByText('Median time to convert').waitFor()
    await page.getByRole('img', { name: /Histogram of the time to convert of 2 persons/ }).waitFor()
})

test('conversion over time has a line, and its numbers open onto persons', async () => {
    await page.getByRole('radio', { name: 'Conversion over time' }).click()
    await page.getByRole('img', { name: /conversion by the day of entry/ }).waitFor()
    await page.getByRole('region', { name: 'The same as a table' }).getByRole('button', { name: '66.7%' }).or(page.getByRole('region', { name: 'The same as a table' }).getByRole('button', { name: '100%' })).first().click()
    await persons('Converted', ['ann', 'bob'])
})

test('a funnel is saved, found in the list and opened again', async () => {
    await page.getByRole('radio', { name: 'Steps' }).click()
    await bar(/^step 2, signed: 2 persons/).waitFor()
    assert.deepEqual(await accessibilityProblems(page), [])
    await page.getByRole('button', { name: 'Save', exact: true }).click()
    assert.equal(await page.getByRole('textbox', { name: 'Name' }).inputValue(), 'seen → signed')
    await page.getByRole('button', { name: 'Save insight' }).click()
    await page.waitForURL(/\/insights\/[A-Za-z0-9]{8}$/)
    await page.getByRole('link', { name: 'Insights' }).first().click()
    await page.getByRole('row', { name: /seen → signed/ }).click()
    await page.getByRole('tab', { name: 'Funnel', selected: true }).waitFor()
    await bar(/^step 2, signed: 2 persons/).waitFor()
})

test('nothing was thrown and nothing left the server', () => assert.deepEqual(browser.problems, []))
