// Flags and early access features, as somebody rolls something out with them.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { accessibilityProblems, administrator, eventOf, holds, HOUR, logIn, openBrowser, send, settled, startHoglet } from './harness.mjs'

let hoglet, browser, page, base
const token = administrator.HOGLET_PROJECT_TOKEN

const person = (id, plan, hours) => ({ ...eventOf('signed_up', id, hours * HOUR), properties: { $set: { email: `${id}@example.test`, plan } } })
const called = (id, key, answer, hours) => eventOf('$feature_flag_called', id, hours * HOUR, { $feature_flag: key, $feature_flag_response: answer })

before(async () => {
    hoglet = await startHoglet(administrator)
    browser = await openBrowser(hoglet.url)
    page = browser.page
    await logIn(page)
    base = /\/project\/\d+/.exec(page.url())[0]
    await send(hoglet.url, token, [person('ann', 'pro', 5), person('bob', 'free', 4), person('cem', 'free', 3), called('ann', 'new-checkout', true, 2), called('bob', 'new-checkout', false, 2), called('cem', 'new-checkout', false, 1)])
    await settled(page)
})
after(async () => {
    await browser?.close()
    await hoglet?.stop()
})

const api = (path) => `/api/projects/@current/feature_flags/${path}`
const csrf = async () => (await page.context().cookies()).find((cookie) => cookie.name === 'csrftoken')?.value ?? ''
async function call(method, path, data) {
    const response = await page.request.fetch(path, { method, data, headers: { 'X-CSRFToken': await csrf() } })
    assert.ok(response.ok(), `${method} ${path} answered ${response.status()}: ${await response.text()}`)
    return response.status() === 204 ? null : response.json()
}

/** What an SDK would get. */
async function answer(key, distinctId) {
    const response = await fetch(`${hoglet.url}/flags/?v=2`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ api_key: token, distinct_id: distinctId }) })
    const flag = (await response.json()).flags[key]
    return flag?.variant ?? flag?.enabled
}

/** Changes reach every evaluation within a second. */
async function answers(key, distinctId, wanted) {
    const deadline = Date.now() + 10_000
    while ((await answer(key, distinctId)) !== wanted) {
        if (Date.now() > deadline) assert.equal(await answer(key, distinctId), wanted, `${key} for ${distinctId}`)
        await page.waitForTimeout(100)
    }
}

const openFlag = async (key, tab) => {
    const { results } = await call('GET', api(`?search=${key}`))
    await page.goto(`${base}/feature_flags/${results.find((flag) => flag.key === key).id}${tab ? `?tab=${tab}` : ''}`)
    await page.getByRole('tab', { name: 'Targeting' }).waitFor()
}

async function addProperty(button, property, value) {
    await page.getByRole('button', { name: button, exact: true }).last().click()
    await page.getByRole('combobox', { name: 'Search properties' }).fill(property)
    await page.getByRole('option', { name: property }).first().click()
    await page.getByRole('combobox', { name: 'Search values' }).fill(value)
    await page.getByRole('option', { name: value }).first().click()
    await page.getByRole('button', { name: 'Add filter' }).click()
}

test('an empty list says what a flag is, with code for this project', async () => {
    await page.goto(`${base}/feature_flags`)
    await page.getByRole('heading', { name: 'No flags yet' }).waitFor()
    const code = await page.getByLabel('Code that asks for a flag').innerText()
    assert.ok(code.includes(token) && code.includes(hoglet.url))
    assert.deepEqual(await accessibilityProblems(page), [])
})

test('who would match is counted before a flag is saved, and the saved flag answers so', async () => {
    await page.getByRole('link', { name: 'Make a flag' }).click()
    await page.getByLabel('Key', { exact: true }).fill('new checkout')
    await page.getByText('Use only letters, digits').waitFor()
    await page.getByLabel('Key', { exact: true }).fill('new-checkout')
    await page.getByText('3 of 3 persons match.').waitFor()
    await addProperty('Only if', 'plan', 'pro')
    await page.getByText('1 of 3 persons matches.').waitFor()
    assert.deepEqual(await accessibilityProblems(page), [])
    await page.getByRole('button', { name: 'Save flag' }).click()
    await page.waitForURL(/feature_flags\/\d+/)
    await page.getByText('Enabled', { exact: true }).waitFor()
    await answers('new-checkout', 'ann', true)
    await answers('new-checkout', 'bob', false)
})

test('a key that is taken is said beside the field, and nothing that was typed is lost', async () => {
    await page.goto(`${base}/feature_flags/new`)
    await page.getByLabel('Key', { exact: true }).fill('new-checkout')
    await page.getByLabel('Description').fill('Once more')
    await page.getByRole('button', { name: 'Save flag' }).click()
    await page.getByText('already a feature flag with this key').waitFor()
    await page.reload()
    await holds(page.getByLabel('Description'), 'Once more')
    await page.getByRole('button', { name: 'Start over' }).click()
    await holds(page.getByLabel('Description'), '')
})

test('a flag is explained for a person with every value that was compared', async () => {
    await openFlag('new-checkout', 'explain')
    await page.getByRole('button', { name: /^Person:/ }).click()
    await page.getByRole('combobox', { name: 'Search persons' }).fill('bob')
    await page.getByRole('option', { name: /bob@example.test/ }).click()
    const outcome = page.getByRole('region', { name: 'Answer' })
    await outcome.getByText('Off', { exact: true }).waitFor()
    await outcome.getByText('They match no condition set.').waitFor()
    const row = page.getByRole('region', { name: 'Set 1' }).getByRole('row', { name: /plan is pro/ })
    await row.getByText('free', { exact: true }).waitFor()
    await row.getByText('stored on the person').waitFor()
    assert.deepEqual(await accessibilityProblems(page), [])
})

test('what if their plan were another: the answer follows, and the address keeps it', async () => {
    await page.getByRole('button', { name: 'plan', exact: true }).click()
    await page.getByLabel('plan would be').fill('pro')
    const outcome = page.getByRole('region', { name: 'Answer' })
    await outcome.getByText('On', { exact: true }).waitFor()
    await page.getByText('sent with the request').waitFor()
    await page.reload()
    await outcome.getByText('On', { exact: true }).waitFor()
})

test('changes that are not saved are explained, survive a reload and can be dropped', async () => {
    await openFlag('new-checkout')
    await page.getByLabel('Rollout of set 1 in percent').fill('0')
    await page.getByText('about 0 of them get it').waitFor()
    await page.reload()
    await holds(page.getByLabel('Rollout of set 1 in percent'), '0')
    await page.goto(`${page.url()}?tab=explain&as=ann`)
    await page.getByText('with your changes, which are not saved').waitFor()
    await page.getByText('They match set 1, but fall outside its rollout.').waitFor()
    await page.getByText(/the rollout takes everybody up to 0%/).waitFor()
    assert.equal(await answer('new-checkout', 'ann'), true)
    await page.getByRole('button', { name: 'More actions' }).click()
    await page.getByRole('menuitem', { name: 'Drop the changes' }).click()
    await page.getByRole('region', { name: 'Answer' }).getByText('On', { exact: true }).waitFor()
})

test('variants must add up to 100, and distributing them puts that right', async () => {
    await openFlag('new-checkout')
    await page.getByRole('radio', { name: 'Variants' }).click()
    await page.getByLabel('Weight of control').fill('30')
    await page.getByText('The weights add up to 80%, not 100%.').waitFor()
    assert.ok(await page.getByRole('button', { name: 'Save', exact: true }).isDisabled())
    await page.getByRole('button', { name: 'Distribute evenly' }).click()
    await page.getByText('The weights add up to 100%.').waitFor()
    await page.getByRole('button', { name: 'Payload of test' }).click()
    await page.getByRole('textbox', { name: 'Payload of test' }).fill('{"title": ')
    await page.getByText(/This is not JSON/).waitFor()
    await page.getByRole('textbox', { name: 'Payload of test' }).fill('{"title": "Hello"}')
    await page.getByRole('combobox', { name: 'Variant of set 1' }).click()
    await page.getByRole('option', { name: 'Always test' }).click()
    await page.getByRole('button', { name: 'Save', exact: true }).click()
    await page.getByText('Saved.').waitFor()
    await answers('new-checkout', 'ann', 'test')
})

test('the history tells what changed and goes back with one click', async () => {
    await openFlag('new-checkout', 'history')
    const version = page.getByRole('region', { name: 'Version 2' })
    await version.getByText('Variant test: 50%').waitFor()
    await version.getByText('Set 1: 100% of plan is pro, always test').waitFor()
    assert.deepEqual(await accessibilityProblems(page), [])
    await page.getByRole('button', { name: 'Go back to version 1' }).click()
    await page.getByText('“new-checkout” is what it was in version 1.').waitFor()
    await page.getByRole('region', { name: 'Version 3' }).waitFor()
    await answers('new-checkout', 'ann', true)
})

test('a flag is switched off from the list, and back on by undo', async () => {
    await page.goto(`${base}/feature_flags`)
    const row = page.getByRole('row', { name: /new-checkout/ })
    await row.getByText('100% of some').waitFor()
    await row.getByRole('switch').click()
    await page.getByText('“new-checkout” is disabled.').waitFor()
    await answers('new-checkout', 'ann', undefined)
    await page.getByRole('button', { name: 'Undo' }).click()
    await page.getByRole('switch', { name: 'new-checkout is enabled' }).waitFor()
    await answers('new-checkout', 'ann', true)
})

test("somebody else's change is never written over unseen", async () => {
    await openFlag('new-checkout')
    await page.getByLabel('Description').fill('Mine')
    const id = /feature_flags\/(\d+)/.exec(page.url())[1]
    await call('PATCH', api(`${id}/`), { name: 'Theirs' })
    await page.getByRole('button', { name: 'Save', exact: true }).click()
    await page.getByText('saved by somebody else').waitFor()
    assert.equal((await call('GET', api(`${id}/`))).name, 'Theirs')
    await page.getByRole('button', { name: 'Keep mine' }).click()
    await page.getByRole('button', { name: 'Save', exact: true }).click()
    await page.getByText('Saved.').waitFor()
    assert.equal((await call('GET', api(`${id}/`))).name, 'Mine')
})

test('a change is planned, and one whose time has come is made', async () => {
    await openFlag('new-checkout', 'schedule')
    await page.getByRole('button', { name: 'Plan change' }).click()
    const planned = page.getByRole('region', { name: 'Planned' })
    await planned.getByText('The flag is disabled').waitFor()
    await planned.getByRole('button', { name: /^Cancel/ }).click()
    await planned.getByText('Nothing is planned.').waitFor()
    const id = /feature_flags\/(\d+)/.exec(page.url())[1]
    await call('POST', '/api/projects/@current/scheduled_changes/', { record_id: id, model_name: 'FeatureFlag', payload: { operation: 'update_status', value: false }, scheduled_at: new Date(Date.now() + 2000).toISOString() })
    await page.getByRole('region', { name: 'Done' }).getByText('The flag is disabled').waitFor({ timeout: 30_000 })
    await answers('new-checkout', 'ann', undefined)
    await call('PATCH', api(`${id}/`), { active: true })
})

test('usage counts what SDKs report, by answer', async () => {
    await openFlag('new-checkout', 'usage')
    const table = page.getByRole('table', { name: 'Calls by answer' })
    await table.getByRole('row', { name: /^On 1/ }).waitFor()
    await table.getByRole('row', { name: /^Off 2/ }).waitFor()
    assert.deepEqual(await accessibilityProblems(page), [])
})

test('a flag that others ask for warns before it is switched off', async () => {
    await page.goto(`${base}/feature_flags/new`)
    await page.getByLabel('Key', { exact: true }).fill('checkout-survey')
    await page.getByRole('button', { name: 'Only if' }).click()
    await page.getByRole('tab', { name: 'Flag', exact: true }).click()
    await page.getByRole('option', { name: 'new-checkout' }).click()
    await page.getByRole('button', { name: 'Edit filter: Flag new-checkout is on' }).waitFor()
    await page.getByRole('button', { name: 'Save flag' }).click()
    await page.waitForURL(/feature_flags\/\d+/)
    await answers('checkout-survey', 'ann', true)
    await openFlag('new-checkout')
    await page.getByRole('switch', { name: /new-checkout is enabled/ }).click()
    const dialog = page.getByRole('dialog', { name: 'Disable new-checkout?' })
    await dialog.getByText('checkout-survey').waitFor()
    await dialog.getByRole('button', { name: 'Leave it on' }).click()
    assert.equal(await answer('new-checkout', 'ann'), true)
})

test('flags leave as a file and come back from it', async () => {
    await page.goto(`${base}/feature_flags`)
    await page.getByRole('row', { name: /checkout-survey/ }).waitFor()
    await page.getByRole('button', { name: 'More actions' }).click()
    const [saved] = await Promise.all([page.waitForEvent('download'), page.getByRole('menuitem', { name: 'Export all as a file' }).click()])
    const file = JSON.parse(readFileSync(await saved.path(), 'utf8'))
    assert.deepEqual(file.flags.map((flag) => flag.key), ['checkout-survey', 'new-checkout'])
    file.flags[0].name = 'Asks how it went'
    file.flags.push({ ...file.flags[1], key: 'from-the-file' })
    await page.getByRole('button', { name: 'More actions' }).click()
    await page.getByRole('menuitem', { name: 'Import from a file' }).click()
    await page.getByLabel('File').setInputFiles({ name: 'flags.json', mimeType: 'application/json', buffer: Buffer.from(JSON.stringify(file)) })
    await page.getByRole('region', { name: 'New' }).getByText('from-the-file').waitFor()
    await page.getByRole('region', { name: 'Changed' }).getByText('checkout-survey').waitFor()
    await page.getByRole('region', { name: 'The same' }).getByText('new-checkout').waitFor()
    assert.equal(await answer('from-the-file', 'ann'), undefined)
    await page.getByRole('button', { name: 'Import 2 flags' }).click()
    await page.getByRole('row', { name: /from-the-file/ }).waitFor()
    await answers('from-the-file', 'ann', true)
})

test('several flags are switched at once, filtered and searched by address', async () => {
    for (const key of ['from-the-file', 'checkout-survey']) await page.getByRole('checkbox', { name: `Choose ${key}` }).click()
    await page.getByRole('region', { name: 'Chosen flags' }).getByRole('button', { name: 'Disable' }).click()
    await page.getByText('2 flags are disabled.').waitFor()
    await page.getByRole('radio', { name: 'Disabled' }).click()
    await page.getByRole('row', { name: /new-checkout/ }).waitFor({ state: 'detached' })
    await page.getByRole('row', { name: /from-the-file/ }).waitFor()
    await page.getByRole('searchbox').fill('survey')
    await page.getByRole('row', { name: /from-the-file/ }).waitFor({ state: 'detached' })
    assert.match(page.url(), /active=.*false/)
    await page.reload()
    await page.getByRole('row', { name: /checkout-survey/ }).waitFor()
    assert.equal(await page.getByRole('row', { name: /from-the-file/ }).count(), 0)
    assert.deepEqual(await accessibilityProblems(page), [])
})

test('a flag is copied to another project of the organization', async () => {
    const other = await call('POST', '/api/organizations/@current/projects/', { name: 'Second shop' })
    await openFlag('checkout-survey')
    await page.getByRole('button', { name: 'More actions' }).click()
    await page.getByRole('menuitem', { name: 'Copy to other projects' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByRole('checkbox', { name: 'Second shop' }).click()
    await dialog.getByRole('button', { name: 'Copy flag' }).click()
    // It asks for a flag that is not there: the reason is told, and nothing is half done.
    await page.getByText(/1 project did not take it:.*new-checkout/).waitFor()
    await dialog.getByRole('button', { name: 'Cancel' }).click()
    await openFlag('new-checkout')
    await page.getByRole('button', { name: 'More actions' }).click()
    await page.getByRole('menuitem', { name: 'Copy to other projects' }).click()
    await dialog.getByRole('checkbox', { name: 'Second shop' }).click()
    await dialog.getByRole('button', { name: 'Copy flag' }).click()
    await page.getByText('“new-checkout” is in 1 more project now.').waitFor()
    const { results } = await call('GET', `/api/projects/${other.id}/feature_flags/`)
    assert.deepEqual(results.map((flag) => flag.key), ['new-checkout'])
})

test('an encrypted value is for servers alone, and stays when something else is edited', async () => {
    await page.goto(`${base}/feature_flags/new`)
    await page.getByLabel('Key', { exact: true }).fill('payment-limits')
    await page.getByRole('radio', { name: 'Remote config' }).click()
    await page.getByRole('textbox', { name: 'Value, as JSON' }).fill('{"limit": 50}')
    await page.getByRole('switch', { name: 'Encrypted' }).click()
    await page.getByRole('button', { name: 'Save flag' }).click()
    await page.waitForURL(/feature_flags\/\d+/)
    await page.getByRole('textbox', { name: 'Value, as JSON' }).waitFor()
    assert.match(await page.getByRole('textbox', { name: 'Value, as JSON' }).inputValue(), /\*{4}/)
    await page.getByLabel('Description').fill('What a card may be charged')
    await page.getByRole('button', { name: 'Save', exact: true }).click()
    await page.getByText('Saved.').waitFor()
    const project = await call('GET', '/api/projects/@current/')
    const { secret_api_token: secret } = project.secret_api_token ? project : await call('PATCH', '/api/projects/@current/rotate_secret_token/')
    const response = await fetch(`${hoglet.url}/api/projects/@current/feature_flags/payment-limits/remote_config?token=${token}`, { headers: { authorization: `Bearer ${secret}` } })
    assert.equal(response.status, 200)
    assert.deepEqual(JSON.parse(await response.json()), { limit: 50 })
    await page.getByRole('tab', { name: 'Code' }).click()
    assert.match(await page.getByLabel('Code in Node.js').innerText(), /getRemoteConfigPayload\('payment-limits'\)/)
})

test('a flag that would ask for itself is refused with the reason', async () => {
    await openFlag('new-checkout')
    await page.getByRole('button', { name: 'And', exact: true }).click()
    await page.getByRole('tab', { name: 'Flag', exact: true }).click()
    await page.getByRole('option', { name: 'checkout-survey' }).click()
    await page.getByRole('button', { name: 'Save', exact: true }).click()
    await page.getByText(/Not saved\..*(circle|cycl|depend)/i).waitFor()
    await page.getByRole('button', { name: 'More actions' }).click()
    await page.getByRole('menuitem', { name: 'Drop the changes' }).click()
})

test('a person shows what flags answer them', async () => {
    await page.goto(`${base}/persons/ann?tab=flags`)
    const list = page.getByRole('region', { name: 'What flags answer them' })
    await list.getByRole('listitem').filter({ hasText: 'new-checkout' }).getByText('On', { exact: true }).waitFor()
    await list.getByRole('link', { name: 'new-checkout' }).click()
    await page.getByRole('region', { name: 'Answer', exact: true }).getByText('On', { exact: true }).waitFor()
})

test('a deleted flag names the consequence and comes back by undo', async () => {
    await openFlag('from-the-file')
    await page.getByRole('button', { name: 'More actions' }).click()
    await page.getByRole('menuitem', { name: 'Delete flag' }).click()
    await page.getByRole('dialog', { name: 'Delete from-the-file?' }).getByText(/Code that asks for it gets no answer/).waitFor()
    await page.getByRole('button', { name: 'Delete flag' }).click()
    await page.getByText('“from-the-file” is deleted.').waitFor()
    await page.getByRole('button', { name: 'Undo' }).click()
    await page.getByRole('row', { name: /from-the-file/ }).waitFor()
})

test('the keyboard finds flags', async () => {
    await page.goto(`${base}/persons`)
    await page.getByRole('heading', { name: 'Persons', level: 1 }).waitFor()
    await page.keyboard.press('g')
    await page.keyboard.press('f')
    await page.getByRole('row', { name: /new-checkout/ }).waitFor()
    await page.keyboard.press('Control+k')
    await page.getByRole('combobox', { name: 'Search or jump to' }).fill('new-checkout')
    await page.getByRole('option', { name: 'new-checkout' }).waitFor()
    await page.keyboard.press('Enter')
    await page.waitForURL(/feature_flags\/\d+/)
})

test('a feature is offered for early access, and who opts in gets it', async () => {
    await page.goto(`${base}/early_access_features`)
    await page.getByRole('link', { name: 'Offer a feature' }).click()
    await page.getByLabel('Name').fill('Night mode')
    await page.getByRole('combobox', { name: 'Stage' }).click()
    await page.getByRole('option', { name: 'Beta' }).click()
    await page.getByRole('button', { name: 'Save feature' }).click()
    await page.getByText('“Night mode” is saved.').waitFor()
    await page.getByRole('link', { name: 'night-mode' }).waitFor()
    await answers('night-mode', 'bob', false)
    await send(hoglet.url, token, [{ event: '$feature_enrollment_update', distinct_id: 'bob', properties: { $feature_flag: 'night-mode', $feature_enrollment: true, $set: { '$feature_enrollment/night-mode': true } } }])
    await settled(page)
    await answers('night-mode', 'bob', true)
    await page.reload()
    await page.getByRole('region', { name: 'Choices' }).getByText('bob@example.test').waitFor()
    assert.deepEqual(await accessibilityProblems(page), [])
})

test('every page of flags reads well in the dark, and fits a phone', async () => {
    await page.goto(`${base}/settings/account`)
    await page.getByRole('radio', { name: 'Dark' }).click()
    const { results } = await call('GET', api('?search=new-checkout'))
    const id = results[0].id
    for (const path of ['feature_flags', `feature_flags/${id}`, `feature_flags/${id}?tab=explain&as=bob`, `feature_flags/${id}?tab=usage`, `feature_flags/${id}?tab=schedule`, `feature_flags/${id}?tab=history`, `feature_flags/${id}?tab=code`, 'early_access_features']) {
        await page.goto(`${base}/${path}`)
        await page.locator('[role="status"][aria-label="Loading"]').waitFor({ state: 'detached' }).catch(() => undefined)
        await page.waitForTimeout(500)
        assert.deepEqual(await accessibilityProblems(page), [], path)
    }
    await page.setViewportSize({ width: 390, height: 844 })
    for (const path of ['feature_flags', `feature_flags/${id}`, `feature_flags/${id}?tab=explain&as=bob`, `feature_flags/${id}?tab=usage`, 'early_access_features']) {
        await page.goto(`${base}/${path}`)
        await page.waitForTimeout(600)
        assert.equal(await page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth), false, `${path} is too wide for a phone`)
    }
})

test('nothing was thrown and nothing left the server', () => assert.deepEqual(browser.problems, []))
