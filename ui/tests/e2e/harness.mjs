// A server of its own for each test file, and a browser to look at it with.
//   HOGLET_BIN: the program (default: the debug build); CHROMIUM_BIN: the browser;
//   HOGLET_E2E_DIST=1: show the app of ui/dist instead of the one inside the program.
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { chromium } from 'playwright-core'
import { front } from '../front.mjs'

const program = process.env.HOGLET_BIN ?? join(process.env.CARGO_TARGET_DIR ?? join(homedir(), '.cache/hoglet/target'), 'debug/hoglet')

function freePort() {
    return new Promise((resolve) => {
        const probe = createServer().listen(0, '127.0.0.1', () => {
            const { port } = probe.address()
            probe.close(() => resolve(port))
        })
    })
}

async function until(what, ask) {
    const deadline = Date.now() + 30_000
    for (;;) {
        if (await ask()) return
        if (Date.now() > deadline) throw new Error(`${what} did not happen`)
        await sleep(100)
    }
}

/** Starts Hoglet on an empty folder; `environment` sets up an administrator where a test needs one. */
export async function startHoglet(environment = {}, options = []) {
    const folder = mkdtempSync(join(tmpdir(), 'hoglet-e2e-'))
    const port = await freePort()
    const child = spawn(program, ['serve', '--listen', `127.0.0.1:${port}`, '--data-dir', folder, ...options], { env: { ...process.env, ...environment }, stdio: ['ignore', 'pipe', 'pipe'] })
    let log = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (log = (log + text).slice(-20_000)))
    const backend = `http://127.0.0.1:${port}`
    const ended = new Promise((resolve) => child.once('exit', resolve))
    const up = async () => {
        if (child.exitCode !== null) throw new Error(`hoglet ended while starting:\n${log}`)
        return fetch(`${backend}/_ready`).then((response) => response.ok, () => false)
    }
    await until('starting', up)
    const proxy = process.env.HOGLET_E2E_DIST ? await front(await freePort(), backend) : null
    return {
        url: proxy ? `http://127.0.0.1:${proxy.address().port}` : backend,
        folder,
        log: () => log,
        async stop() {
            proxy?.closeAllConnections()
            proxy?.close()
            child.kill('SIGTERM')
            await Promise.race([ended, sleep(10_000).then(() => child.kill('SIGKILL'))])
            rmSync(folder, { recursive: true, force: true })
        },
    }
}

export const administrator = {
    HOGLET_ADMIN_EMAIL: 'ada@example.test',
    HOGLET_ADMIN_PASSWORD: 'correct horse battery',
    HOGLET_PROJECT_TOKEN: 'phc_endtoendendtoendendtoendendtoendendtoend',
}

/** A page that fails the test when the app throws or asks anybody else for anything. */
export async function openBrowser(url) {
    const browser = await chromium.launch({ executablePath: process.env.CHROMIUM_BIN ?? '/usr/bin/chromium', args: ['--no-sandbox', '--disable-background-networking'] })
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, baseURL: url, reducedMotion: 'reduce' })
    const page = await context.newPage()
    page.setDefaultTimeout(20_000)
    const problems = []
    page.on('pageerror', (error) => problems.push(`the app threw: ${error.message}`))
    page.on('request', (request) => {
        if (!request.url().startsWith(url) && !/^(data|blob):/.test(request.url())) problems.push(`a request left the server: ${request.url()}`)
    })
    return { page, context, problems, close: () => browser.close() }
}

export async function logIn(page) {
    await page.goto('/login')
    await page.getByLabel('Email').fill(administrator.HOGLET_ADMIN_EMAIL)
    await page.getByLabel('Password', { exact: true }).fill(administrator.HOGLET_ADMIN_PASSWORD)
    await page.getByRole('button', { name: 'Log in' }).click()
    await page.waitForURL(/\/project\/\d+/)
}

export async function send(url, token, events) {
    const response = await fetch(`${url}/batch/`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ api_key: token, batch: events }) })
    if (!response.ok) throw new Error(`batch answered ${response.status}: ${await response.text()}`)
}

/** Waits until everything that was sent can be queried. */
export async function settled(page) {
    await until('ingesting', async () => {
        const response = await page.request.get('/api/projects/@current/ingestion/lag/')
        return response.ok() && (await response.json()).pending_events === 0
    })
}

/** Fields follow what was done a moment later. */
export async function holds(field, value) {
    let found
    await until(`a field holding ${value}`, async () => (found = await field.inputValue()) === value).catch((error) => {
        throw new Error(`${error.message}; it holds ${found}`)
    })
}

/** Rules of WCAG 2.2 AA that a machine can check; gives the broken ones in words. */
export async function accessibilityProblems(page) {
    // Evaluated and not added as a tag: the page's own policy allows no inline script.
    await page.evaluate(readFileSync(new URL('../../node_modules/axe-core/axe.min.js', import.meta.url), 'utf8'))
    const { violations } = await page.evaluate(() => window.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] }))
    return violations.map((violation) => `${violation.id}: ${violation.help} at ${violation.nodes.slice(0, 3).map((node) => `${node.target.join(' ')} ${(node.any[0]?.message ?? '').slice(0, 160)}`).join(' | ')}`)
}

const now = Date.now()
export const MINUTE = 60_000
export const HOUR = 60 * MINUTE
export const DAY = 24 * HOUR

/** An event of a person with a profile. All are measured from one moment, so that events an hour apart are exactly that. */
export const eventOf = (name, person, ago, properties = {}) => ({
    event: name,
    distinct_id: person,
    timestamp: new Date(now - ago).toISOString(),
    properties: { ...properties, $set: { email: `${person}@example.test` } },
})
