// posthog-rs: the program under rust/ sends, this looks at what arrived.

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { dirname, join } from 'node:path'
import { before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { allTest, arrived, eventsOf, eventually, groupOf, makeFlag, onePerson, unique, whose } from './hoglet.mjs'

const manifest = join(dirname(fileURLToPath(import.meta.url)), 'rust/Cargo.toml')

async function send(features, ...given) {
    const args = ['run', '--quiet', '--locked', '--manifest-path', manifest, ...features, '--', ...given]
    const { stdout } = await promisify(execFile)('cargo', args)
    return JSON.parse(stdout)
}

suite('posthog-rs', [])
suite('posthog-rs with the newer wire protocol', ['--features', 'capture-v1'])

function suite(name, features) {
    describe(name, () => tests(features))
}

function tests(features) {
    const suffix = randomUUID().slice(0, 8)
    const uuid = randomUUID()
    const [user, visitor, company] = [`user-${suffix}`, `visitor-${suffix}`, `company-${suffix}`]
    let printed
    before(async () => {
        const plan = unique('plan')
        await makeFlag(whose('plan', plan), { key: plan })
        printed = await send(features, suffix, uuid, await makeFlag(allTest), plan)
    })

    test('an event arrives with its properties, id and time', async () => {
        const paid = (await arrived(user, 'invoice paid')).find(({ event }) => event === 'invoice paid')
        assert.equal(paid.uuid, uuid)
        assert.equal(paid.properties.total, 99.5)
        assert.deepEqual(paid.properties.lines, [{ sku: 'ä' }])
        assert.equal(paid.properties.$lib, 'posthog-rs')
        assert.match(paid.timestamp, /^2026-01-02T03:04:05/)
    })

    test('every event of a batch arrives once', async () => {
        const ticks = async () => (await eventsOf(user)).filter(({ event }) => event === 'tick')
        const events = await eventually('200 events', ticks, (events) => events.length >= 200)
        const numbers = events.map(({ properties }) => properties.number).sort((a, b) => a - b)
        assert.deepEqual(numbers, Array.from({ length: 200 }, (_, number) => number))
    })

    test('alias joins two ids', async () => {
        const person = await onePerson(visitor, user)
        const before = (await arrived(visitor, 'before')).find(({ event }) => event === 'before')
        assert.equal(before.person_id, person.uuid)
    })

    test('a group is made and events belong to it', async () => {
        const grouped = (await arrived(user, 'grouped')).find(({ event }) => event === 'grouped')
        const group = await groupOf(company)
        assert.equal(group.properties.name, 'Acme')
        assert.equal(grouped.properties[`$group_${group.index}`], company)
    })

    test('an exception arrives as an event', async () => {
        const { properties } = (await arrived(user, '$exception')).find(({ event }) => event === '$exception')
        assert.match(JSON.stringify(properties.$exception_list), /no such thing/)
    })

    test('flags are answered remotely and locally', () => {
        const told = { variant: 'test', payload: { colour: 'green', steps: [1, 2] }, plan: true }
        assert.deepEqual(printed, { remote: told, local: told })
    })
}
