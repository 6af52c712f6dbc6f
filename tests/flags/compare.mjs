// For 100,000 pairs of a flag and a person: what /flags answers, and what posthog-node and posthog-python decide by themselves from the
// definitions that the server gives them. They must be equal, but for differences that rules.mjs explains.
//
// HOGLET_FLAGS_SEED (default 1), HOGLET_PYTHON (default .venv/bin/python)

import assert from 'node:assert'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { api, token, url } from '../sdk/hoglet.mjs'
import { generate } from './generate.mjs'
import { decide } from './local.mjs'
import { Rules } from './rules.mjs'
import { store } from './store.mjs'

const SIZES = { cohorts: 40, flags: 500, people: 200 }
const SHOWN = 8
const seed = Number(process.env.HOGLET_FLAGS_SEED ?? 1)

/** As the server is asked: of stored people and groups only who they are. */
async function asked({ distinct_id, device_id, groups, person_properties, group_properties, stored }) {
    const told = stored ? {} : { person_properties, group_properties }
    const body = { token, distinct_id, groups, $device_id: device_id, evaluation_runtime: 'all', ...told }
    const response = await fetch(`${url}/flags/?v=2`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
    const answer = await response.json()
    assert.equal(answer.errorsWhileComputingFlags, false, JSON.stringify(answer).slice(0, 500))
    return answer.flags
}

function decideInPython(people) {
    const folder = mkdtempSync(join(tmpdir(), 'hoglet-flags-'))
    const [input, output] = [join(folder, 'people.json'), join(folder, 'answers.json')]
    writeFileSync(input, JSON.stringify(people))
    execFileSync(process.env.HOGLET_PYTHON ?? '.venv/bin/python', ['flags/local.py', input, output], { stdio: ['ignore', 'inherit', 'inherit'] })
    const answers = JSON.parse(readFileSync(output, 'utf8'))
    rmSync(folder, { recursive: true })
    return answers
}

/** A flag that is off for everybody is not in the server's answer; SDKs know it from the definitions, and that it is off. */
function served(record) {
    if (record === undefined) return { value: false, payload: undefined }
    const payload = record.enabled ? record.metadata.payload : null
    return { value: record.variant ?? record.enabled, payload: payload === null ? undefined : JSON.parse(payload) }
}

function same(one, other) {
    return JSON.stringify(one) === JSON.stringify(other)
}

/** posthog-python hands payloads on as text. */
function parsed(sdk, payload) {
    return sdk === 'posthog-python' && payload !== undefined ? JSON.parse(payload) : payload
}

const world = generate(seed, SIZES)
for (const person of world.people) {
    if (person.device_id) person.person_properties.$device_id = person.device_id
    const { company } = person.groups
    person.group_properties = company === undefined ? {} : { company: world.companies[company] }
}
let clock = Date.now()
const lap = (what) => {
    console.log(`${what}: ${((Date.now() - clock) / 1000).toFixed(1)} s`)
    clock = Date.now()
}
await store(world)
lap(`stored ${world.flags.length} flags, ${world.cohorts.length} cohorts, ${Object.keys(world.companies).length} groups and half of ${world.people.length} people (seed ${seed})`)
const definitions = await api(`/flags/definitions?token=${token}&send_cohorts`)
assert.equal(definitions.flags.length, world.flags.length, 'every flag is among the definitions')
const answers = []
for (const person of world.people) answers.push(await asked(person))
lap('asked the server')
const local = { 'posthog-node': await decide(world.people) }
lap('asked posthog-node')
local['posthog-python'] = decideInPython(world.people)
lap('asked posthog-python')

const rules = new Rules(definitions)
const unexplained = []
for (const [sdk, decided] of Object.entries(local)) {
    const counts = { same: 0, 'left to the server': 0 }
    const bySwitch = { on: 0, off: 0 }
    world.people.forEach((person, at) => {
        for (const flag of definitions.flags) {
            const ours = served(answers[at][flag.key])
            const theirs = { value: decided[at].values[flag.key], payload: parsed(sdk, decided[at].payloads[flag.key]) }
            if (theirs.value === undefined) counts['left to the server'] += 1
            else if (same(ours, theirs)) {
                counts.same += 1
                bySwitch[ours.value === false ? 'off' : 'on'] += 1
            } else {
                const rule = rules.explain(sdk, flag, person)
                counts[rule ?? 'UNEXPLAINED'] = (counts[rule ?? 'UNEXPLAINED'] ?? 0) + 1
                if (!rule) unexplained.push({ sdk, flag, person, ours, theirs, reason: answers[at][flag.key]?.reason })
            }
        }
    })
    console.log(`\n${sdk}, ${world.people.length * world.flags.length} pairs (of those that agree, ${bySwitch.on} are on and ${bySwitch.off} off):`)
    for (const [what, count] of Object.entries(counts).sort((one, other) => other[1] - one[1])) console.log(`  ${String(count).padStart(7)}  ${what}`)
    assert.ok(counts.same > (world.people.length * world.flags.length) / 2, 'at least half of the pairs are decided by both')
}
for (const example of unexplained.slice(0, SHOWN)) console.error(`\n${JSON.stringify(example, null, 1)}`)
console.log(unexplained.length === 0 ? '\nno difference without a rule' : `\n${unexplained.length} differences that no rule explains`)
process.exit(unexplained.length === 0 ? 0 : 1)
