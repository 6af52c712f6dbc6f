// A visitor of the website under test, in a real browser.

import assert from 'node:assert/strict'
import { chromium } from 'playwright-core'
import { url } from '../hoglet.mjs'
import { forms, serve } from './pages.mjs'

export const all = await forms()
let browser
let site

export async function start() {
    site = await serve(all)
    browser = await chromium.launch({
        executablePath: process.env.CHROMIUM_BIN ?? '/usr/bin/chromium',
        args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--no-first-run'],
    })
}

export async function stop() {
    await browser?.close()
    site?.stop()
}

/** Of the website under test. */
export const origin = () => site.origin

/** A browser profile of its own. */
export const newContext = (options) => browser.newContext(options)

/** Opens a form's page as a visitor nobody has seen before, waits for the SDK, and gives the test what it needs. */
export async function visit(form, run, query = '') {
    const context = await newContext()
    const page = await context.newPage()
    await notingBeacons(page)
    const problems = []
    page.on('pageerror', (error) => problems.push(error.message))
    const requests = []
    page.on('request', (request) => {
        if (request.url().startsWith(url)) requests.push(request)
    })
    try {
        await page.goto(`${site.origin}${form.path}${query}`)
        await page.waitForFunction(() => window.posthog?.__loaded)
        const visitor = await page.evaluate(() => posthog.get_distinct_id())
        await run({ page, visitor, requests })
        assert.deepEqual(problems, [], 'the page had script errors')
    } finally {
        await context.close()
    }
}

/** Notes beacons where the next page of the site can read them: the browser tells nobody else about them. */
function notingBeacons(page) {
    return page.addInitScript(() => {
        const send = navigator.sendBeacon.bind(navigator)
        navigator.sendBeacon = (address, body) => {
            const accepted = send(address, body)
            const noted = JSON.parse(localStorage.getItem('beacons') ?? '[]')
            localStorage.setItem('beacons', JSON.stringify([...noted, { address: String(address), accepted }]))
            return accepted
        }
    })
}
