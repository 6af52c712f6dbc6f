// Cohorts: made of what persons did and are, or from a list, and used where persons are asked for.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { accessibilityProblems, administrator, DAY, eventOf, HOUR, logIn, openBrowser, send, settled, startHoglet } from './harness.mjs'

let hoglet, browser, page, base
const token = administrator.HOGLET_PROJECT_TOKEN

before(async () => {
    hoglet = await startHoglet(administrator)
    browser = await openBrowser(hoglet.url)
    page = browser.page
    await logIn(page)
    base = /\/project\/\d+/.exec(page.url())[0]
    const wrote = (person, times) => Array.from({ length: times }, (_, index) => eventOf('note_created', person, (index + 1) * HOUR))
    await send(hoglet.url, token, [...wrote('ann', 4), ...wrote('bob', 1), eventOf('note_created', 'cem', 50 * DAY), eventOf('signed_up', 'dee', 2 * HOUR)])
    await settled(page)
})
after(async () => {
    await browser?.close()
    await hoglet?.stop()
})

const members = () => page.getByRole('table', { name: 'Members' })
const member = (name) => members().getByRole('row', { name: new RegExp(`${name}@example.test`) })

test('an empty list says what a cohort is', async () => {
    await page.goto(`${base}/cohorts`)
    await page.getByRole('heading', { name: 'No cohorts yet' }).waitFor()
    assert.deepEqual(await accessibilityProblems(page), [])
})

test('a cohort of what persons did is made, and counted at once', async () => {
    await page.getByRole('link', { name: 'Make a cohort' }).click()
    await page.getByRole('button', { name: 'Save cohort' }).click()
    await page.getByText('A cohort needs a name.').waitFor()
    await page.getByText('Choose an event.').waitFor()
    await page.getByLabel('Name').fill('Writers')
    await page.getByRole('button', { name: 'Event: Choose an event' }).click()
    await page.getByRole('option', { name: 'note_created' }).click()
    assert.deepEqual(await accessibilityProblems(page), [])
    await page.getByRole('button', { name: 'Save cohort' }).click()
    await page.waitForURL(/cohorts\/\d+/)
    await member('ann').waitFor()
    await member('bob').waitFor()
    assert.equal(await member('cem').count(), 0)
    await page.getByRole('region', { name: 'Members' }).getByText('2', { exact: true }).waitFor()
})

test('changed criteria change who is in it, and an unsaved change survives a reload', async () => {
    await page.getByRole('combobox', { name: 'What they did' }).click()
    await page.getByRole('option', { name: 'Did so many times' }).click()
    await page.reload()
    await page.getByRole('combobox', { name: 'Comparison' }).waitFor()
    await page.getByRole('button', { name: 'Save', exact: true }).click()
    await page.getByText('Saved.').waitFor()
    await member('bob').waitFor({ state: 'detached' })
    await member('ann').waitFor()
})

test('properties and other cohorts are criteria as well', async () => {
    await page.goto(`${base}/cohorts/new`)
    await page.getByLabel('Name').fill('The rest')
    await page.getByRole('button', { name: 'Remove criterion 1 of group 1' }).click()
    await page.getByRole('button', { name: 'Property or cohort' }).click()
    await page.getByRole('combobox', { name: 'Search properties' }).fill('email')
    await page.getByRole('option', { name: 'email' }).first().click()
    await page.getByRole('combobox', { name: 'Operator' }).click()
    await page.getByRole('option', { name: 'is set', exact: true }).click()
    await page.getByRole('button', { name: 'Add filter' }).click()
    await page.getByRole('button', { name: 'Property or cohort' }).click()
    await page.getByRole('tab', { name: 'Cohort' }).click()
    await page.getByRole('option', { name: /Writers/ }).click()
    await page.getByRole('button', { name: 'Edit filter: Cohort Writers' }).click()
    await page.getByRole('radio', { name: 'not in' }).click()
    await page.getByRole('button', { name: 'Edit filter: Cohort not Writers' }).waitFor()
    await page.getByRole('button', { name: 'Save cohort' }).click()
    await page.waitForURL(/cohorts\/\d+/)
    await member('dee').waitFor()
    await member('cem').waitFor()
    assert.equal(await member('ann').count(), 0)
})

test('members are searched, and the address keeps the search', async () => {
    await page.getByRole('searchbox', { name: 'Search the members' }).fill('dee@')
    await member('cem').waitFor({ state: 'detached' })
    await member('dee').waitFor()
    await page.reload()
    await member('dee').waitFor()
    assert.equal(await member('cem').count(), 0)
    await page.getByRole('searchbox', { name: 'Search the members' }).fill('nobody at all')
    await page.getByText('No member matches').waitFor()
})

test('a list is uploaded, and persons are added and removed one by one', async () => {
    await page.goto(`${base}/cohorts/new?kind=static`)
    await page.getByLabel('Name').fill('Invited')
    await page.getByLabel('CSV file').setInputFiles({ name: 'invited.csv', mimeType: 'text/csv', buffer: Buffer.from('distinct_id\nann\nnobody\n') })
    await page.getByRole('button', { name: 'Save cohort' }).click()
    await page.waitForURL(/cohorts\/\d+/)
    await member('ann').waitFor()
    await page.getByRole('button', { name: 'Person', exact: true }).click()
    await page.getByRole('combobox', { name: 'Search persons' }).fill('bob')
    await page.getByRole('option', { name: /bob@example.test/ }).click()
    await member('bob').waitFor()
    await page.getByRole('button', { name: 'Remove ann@example.test' }).click()
    await member('ann').waitFor({ state: 'detached' })
    await page.getByRole('button', { name: 'Undo' }).click()
    await member('ann').waitFor()
    await page.getByLabel('CSV file').setInputFiles({ name: 'more.csv', mimeType: 'text/csv', buffer: Buffer.from('cem\ndee\n') })
    await page.getByRole('button', { name: 'Upload list' }).click()
    await page.getByText('2 persons added.').waitFor()
    await member('cem').waitFor()
    assert.deepEqual(await accessibilityProblems(page), [])
})

test('a flag asks for a cohort', async () => {
    await page.goto(`${base}/feature_flags/new`)
    await page.getByLabel('Key', { exact: true }).fill('for-invited')
    await page.getByRole('button', { name: 'Only if' }).click()
    await page.getByRole('tab', { name: 'Cohort' }).click()
    await page.getByRole('option', { name: /Invited/ }).click()
    await page.getByText('4 of 4 persons match.').waitFor()
    await page.getByRole('button', { name: 'Save flag' }).click()
    await page.waitForURL(/feature_flags\/\d+/)
    await page.goto(`${page.url()}?tab=explain&as=ann`)
    await page.getByRole('region', { name: 'Answer' }).getByText('On', { exact: true }).waitFor()
    await page.getByRole('row', { name: /Cohort Invited member/ }).waitFor()
})

test('events are filtered by a cohort', async () => {
    await page.goto(`${base}/activity?from=all`)
    await page.getByRole('button', { name: 'Filter', exact: true }).first().click()
    await page.getByRole('tab', { name: 'Cohort' }).click()
    await page.getByRole('option', { name: /Writers/ }).click()
    await page.getByRole('button', { name: 'Edit filter: Cohort Writers' }).waitFor()
    await page.getByRole('row', { name: /bob@example.test/ }).waitFor({ state: 'detached' })
    await page.getByRole('row', { name: /ann@example.test/ }).first().waitFor()
})

test('persons are listed by a cohort', async () => {
    await page.goto(`${base}/persons`)
    await page.getByRole('button', { name: 'Filter', exact: true }).click()
    await page.getByRole('tab', { name: 'Cohort' }).click()
    await page.getByRole('option', { name: /Writers/ }).click()
    await page.getByRole('row', { name: /bob@example.test/ }).waitFor({ state: 'detached' })
    await page.getByRole('row', { name: /ann@example.test/ }).waitFor()
})

test('the persons behind a number become a cohort', async () => {
    await page.goto(`${base}/insights/new?series=${encodeURIComponent(JSON.stringify([{ event: 'note_created', math: 'dau', filters: [] }]))}&from=-30d&display=ActionsTable`)
    await page.getByTitle('Show the persons behind this number').first().click()
    await page.getByRole('button', { name: 'Make a cohort' }).click()
    await page.getByLabel('Name').fill('Wrote this month')
    await page.getByRole('button', { name: 'Make cohort' }).click()
    await page.waitForURL(/cohorts\/\d+/)
    await member('ann').waitFor()
    await member('bob').waitFor()
})

test('a dynamic cohort is frozen, and a deleted one comes back by undo', async () => {
    await page.goto(`${base}/cohorts`)
    await page.getByRole('row', { name: /Writers/ }).click()
    await page.getByRole('button', { name: 'More actions' }).click()
    await page.getByRole('menuitem', { name: 'Freeze as a static cohort' }).click()
    await page.getByText(/holds those who are in it now/).waitFor()
    await page.getByRole('heading', { name: 'Writers (static copy)', level: 1 }).waitFor()
    await member('ann').waitFor()
    await page.getByRole('button', { name: 'More actions' }).click()
    await page.getByRole('menuitem', { name: 'Delete cohort' }).click()
    await page.getByText(/is deleted/).waitFor()
    await page.getByRole('button', { name: 'Undo' }).last().click()
    await page.getByRole('row', { name: /Writers \(static copy\)/ }).waitFor()
    assert.deepEqual(await accessibilityProblems(page), [])
})

test('cohorts read well in the dark and on a phone', async () => {
    await page.goto(`${base}/settings/account`)
    await page.getByRole('radio', { name: 'Dark' }).click()
    await page.setViewportSize({ width: 390, height: 844 })
    for (const path of ['cohorts', 'cohorts/1', 'cohorts/new', 'cohorts/new?kind=static']) {
        await page.goto(`${base}/${path}`)
        await page.waitForTimeout(600)
        assert.deepEqual(await accessibilityProblems(page), [], path)
        assert.equal(await page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth), false, `${path} is too wide`)
    }
})

test('nothing was thrown and nothing left the server', () => assert.deepEqual(browser.problems, []))
