// posthog-go: the program under go/ sends, this looks at what arrived.

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { dirname, join } from 'node:path'
import { before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { allTest, arrived, eventsOf, eventually, groupOf, makeFlag, onePerson, unique, whose } from './hoglet.mjs'

const folder = join(dirname(fileURLToPath(import.meta.url)), 'go')
const suffix = randomUUID().slice(0, 8)
const uuid = randomUUID()
const [user, alias, company] = [`user-${suffix}`, `alias-${suffix}`, `company-${suffix}`]

describe('posthog-go', () => {
    let printed
    before(async () => {
        const plan = unique('plan')
        await makeFlag(whose('plan', plan), { key: plan })
        const args = ['run', '-mod=readonly', '.', suffix, uuid, await makeFlag(allTest), plan]
        const { stdout } = await promisify(execFile)('go', args, { cwd: folder })
        printed = JSON.parse(stdout)
    })

    test('an event arrives with its properties, id and time', async () => {
        const paid = (await arrived(user, 'invoice paid')).find(({ event }) => event === 'invoice paid')
        assert.equal(paid.uuid, uuid)
        assert.equal(paid.properties.total, 99.5)
        assert.deepEqual(paid.properties.lines, [{ sku: 'ä' }])
        assert.equal(paid.properties.$lib, 'posthog-go')
        assert.match(paid.timestamp, /^2026-01-02T03:04:05/)
    })

    test('every event of many arrives once', async () => {
        const ticks = async () => (await eventsOf(user)).filter(({ event }) => event === 'tick')
        const events = await eventually('200 events', ticks, (events) => events.length >= 200)
        const numbers = events.map(({ properties }) => properties.number).sort((a, b) => a - b)
        assert.deepEqual(numbers, Array.from({ length: 200 }, (_, number) => number))
    })

    test('identify and an alias without a distinct id of its own make one person', async () => {
        const person = await onePerson(user, alias)
        assert.equal(person.properties.plan, 'pro')
        const event = (await arrived(alias, 'as alias')).find(({ event }) => event === 'as alias')
        assert.equal(event.person_id, person.uuid)
    })

    test('a group is made and events belong to it', async () => {
        const grouped = (await arrived(user, 'grouped')).find(({ event }) => event === 'grouped')
        const group = await groupOf(company)
        assert.equal(group.properties.name, 'Acme')
        assert.equal(grouped.properties[`$group_${group.index}`], company)
    })

    test('flags are answered remotely and locally', () => {
        for (const { payload, ...values } of [printed.remote, printed.local]) {
            assert.deepEqual(values, { variant: 'test', plan: true })
            assert.deepEqual(JSON.parse(payload), { colour: 'green', steps: [1, 2] })
        }
    })
})
