// The kinds of insight in one frame: what goes along from one to the other, and what no editor can show.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { administrator, logIn, openBrowser, send, settled, startHoglet } from './harness.mjs'

let hoglet, browser, page

before(async () => {
    hoglet = await startHoglet(administrator)
    browser = await openBrowser(hoglet.url)
    page = browser.page
    await logIn(page)
    await send(hoglet.url, administrator.HOGLET_PROJECT_TOKEN, [
        { event: 'paid', distinct_id: 'ann', properties: { plan: 'pro' } },
        { event: 'seen', distinct_id: 'ann', properties: {} },
    ])
    await settled(page)
})
after(async () => {
    await browser?.close()
    await hoglet?.stop()
})

const json = (value) => encodeURIComponent(JSON.stringify(value))
const insights = () => page.url().replace(/(\/project\/\d+).*/, '$1/insights')

async function saved(query) {
    const token = (await page.context().cookies()).find((cookie) => cookie.name === 'csrftoken')?.value
    const response = await page.request.post('/api/projects/@current/insights/', { data: { name: 'From elsewhere', query, saved: true }, headers: token ? { 'X-CSRFToken': token } : {} })
    assert.equal(response.status(), 201, await response.text())
    return (await response.json()).short_id
}

test('tabs keep series, filters and dates, by keyboard as well', async () => {
    const filter = { type: 'event', key: 'plan', operator: 'exact', value: ['pro'] }
    await page.goto(`${insights()}/new?series=${json([{ event: 'seen', math: 'dau', filters: [] }, { event: 'paid', math: 'total', filters: [] }])}&filters=${json([filter])}&from=-30d&formulas=${json([{ formula: 'B / A' }])}`)
    await page.getByRole('tab', { name: 'Trends' }).focus()
    await page.keyboard.press('ArrowRight')
    await page.getByRole('tab', { name: 'Funnel', selected: true }).waitFor()
    await page.getByRole('button', { name: 'Event of step 1: seen' }).waitFor()
    await page.getByRole('button', { name: 'Event of step 2: paid' }).waitFor()
    await page.getByRole('button', { name: 'Edit filter: plan is pro' }).waitFor()
    await page.getByRole('radio', { name: 'Last 30 days', checked: true }).waitFor()
    await page.getByRole('tab', { name: 'Retention' }).click()
    await page.getByRole('button', { name: 'Event of the return: paid' }).waitFor()
})

test('coming back finds the formula again', async () => {
    await page.getByRole('tab', { name: 'Trends' }).click()
    await page.getByRole('textbox', { name: 'Formula', exact: true }).waitFor()
    assert.equal(await page.getByRole('textbox', { name: 'Formula', exact: true }).inputValue(), 'B / A')
})

test('back and forward go through the kinds', async () => {
    await page.goBack()
    await page.getByRole('tab', { name: 'Retention', selected: true }).waitFor()
    await page.goForward()
    await page.getByRole('tab', { name: 'Trends', selected: true }).waitFor()
})

test('a question that is changed cancels the one before, in the browser and on the server', async () => {
    const cancelled = []
    page.on('request', (request) => request.method() === 'DELETE' && /\/query\/[0-9a-f-]{36}\/$/.test(request.url()) && cancelled.push(request.url()))
    let held = 0
    await page.route('**/query/', async (route) => {
        held += 1
        if (held === 1) await new Promise((resolve) => setTimeout(resolve, 4000))
        await route.continue().catch(() => undefined)
    })
    await page.goto(`${insights()}/new?series=${json([{ event: 'paid', math: 'total', filters: [] }])}&display=BoldNumber`)
    await page.getByText('Still reading').waitFor()
    await page.getByRole('radio', { name: 'Ranking' }).click()
    await page.getByRole('rowheader', { name: 'paid' }).waitFor()
    await page.unroute('**/query/')
    assert.equal(cancelled.length, 1)
})

test('a display of other clients opens as its nearest likeness', async () => {
    const id = await saved({ kind: 'InsightVizNode', source: { kind: 'TrendsQuery', series: [{ kind: 'EventsNode', event: 'paid' }], trendsFilter: { display: 'ActionsPie', showLegend: true } } })
    await page.goto(`${insights()}/${id}`)
    await page.getByRole('radio', { name: 'Ranking', checked: true }).waitFor()
    await page.getByRole('region', { name: 'Answer', exact: true }).getByRole('button', { name: '1', exact: true }).waitFor()
})

test('what the editor does not know survives a change', async () => {
    await page.getByRole('radio', { name: 'Table' }).click()
    await page.getByRole('button', { name: 'Save', exact: true }).click()
    await page.getByRole('status').getByText('Saved.', { exact: true }).waitFor()
    const id = page.url().match(/insights\/([A-Za-z0-9]{8})/)[1]
    const kept = (await (await page.request.get(`/api/projects/@current/insights/?short_id=${id}`)).json()).results[0].query
    assert.deepEqual(kept.source.trendsFilter, { showLegend: true, display: 'ActionsTable' })
})

test('a question without an editor shows its answer and itself', async () => {
    const id = await saved({ kind: 'DataTableNode', source: { kind: 'EventsQuery', select: ['event', 'properties.plan'], after: '-30d', orderBy: ['event'] } })
    await page.goto(`${insights()}/${id}`)
    await page.getByRole('cell', { name: 'pro', exact: true }).waitFor()
    await page.getByText('No editor shows all of this').waitFor()
    assert.match(await page.getByLabel('Query', { exact: true }).innerText(), /"EventsQuery"/)
    assert.equal(await page.getByRole('button', { name: 'Save', exact: true }).count(), 0)
})

test('a kind that the server does not answer says so', async () => {
    const id = await saved({ kind: 'HogQuery', code: 'return 1' })
    await page.goto(`${insights()}/${id}`)
    await page.getByRole('alert').getByText(/HogQuery/).waitFor()
})

test('nothing was thrown and nothing left the server', () => assert.deepEqual(browser.problems, []))
