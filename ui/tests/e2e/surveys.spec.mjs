// Surveys, as somebody asks their visitors something and reads what they answered.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { accessibilityProblems, administrator, holds, logIn, MINUTE, openBrowser, send, settled, startHoglet } from './harness.mjs'

let hoglet, browser, page, base
const token = administrator.HOGLET_PROJECT_TOKEN

before(async () => {
    hoglet = await startHoglet(administrator)
    browser = await openBrowser(hoglet.url)
    page = browser.page
    await logIn(page)
    base = /\/project\/\d+/.exec(page.url())[0]
})
after(async () => {
    await browser?.close()
    await hoglet?.stop()
})

/** The survey as the API has it. */
async function stored(name) {
    const response = await page.request.get(`/api/projects/@current/surveys/?search=${encodeURIComponent(name)}`)
    return (await response.json()).results.find((survey) => survey.name === name)
}

/** What SDKs of visitors get. */
const offered = async () => (await (await fetch(`${hoglet.url}/api/surveys/?token=${token}`)).json()).surveys

const answerOf = (survey, person, ago, answers) => ({
    event: 'survey sent',
    distinct_id: person,
    timestamp: new Date(Date.now() - ago).toISOString(),
    properties: { $survey_id: survey.id, $survey_name: survey.name, $survey_completed: true, $survey_submission_id: `${person}-1`, ...Object.fromEntries(survey.questions.map((question, index) => [`$survey_response_${question.id}`, answers[index]])), $set: { email: `${person}@example.test` } },
})
const shownTo = (survey, person, ago) => ({ event: 'survey shown', distinct_id: person, timestamp: new Date(Date.now() - ago).toISOString(), properties: { $survey_id: survey.id } })

test('with no surveys there are some to begin with', async () => {
    await page.goto(`${base}/surveys`)
    await page.getByRole('heading', { name: 'No surveys yet' }).waitFor()
    assert.deepEqual(await accessibilityProblems(page), [])
    await page.getByRole('link', { name: /Net promoter score/ }).click()
    await page.getByLabel('Name').waitFor()
    await holds(page.getByLabel('Name'), 'Net promoter score')
})

test('what is wrong with a survey is said where it is', async () => {
    await page.getByLabel('Name').fill('')
    await page.getByRole('button', { name: 'Save as draft' }).click()
    await page.getByText('Give it a name to find it by.').waitFor()
    await page.getByLabel('Name').fill('How likely')
})

test('questions are added, changed and moved, and the preview follows', async () => {
    await page.getByRole('button', { name: 'Ask another question' }).click()
    await page.getByRole('menuitem', { name: 'Several choices' }).click()
    await page.getByLabel('Question', { exact: true }).fill('What do you use?')
    await page.getByRole('textbox', { name: 'Choice 1' }).fill('Insights')
    await page.getByRole('textbox', { name: 'Choice 2' }).fill('Flags')
    await page.getByLabel('Offer own words').click()
    await holds(page.getByRole('textbox', { name: 'Choice 3' }), 'Other')
    await page.getByRole('group', { name: 'Preview of the survey' }).getByText('What do you use?').waitFor()
    await page.getByRole('button', { name: 'Move question 3 up' }).click()
    await page.getByRole('region', { name: 'Question 2' }).getByText('What do you use?').first().waitFor()
    await page.getByRole('button', { name: 'Save as draft' }).click()
    await page.getByText('is saved as a draft').waitFor()
    const survey = await stored('How likely')
    assert.deepEqual(survey.questions.map((question) => question.type), ['rating', 'multiple_choice', 'open'])
    assert.equal(survey.start_date, null)
})

test('who is asked is chosen, and only they are', async () => {
    await page.getByRole('tab', { name: 'Audience' }).click()
    await page.getByLabel('Address to match').fill('/pricing')
    await page.getByLabel('End it at').click()
    await page.getByLabel('Responses at which it ends').fill('250')
    await page.getByRole('button', { name: 'Save', exact: true }).click()
    await page.getByText('Saved.').waitFor()
    const survey = await stored('How likely')
    assert.equal(survey.conditions.url, '/pricing')
    assert.equal(survey.responses_limit, 250)
    assert.deepEqual(await accessibilityProblems(page), [])
})

test('how it looks is changed and seen at once', async () => {
    await page.getByRole('tab', { name: 'Look' }).click()
    await page.getByLabel('Background', { exact: true }).fill('#123456')
    await page.getByLabel('Text', { exact: true }).fill('#ffffff')
    await page.locator('[aria-label="Preview of the survey"][style*="rgb(18, 52, 86)"]').waitFor()
    await page.reload()
    await holds(page.getByLabel('Background', { exact: true }), '#123456')
    assert.deepEqual(await accessibilityProblems(page), [])
})

test('launched, it is offered to visitors', async () => {
    assert.equal((await offered()).filter((survey) => survey.start_date !== null).length, 0)
    await page.getByRole('button', { name: 'Launch' }).click()
    await page.getByText('The survey is running.').waitFor()
    const [survey] = (await offered()).filter((one) => one.start_date !== null)
    assert.equal(survey.name, 'How likely')
    assert.equal(survey.appearance.backgroundColor, '#123456')
})

test('answers are counted and listed with who gave them', async () => {
    const survey = await stored('How likely')
    const answers = { ann: [10, ['Insights', 'Flags'], 'Fast <b>and</b> clear'], bob: [9, ['Insights'], null], cem: [3, ['Pigeons'], 'Too dear'] }
    await send(hoglet.url, token, Object.keys(answers).flatMap((person, index) => [shownTo(survey, person, (10 - index) * MINUTE), answerOf(survey, person, (9 - index) * MINUTE, answers[person])]))
    await send(hoglet.url, token, [shownTo(survey, 'dee', MINUTE)])
    await settled(page)
    await page.goto(`${base}/surveys/${survey.id}?tab=results`)
    await page.getByText('+33.33').waitFor()
    const shares = page.getByRole('region', { name: 'Answers to question 2' })
    await shares.getByRole('row', { name: /Insights 2 67%/ }).waitFor()
    await shares.getByText('Pigeons').waitFor()
    const words = page.getByRole('region', { name: 'Answers to question 3' })
    await words.getByText('Fast <b>and</b> clear').waitFor()
    await page.getByText('Response rate').waitFor()
    await page.getByText('75%', { exact: true }).waitFor()
    await page.getByRole('table', { name: 'Responses' }).getByRole('link', { name: 'cem' }).waitFor()
    assert.deepEqual(await accessibilityProblems(page), [])
    await page.getByRole('table', { name: 'Responses' }).getByRole('link', { name: 'cem' }).click()
    await page.getByText('cem@example.test').first().waitFor()
})

test('responses are downloaded as a table', async () => {
    const survey = await stored('How likely')
    await page.goto(`${base}/surveys/${survey.id}?tab=results`)
    const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: 'CSV' }).click()])
    const text = await (await download.createReadStream()).toArray().then((parts) => Buffer.concat(parts).toString())
    assert.match(text.split('\n')[0], /What do you use\?/)
    assert.match(text, /Pigeons/)
})

test('ended, it is no longer offered', async () => {
    await page.getByRole('button', { name: 'More actions' }).click()
    await page.getByRole('menuitem', { name: 'End the survey' }).click()
    await page.getByText('The survey has ended.').waitFor()
    assert.equal((await offered()).filter((survey) => survey.start_date !== null && survey.end_date === null).length, 0)
})

test('the list shows its state and its responses, on a phone as well', async () => {
    await page.goto(`${base}/surveys`)
    await page.getByRole('row', { name: /Ended How likely .* 3 / }).waitFor()
    await page.setViewportSize({ width: 390, height: 844 })
    await page.getByRole('row', { name: /Ended How likely/ }).waitFor()
    const wider = await page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth)
    assert.equal(wider, false, 'nothing sticks out of a phone')
    await page.setViewportSize({ width: 1280, height: 800 })
})

test('a survey is deleted, with a warning that names it', async () => {
    await page.getByRole('row', { name: /How likely/ }).click()
    await page.getByRole('button', { name: 'More actions' }).click()
    await page.getByRole('menuitem', { name: 'Delete survey' }).click()
    await page.getByRole('heading', { name: 'Delete How likely?' }).waitFor()
    await page.getByRole('button', { name: 'Delete survey' }).click()
    await page.getByRole('heading', { name: 'No surveys yet' }).waitFor()
})

test('nothing was thrown and nothing left the server', () => {
    assert.deepEqual(browser.problems, [])
})
