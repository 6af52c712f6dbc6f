// Pictures of every page, to be looked at. Against a running server: HOGLET_URL=… HOGLET_EMAIL=… HOGLET_PASSWORD=…; otherwise with recorded answers.
//   node tests/screenshots.mjs [page…] --sizes=1280,390 --themes=light --out=DIR
import { mkdirSync } from 'node:fs'
import { chromium } from 'playwright-core'

const args = process.argv.slice(2)
const option = (name, fallback) => args.find((arg) => arg.startsWith(`--${name}=`))?.split('=')[1] ?? fallback
const wanted = args.filter((arg) => !arg.startsWith('--'))
const out = option('out', '/tmp/hoglet-screenshots')
const sizes = { 1280: [1280, 800], 1920: [1920, 1080], 390: [390, 844] }
const chosen = option('sizes', '1280,1920,390').split(',')
const themes = option('themes', 'light,dark').split(',')
mkdirSync(out, { recursive: true })

let base = process.env.HOGLET_URL
let server
if (!base) {
    const { start } = await import('./mock/server.mjs')
    server = await start(8098)
    base = 'http://127.0.0.1:8098'
}

const json = (value) => encodeURIComponent(JSON.stringify(value))
const id = process.env.HOGLET_PROJECT ?? '1'
const p = `/project/${id}`
const series = (event, math = 'total') => ({ event, math, filters: [] })
const pages = {
    login: '/login',
    signup: '/signup',
    invite: '/signup/inv1',
    reset: '/reset',
    onboarding: `${p}/onboarding`,
    insights: `${p}/insights`,
    'insight-new': `${p}/insights/new`,
    'insight-rich': `${p}/insights/new?series=${json([{ event: 'signed_up', math: 'dau', filters: [{ type: 'event', key: 'plan', operator: 'is_not', value: ['internal'] }] }, series('order_paid')])}&from=-30d&compare=previous&filters=${json([{ type: 'event', key: '$geoip_country_name', operator: 'exact', value: ['Germany', 'France'] }])}`,
    'insight-breakdown': `${p}/insights/new?series=${json([series('$pageview')])}&from=-30d&compare=previous&by=${json([{ type: 'event', property: '$browser' }])}`,
    'insight-bars': `${p}/insights/new?series=${json([series('$pageview')])}&from=-30d&display=ActionsBar&by=${json([{ type: 'event', property: '$browser' }])}`,
    'insight-ranking': `${p}/insights/new?series=${json([series('$pageview')])}&from=-30d&display=ActionsBarValue&compare=previous&by=${json([{ type: 'event', property: '$browser' }])}`,
    'insight-number': `${p}/insights/new?series=${json([series('order_paid')])}&from=-30d&display=BoldNumber&compare=previous`,
    'insight-table': `${p}/insights/new?series=${json([series('$pageview')])}&from=-30d&display=ActionsTable&compare=previous&by=${json([{ type: 'event', property: '$browser' }])}`,
    'insight-formula': `${p}/insights/new?series=${json([series('order_paid'), series('$pageview')])}&formulas=${json([{ formula: 'A / B * 100', name: 'Conversion' }])}&from=-7d`,
    funnel: `${p}/insights/new?kind=funnels&from=-30d&series=${json([series('$pageview'), series('signed_up'), { ...series('plan_upgraded'), optional: true }, series('order_paid')])}&exclusions=${json([{ event: 'refunded', filters: [], from: 0, to: 3 }])}`,
    'funnel-breakdown': `${p}/insights/new?kind=funnels&from=-30d&series=${json([series('$pageview'), series('signed_up'), series('order_paid')])}&by=${json([{ type: 'event', property: '$browser' }])}`,
    'funnel-one-step': `${p}/insights/new?kind=funnels`,
    'funnel-time': `${p}/insights/new?kind=funnels&view=time_to_convert&series=${json([series('$pageview'), series('signed_up')])}`,
    'funnel-trends': `${p}/insights/new?kind=funnels&view=trends&from=-14d&series=${json([series('$pageview'), series('signed_up'), series('order_paid')])}`,
    retention: `${p}/insights/new?kind=retention&from=-7d`,
    'retention-week': `${p}/insights/new?kind=retention&from=-90d&period=Week&intervals=9`,
    'retention-lines': `${p}/insights/new?kind=retention&from=-30d&intervals=15&view=lines`,
    paths: `${p}/insights/new?kind=paths&from=-30d`,
    lifecycle: `${p}/insights/new?kind=lifecycle&from=-30d`,
    stickiness: `${p}/insights/new?kind=stickiness&from=-30d`,
    'stickiness-two': `${p}/insights/new?kind=stickiness&compare=previous&series=${json([series('$pageview'), series('signed_up')])}`,
    sql: `${p}/insights/new?kind=sql`,
    'sql-chart': `${p}/insights/new?kind=sql&view=ActionsLineGraph&sql=${encodeURIComponent('SELECT toDate(timestamp) AS day, count() AS events, uniq(person_id) AS persons\nFROM events\nGROUP BY day\nORDER BY day')}`,
    'sql-wrong': `${p}/insights/new?kind=sql&sql=${encodeURIComponent('SELECT bad\nFROM events')}`,
    activity: `${p}/activity`,
    live: `${p}/live`,
    persons: `${p}/persons`,
    person: `${p}/persons/user_1000`,
    'person-properties': `${p}/persons/user_1000?tab=properties`,
    'person-flags': `${p}/persons/user_1000?tab=flags`,
    'person-ids': `${p}/persons/user_1000?tab=ids`,
    groups: `${p}/groups`,
    group: `${p}/groups/0/acme`,
    cohorts: `${p}/cohorts`,
    cohort: `${p}/cohorts/1`,
    'cohort-static': `${p}/cohorts/2`,
    'cohort-failed': `${p}/cohorts/4`,
    'cohort-absurd': `${p}/cohorts/5`,
    'cohort-new': `${p}/cohorts/new`,
    'cohort-upload': `${p}/cohorts/new?kind=static`,
    flags: `${p}/feature_flags`,
    'flag-new': `${p}/feature_flags/new`,
    flag: `${p}/feature_flags/1`,
    'flag-config': `${p}/feature_flags/3`,
    'flag-group': `${p}/feature_flags/6`,
    'flag-absurd': `${p}/feature_flags/8`,
    'flag-explain': `${p}/feature_flags/1?tab=explain&as=user_1000&props=${json({ plan: 'pro' })}`,
    'flag-explain-start': `${p}/feature_flags/1?tab=explain`,
    'flag-usage': `${p}/feature_flags/1?tab=usage`,
    'flag-schedule': `${p}/feature_flags/1?tab=schedule`,
    'flag-history': `${p}/feature_flags/1?tab=history`,
    'flag-code': `${p}/feature_flags/1?tab=code`,
    'flag-missing': `${p}/feature_flags/99`,
    'early-access': `${p}/early_access_features`,
    'early-access-feature': `${p}/early_access_features/e1`,
    'early-access-new': `${p}/early_access_features/new`,
    'data-events': `${p}/data/events`,
    'data-properties': `${p}/data/properties`,
    'data-warnings': `${p}/data/warnings`,
    ingestion: `${p}/ingestion`,
    'settings-project': `${p}/settings/project`,
    'settings-privacy': `${p}/settings/privacy`,
    'settings-filters': `${p}/settings/filters`,
    'settings-members': `${p}/settings/members`,
    'settings-projects': `${p}/settings/projects`,
    'settings-account': `${p}/settings/account`,
    'settings-keys': `${p}/settings/keys`,
    missing: '/nowhere/at/all',
}
const click = (page, name) => page.getByRole('button', { name }).first().click()
const acts = {
    palette: [`${p}/insights`, (page) => page.keyboard.press('Control+k')],
    shortcuts: [`${p}/insights`, (page) => page.keyboard.press('?')],
    'activity-open': [`${p}/activity`, (page) => page.locator('[data-list-row]').nth(2).click()],
    'activity-columns': [`${p}/activity`, (page) => click(page, 'Columns')],
    'date-picker': [`${p}/insights/new`, (page) => click(page, /ate range:/)],
    'filter-picker': [`${p}/insights/new`, (page) => page.getByRole('region', { name: 'Filters' }).getByRole('button', { name: 'Filter' }).click()],
    'drill-down': [pages['insight-breakdown'], (page) => page.getByTitle('Show the persons behind this number').first().click()],
    'funnel-correlation': [pages.funnel, async (page) => {
        await click(page, 'Compare')
        await page.getByRole('region', { name: 'What goes with converting' }).scrollIntoViewIfNeeded().catch(() => page.mouse.wheel(0, 900))
    }],
    'path-menu': [pages.paths, (page) => page.getByRole('button', { name: /pricing .*step 2$/ }).click()],
    'sql-completion': [pages.sql, async (page) => {
        await page.getByRole('textbox', { name: 'Query' }).click()
        await page.keyboard.press('Control+End')
        await page.keyboard.type('\nAND coun')
        await page.waitForTimeout(500)
    }],
    'flag-chosen': [pages.flags, async (page) => {
        for (const name of ['Choose new-checkout', 'Choose dark-mode']) await page.getByRole('checkbox', { name }).click()
    }],
    'flag-edited': [pages.flag, async (page) => {
        await page.getByLabel('Weight of control').fill('30')
        await page.getByLabel('Key', { exact: true }).fill('new checkout')
    }],
    'flag-filter': [pages['flag-new'], (page) => click(page, 'Only if')],
    'flag-delete': [pages.flag, async (page) => {
        await click(page, 'More actions')
        await page.getByRole('menuitem', { name: 'Delete flag' }).click()
    }],
    'flag-disable': [`${p}/feature_flags/2`, (page) => page.getByRole('switch').first().click()],
    'cohort-problems': [pages['cohort-new'], (page) => click(page, 'Save cohort')],
    'funnel-sheet': [pages.funnel, (page) => click(page, 'Change the question')],
    'project-switcher': [`${p}/insights`, (page) => click(page, /Switch project/)],
    'key-create': [`${p}/settings/keys`, (page) => click(page, 'Create key')],
    'definition-open': [`${p}/data/events`, (page) => page.locator('[data-list-row]').nth(2).click()],
    'chart-hover': [pages['insight-rich'], async (page) => {
        const box = await page.locator('.u-over').boundingBox()
        await page.mouse.move(box.x + box.width * 0.6, box.y + box.height * 0.4)
    }],
    'question-sheet': [pages['insight-rich'], (page) => click(page, 'Change the question')],
    navigation: [`${p}/insights`, (page) => click(page, 'Open navigation')],
}

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox', '--disable-background-networking'] })
let failures = 0
for (const size of chosen) {
    for (const theme of themes) {
        const [width, height] = sizes[size]
        const context = await browser.newContext({ viewport: { width, height }, colorScheme: theme, reducedMotion: 'reduce' })
        await context.addInitScript((mode) => localStorage.setItem('hoglet-theme', mode), theme)
        const page = await context.newPage()
        page.on('pageerror', (error) => {
            failures += 1
            console.error(`  ${error.message}`)
        })
        page.on('console', (message) => message.type() === 'error' && !message.text().includes('Failed to load resource') && console.error(`  console: ${message.text().slice(0, 300)}`))
        if (process.env.HOGLET_EMAIL) {
            await page.goto(`${base}/login`)
            await page.getByLabel('Email').fill(process.env.HOGLET_EMAIL)
            await page.getByLabel('Password', { exact: true }).fill(process.env.HOGLET_PASSWORD)
            await page.getByRole('button', { name: 'Log in' }).click()
            await page.waitForURL(/project/)
        }
        const visit = async (name, path, act) => {
            if (wanted.length > 0 && !wanted.includes(name)) return
            await page.goto(base + path)
            await page.waitForTimeout(name === 'live' ? 1500 : 700)
            try {
                if (act) {
                    await act(page)
                    await page.waitForTimeout(450)
                }
            } catch (error) {
                console.error(`  ${name}: ${error.message.split('\n')[0]}`)
            }
            const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)
            if (wide > 0) console.error(`  ${name} at ${size}: the page is ${wide} px too wide`)
            await page.screenshot({ path: `${out}/${name}-${size}-${theme}.png` })
        }
        page.setDefaultTimeout(4000)
        for (const [name, path] of Object.entries(pages)) await visit(name, path)
        for (const [name, [path, act]] of Object.entries(acts)) await visit(name, path, act)
        await context.close()
    }
}
await browser.close()
server?.closeAllConnections()
server?.close()
console.log(`Pictures are in ${out}`)
process.exitCode = failures > 0 ? 1 : 0
