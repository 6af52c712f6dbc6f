// Surveys: shown by posthog-js in a real browser and on a page of their own, answered, and found in the results.

import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { api, arrived, change, eventually, make, personOf, served, unique, url } from '../hoglet.mjs'
import { all, newContext, start, stop, visit } from './visit.mjs'

before(start)
after(stop)

const evil = 'Nice to <b>meet</b> you<img src=x onerror="window.ran=1"><script>window.ran=1</script>'

function questions() {
    return [
        { type: 'rating', question: 'How likely are you to recommend us?', description: evil, display: 'number', scale: 10, lowerBoundLabel: 'Unlikely', upperBoundLabel: 'Likely' },
        { type: 'open', question: 'Why?', optional: true },
        { type: 'multiple_choice', question: 'What do you use?', choices: ['Charts', 'Flags', 'Else'] },
    ]
}

/** A running survey that is shown on pages whose address holds a word of its own. */
async function launched(body = {}) {
    const word = unique('word')
    const survey = await make('surveys', {
        name: unique('Survey'),
        type: 'popover',
        questions: questions(),
        conditions: { url: word, urlMatchType: 'icontains' },
        appearance: { thankYouMessageHeader: 'Thanks a lot', thankYouMessageDescription: evil, displayThankYouMessage: true, surveyPopupDelaySeconds: 0 },
        start_date: new Date().toISOString(),
        ...body,
    })
    return { survey, query: `?${word}` }
}

const of = (survey, rest) => `/api/projects/@current/surveys/${survey.id}/${rest}`

/** Waits until results hold this many responses. */
function responses(survey, count) {
    return eventually(`${count} responses`, () => api(of(survey, 'responses/')), (list) => list.count === count)
}

/** Answers everything; the selectors reach into the survey's own shadow tree. */
async function answer(page, survey, why) {
    const form = page.locator(`.PostHogSurvey-${survey.id}`)
    await form.getByText('How likely are you to recommend us?').waitFor()
    await form.locator('.ratings-number').nth(9).click()
    await form.getByRole('button', { name: 'Submit' }).click()
    await form.locator('textarea').fill(why)
    await form.getByRole('button', { name: 'Submit' }).click()
    await form.getByText('Charts').click()
    await form.getByText('Flags').click()
    await form.getByRole('button', { name: 'Submit' }).click()
    await form.getByText('Thanks a lot').waitFor()
}

for (const form of all.filter(({ path }) => ['/bundled', '/snippet', '/v1.236'].includes(path))) {
    describe(`surveys, ${form.name}`, () => {
        test('a popover is shown, answered, and found in the results', async () => {
            const { survey, query } = await launched()
            try {
                await visit(
                    form,
                    async ({ page }) => {
                        // Only known persons have properties; of others, the browser remembers what they answered.
                        const visitor = unique('user')
                        await page.evaluate((visitor) => posthog.identify(visitor), visitor)
                        await answer(page, survey, '=1+1 <script>alert(1)</script>')
                        assert.equal(await page.evaluate(() => window.ran), undefined)
                        await arrived(visitor, 'survey sent')
                        const [response] = (await responses(survey, 1)).results
                        const [rating, why, which] = survey.questions.map(({ id }) => response.answers[id])
                        assert.deepEqual([rating, why, which], [9, '=1+1 <script>alert(1)</script>', ['Charts', 'Flags']])
                        assert.equal(response.distinct_id, visitor)
                        const summary = await api(of(survey, 'summary/'))
                        assert.deepEqual(summary.questions[0].nps, { promoters: 1, passives: 0, detractors: 0, score: 100 })
                        const { stats, rates } = await api(of(survey, 'stats/'))
                        assert.deepEqual([stats['survey shown'].total_count, stats['survey sent'].total_count, rates.response_rate], [1, 1, 100])
                        // Who answered is not asked again, on whatever device.
                        await eventually('the property', () => personOf(visitor), (person) => person?.properties[`$survey_responded/${survey.id}`] === true)
                        const flag = survey.internal_targeting_flag.key
                        await eventually('the flag', () => served(visitor), ({ flags }) => flags[flag]?.enabled === false)
                        assert.equal((await served(unique('somebody'))).flags[flag].enabled, true)
                    },
                    query
                )
            } finally {
                await change('surveys', survey.id, { archived: true })
            }
        })
    })
}

describe('surveys', () => {
    const [snippet] = all

    test('a dismissal is counted and is no response', async () => {
        const { survey, query } = await launched()
        try {
            await visit(
                snippet,
                async ({ page, visitor }) => {
                    const form = page.locator(`.PostHogSurvey-${survey.id}`)
                    await form.getByText('How likely').waitFor()
                    await form.getByRole('button', { name: 'Close survey' }).click()
                    await arrived(visitor, 'survey dismissed')
                    const { stats } = await api(of(survey, 'stats/'))
                    assert.deepEqual([stats['survey dismissed'].total_count, stats['survey sent'].total_count], [1, 0])
                },
                query
            )
        } finally {
            await change('surveys', survey.id, { archived: true })
        }
    })

    test('partial answers count where the survey says so', async () => {
        const { survey, query } = await launched({ enable_partial_responses: true })
        try {
            await visit(
                snippet,
                async ({ page }) => {
                    const form = page.locator(`.PostHogSurvey-${survey.id}`)
                    await form.getByText('How likely').waitFor()
                    await form.locator('.ratings-number').nth(3).click()
                    await form.getByRole('button', { name: 'Submit' }).click()
                    await form.locator('textarea').waitFor()
                    const [response] = (await responses(survey, 1)).results
                    assert.deepEqual([response.completed, response.answers[survey.questions[0].id]], [false, 3])
                },
                query
            )
            await change('surveys', survey.id, { enable_partial_responses: false })
            await responses(survey, 0)
        } finally {
            await change('surveys', survey.id, { archived: true })
        }
    })

    test('a survey ends with its last response', async () => {
        const { survey, query } = await launched({ responses_limit: 1 })
        await visit(snippet, ({ page }) => answer(page, survey, 'the only one'), query)
        const ended = await eventually('the end', () => api(of(survey, '')), ({ end_date }) => end_date !== null)
        assert.equal(ended.internal_targeting_flag.active, false)
    })

    test('a page of its own shows a survey to whoever has the link', async () => {
        const { survey } = await launched({ type: 'external_survey' })
        const respondent = unique('respondent')
        // Headless browsers say so in their name, and the SDK sends nothing for robots.
        const context = await newContext({ userAgent: 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36' })
        await context.addInitScript(() => {
            Object.defineProperty(navigator, 'webdriver', { get: () => false })
            Object.defineProperty(navigator, 'userAgentData', { get: () => undefined })
        })
        try {
            const page = await context.newPage()
            const refused = []
            page.on('console', (message) => message.type() === 'error' && refused.push(message.text()))
            const elsewhere = []
            page.on('request', (request) => !request.url().startsWith(url) && !request.url().startsWith('data:') && elsewhere.push(request.url()))
            await page.goto(`${url}/external_surveys/${survey.id}?distinct_id=${respondent}`)
            await answer(page, survey, 'by link')
            const [response] = (await responses(survey, 1)).results
            assert.deepEqual([response.distinct_id, response.answers[survey.questions[1].id]], [respondent, 'by link'])
            await page.locator(`.PostHogSurvey-${survey.id}`).getByText('Close', { exact: true }).click()
            await page.getByText('You can close this page').waitFor()
            assert.deepEqual(elsewhere, [])
            assert.deepEqual(refused.filter((text) => /Content Security Policy/.test(text)), [])
            await change('surveys', survey.id, { end_date: new Date().toISOString() })
            assert.equal((await page.goto(`${url}/external_surveys/${survey.id}`)).status(), 404)
        } finally {
            await context.close()
        }
    })
})
