// Persons, groups, definitions, ingestion and settings, as somebody runs a project with them.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { accessibilityProblems, administrator, logIn, openBrowser, send, settled, startHoglet } from './harness.mjs'

let hoglet, browser, page, base
const token = administrator.HOGLET_PROJECT_TOKEN

before(async () => {
    hoglet = await startHoglet(administrator)
    browser = await openBrowser(hoglet.url)
    page = browser.page
    await logIn(page)
    base = /\/project\/\d+/.exec(page.url())[0]
    await send(hoglet.url, token, [
        { event: '$groupidentify', distinct_id: 'ann', properties: { $group_type: 'company', $group_key: 'acme', $group_set: { name: 'Acme Inc.', seats: 5 } } },
        { event: 'signed_up', distinct_id: 'ann', properties: { plan: 'pro', $groups: { company: 'acme' }, $session_id: '0199a5e0-7c3a-7abc-8def-000000000001', $set: { email: 'ann@example.test', seats: 3 } } },
        { event: 'signed_up', distinct_id: 'bob', properties: { plan: 'free', $set: { email: 'bob@example.test' } } },
    ])
    await settled(page)
})
after(async () => {
    await browser?.close()
    await hoglet?.stop()
})

test('persons are listed, searched and opened', async () => {
    await page.goto(`${base}/persons`)
    await page.getByRole('row', { name: /ann@example.test/ }).waitFor()
    await page.getByRole('searchbox').fill('bob@')
    await page.getByRole('row', { name: /ann@example.test/ }).waitFor({ state: 'detached' })
    await page.getByRole('row', { name: /bob@example.test/ }).waitFor()
    await page.getByRole('searchbox').fill('')
    await page.getByRole('row', { name: /ann@example.test/ }).click()
    await page.getByRole('button', { name: /signed_up/ }).waitFor()
})

test('a property of a person is changed, and the change undone', async () => {
    await page.getByRole('tab', { name: /Properties/ }).click()
    await page.getByRole('button', { name: 'Edit seats' }).click()
    await page.getByLabel('Value').fill('8')
    await page.getByRole('button', { name: 'Save property' }).click()
    await page.getByText('seats is saved.').waitFor()
    await settled(page)
    await page.reload()
    await page.getByTitle('Copy value').getByText('8', { exact: true }).waitFor()
})

test('distinct ids are listed', async () => {
    await page.getByRole('tab', { name: /Distinct IDs/ }).click()
    await page.getByRole('button', { name: 'Copy distinct ID' }).getByText('ann').waitFor()
})

test('a person is deleted, with a warning that names them', async () => {
    await page.goto(`${base}/persons`)
    await page.getByRole('row', { name: /bob@example.test/ }).click()
    await page.getByRole('button', { name: 'Delete person' }).click()
    await page.getByRole('heading', { name: 'Delete bob@example.test?' }).waitFor()
    await page.getByRole('alertdialog').getByRole('button', { name: 'Delete person' }).click()
    await page.getByText('bob@example.test is deleted.').waitFor()
    await page.getByRole('row', { name: /ann@example.test/ }).waitFor()
    assert.equal(await page.getByRole('row', { name: /bob@example.test/ }).count(), 0)
})

test('a group is found by its type and shows its events', async () => {
    await page.goto(`${base}/groups`)
    await page.getByRole('row', { name: /Acme Inc\./ }).click()
    await page.getByRole('button', { name: /signed_up/ }).waitFor()
    await page.getByRole('tab', { name: /Properties/ }).click()
    await page.getByTitle('Copy value').getByText('5', { exact: true }).waitFor()
})

test('an event is described and the description kept', async () => {
    await page.goto(`${base}/data/events`)
    await page.getByRole('row', { name: /signed_up/ }).click()
    await page.getByLabel('Description').fill('Somebody finished the form.')
    await page.getByRole('button', { name: 'Save definition' }).click()
    await page.getByRole('cell', { name: 'Somebody finished the form.' }).waitFor()
    await page.goto(`${base}/data/properties`)
    await page.getByRole('row', { name: /plan/ }).getByText('Text').waitFor()
})

test('activity narrows to an event and a property value, and shows the whole event', async () => {
    await page.goto(`${base}/activity?event=signed_up`)
    await page.getByRole('row', { name: /signed_up/ }).first().click()
    await page.getByRole('button', { name: 'Filter to plan' }).first().click()
    await page.getByRole('button', { name: /^Edit filter: plan is/ }).waitFor()
    assert.match(decodeURIComponent(page.url()), /"key":"plan"/)
})

test('a refused event is explained on the ingestion page', async () => {
    await fetch(`${hoglet.url}/batch/`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"api_key": "' + token + '", "batch": [{' })
    await page.goto(`${base}/ingestion`)
    await page.getByText(/was refused|were refused/).waitFor()
    await page.getByRole('region', { name: 'From accepted to queryable' }).waitFor()
})

test('settings are saved: name, time zone and theme', async () => {
    await page.goto(`${base}/settings/project`)
    await page.getByLabel('Name of the project').fill('Shop')
    await page.getByRole('button', { name: 'Rename' }).click()
    await page.getByRole('button', { name: 'Project Shop. Switch project' }).waitFor()
    await page.getByLabel('Time zone').selectOption('Europe/Berlin')
    await page.getByText('Days are days in Europe/Berlin now.').waitFor()
    await page.goto(`${base}/settings/account`)
    await page.getByRole('radio', { name: 'Dark' }).click()
    assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), 'dark')
    await page.getByRole('radio', { name: 'Light' }).click()
})

test('a personal API key is shown once and works', async () => {
    await page.goto(`${base}/settings/keys`)
    await page.getByRole('button', { name: 'Create key' }).click()
    await page.getByLabel('What is it for?').fill('Nightly export')
    await page.getByRole('dialog').getByRole('button', { name: 'Create key' }).click()
    const key = (await page.getByLabel('Personal API key', { exact: true }).innerText()).trim()
    assert.match(key, /^phx_/)
    const answer = await fetch(`${hoglet.url}/api/projects/@current/query/`, {
        method: 'POST',
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
        body: JSON.stringify({ query: { kind: 'HogQLQuery', query: 'select count() from events' } }),
    })
    assert.equal(answer.status, 200)
    await page.getByRole('button', { name: 'I have copied it' }).click()
    await page.getByText('Nightly export').waitFor()
})

test('an invitation is accepted by a colleague', async () => {
    await page.goto(`${base}/settings/members`)
    await page.getByLabel('Email').fill('grace@example.test')
    await page.getByRole('button', { name: 'Invite', exact: true }).click()
    await page.getByRole('listitem').filter({ hasText: 'grace@example.test' }).waitFor()
    const invites = await (await page.request.get('/api/organizations/@current/invites/')).json()
    const guest = await openBrowser(hoglet.url)
    try {
        await guest.page.goto(`/signup/${invites.results[0].id}`)
        await guest.page.getByLabel('Your name').fill('Grace')
        await guest.page.getByLabel('Password', { exact: true }).fill('correct horse battery')
        await guest.page.getByRole('button', { name: /^Join/ }).click()
        await guest.page.waitForURL(/\/project\/\d+/)
    } finally {
        await guest.close()
    }
    await page.reload()
    await page.getByRole('listitem').filter({ hasText: 'grace@example.test' }).filter({ hasText: 'joined' }).waitFor()
})

test('the palette and the keyboard reach everything', async () => {
    await page.goto(`${base}/activity`)
    await page.getByRole('heading', { name: 'Activity' }).waitFor()
    await page.keyboard.press('g')
    await page.keyboard.press('p')
    await page.waitForURL(/\/persons$/)
    await page.getByRole('heading', { name: 'Persons', level: 1 }).waitFor()
    await page.getByRole('row', { name: /ann@example.test/ }).waitFor()
    await page.keyboard.press('j')
    await page.keyboard.press('Enter')
    await page.waitForURL(/\/persons\/.+/)
    await page.keyboard.press('Control+k')
    await page.getByRole('combobox', { name: 'Search or jump to' }).fill('ingest')
    await page.keyboard.press('Enter')
    await page.waitForURL(/\/ingestion$/)
    await page.keyboard.press('?')
    await page.getByRole('dialog', { name: 'Keyboard shortcuts' }).waitFor()
})

test('logging out ends the session, and logging in comes back to the same page', async () => {
    await page.goto(`${base}/settings/account`)
    await page.getByRole('button', { name: /Switch project/ }).click()
    await page.getByRole('menuitem', { name: 'Log out' }).click()
    await page.waitForURL(/\/login/)
    await page.goto(`${base}/persons`)
    await page.waitForURL(/\/login\?next=/)
    await page.getByLabel('Email').fill(administrator.HOGLET_ADMIN_EMAIL)
    await page.getByLabel('Password', { exact: true }).fill('wrong password')
    await page.getByRole('button', { name: 'Log in' }).click()
    await page.getByRole('alert').waitFor()
    await page.getByLabel('Password', { exact: true }).fill(administrator.HOGLET_ADMIN_PASSWORD)
    await page.getByRole('button', { name: 'Log in' }).click()
    await page.waitForURL(/\/persons$/)
})

test('a forgotten password is replaced through the link in the mail', async () => {
    const guest = await openBrowser(hoglet.url)
    try {
        await guest.page.goto('/login')
        await guest.page.getByRole('link', { name: 'Forgot your password?' }).click()
        // Both pages ask for an e-mail address; fill in the one on the second.
        await guest.page.getByRole('button', { name: 'Send the link' }).waitFor()
        await guest.page.getByLabel('Email').fill('grace@example.test')
        await guest.page.getByRole('button', { name: 'Send the link' }).click()
        await guest.page.getByRole('heading', { name: 'Look in your inbox' }).waitFor()
        const link = await resetLink()
        await guest.page.goto(link)
        await guest.page.getByLabel('New password').fill('battery horse correct')
        await guest.page.getByRole('button', { name: 'Save password' }).click()
        await guest.page.getByText('Your password is changed.').waitFor()
        await guest.page.getByLabel('Email').fill('grace@example.test')
        await guest.page.getByLabel('Password', { exact: true }).fill('battery horse correct')
        await guest.page.getByRole('button', { name: 'Log in' }).click()
        await guest.page.waitForURL(/\/project\/\d+/)
        await guest.page.goto(link)
        await guest.page.getByRole('heading', { name: 'This link does not work any more' }).waitFor()
    } finally {
        await guest.close()
    }
})

/** The link of the newest letter, out of the folder that stands in for a mail server. */
async function resetLink() {
    for (let tries = 0; tries < 100; tries += 1) {
        const letters = readdirSync(join(hoglet.folder, 'mail')).map((name) => readFileSync(join(hoglet.folder, 'mail', name), 'utf8').replace(/=\r?\n/g, ''))
        const found = letters.map((letter) => /\/reset\/[\w-]+\/[\w-]+/.exec(letter)?.[0]).find(Boolean)
        if (found) return found
        await sleep(100)
    }
    throw new Error('no letter was written')
}

for (const theme of ['light', 'dark']) {
    test(`pages pass the accessibility rules in the ${theme} theme`, async () => {
        await page.evaluate((mode) => localStorage.setItem('hoglet-theme', mode), theme)
        const found = {}
        for (const path of ['/insights', '/insights/new', '/activity', '/live', '/persons', '/groups', '/data/events', '/data/warnings', '/ingestion', '/onboarding', '/settings/project', '/settings/members', '/settings/keys']) {
            await page.goto(base + path)
            await page.getByRole('main').waitFor()
            await page.waitForLoadState('networkidle', { timeout: 3000 }).catch(() => undefined)
            const problems = await accessibilityProblems(page)
            if (problems.length > 0) found[path] = problems
        }
        assert.deepEqual(found, {})
    })
}

test('nothing was thrown and nothing left the server', () => assert.deepEqual(browser.problems, []))
