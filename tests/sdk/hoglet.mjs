// The running server as tests see it: what arrived, asked through its own query API.

import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'

function required(name) {
    const value = process.env[name]
    if (!value) throw new Error(`${name} is not set: run this through with-server.mjs`)
    return value
}

export const url = required('HOGLET_URL')
export const token = required('HOGLET_PROJECT_TOKEN')
export const key = required('HOGLET_PERSONAL_API_KEY')

const PATIENCE_MS = 30_000

/** A name that no other test of this run uses. */
export function unique(name) {
    return `${name}-${randomUUID().slice(0, 8)}`
}

export async function api(path, options = {}) {
    const response = await fetch(url + path, { ...options, headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' } })
    const text = await response.text()
    const isJson = response.headers.get('content-type')?.startsWith('application/json')
    if (!response.ok || !isJson) throw new Error(`${path} answered ${response.status}: ${text.slice(0, 500)}`)
    return JSON.parse(text)
}

function write(method, path, body) {
    return api(path, { method, body: JSON.stringify(body) })
}

/** Makes something below the project, such as a survey; answers it as the API shows it. */
export function make(what, body) {
    return write('POST', `/api/projects/@current/${what}/`, body)
}

export function change(what, id, body) {
    return write('PATCH', `/api/projects/@current/${what}/${id}/`, body)
}

export const everyone = { groups: [{ properties: [], rollout_percentage: 100 }] }

/** Conditions that hold for persons with one value of one property. */
export function whose(key, value) {
    return { groups: [{ properties: [{ key, value: [value], operator: 'exact', type: 'person' }], rollout_percentage: 100 }] }
}

/** Filters of a flag that gives everyone its variant `test`, with a payload. */
export const allTest = {
    ...everyone,
    multivariate: {
        variants: [
            { key: 'control', rollout_percentage: 0 },
            { key: 'test', rollout_percentage: 100 },
        ],
    },
    payloads: { test: JSON.stringify({ colour: 'green', steps: [1, 2] }) },
}

/** Makes a flag under a key of its own, and waits until it is served: other processes of a server may be a second behind. */
export async function makeFlag(filters = everyone, more = {}) {
    const flag = await make('feature_flags', { key: unique('flag'), name: 'made by a test', filters, active: true, ...more })
    await eventually(`the flag ${flag.key}`, () => served(unique('nobody')), ({ flags }) => flag.key in flags)
    return flag.key
}

/** What the server answers about somebody's flags now. */
export async function served(distinctId) {
    const response = await fetch(`${url}/flags/?v=2`, { method: 'POST', body: JSON.stringify({ token, distinct_id: distinctId }), headers: { 'content-type': 'application/json' } })
    return response.json()
}

/** Rows of a HogQL query as objects by column name. */
export async function query(hogql) {
    const body = JSON.stringify({ query: { kind: 'HogQLQuery', query: hogql } })
    const { columns, results } = await api('/api/projects/@current/query', { method: 'POST', body })
    return results.map((row) => Object.fromEntries(columns.map((column, at) => [column, row[at]])))
}

export function quote(text) {
    return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
}

/** Asks again until `enough` is content with the answer; SDKs send in the background, and so does a browser. */
export async function eventually(what, ask, enough) {
    const deadline = Date.now() + PATIENCE_MS
    for (;;) {
        const answer = await ask()
        if (enough(answer)) return answer
        if (Date.now() > deadline) throw new Error(`${what} did not arrive; last seen: ${JSON.stringify(answer, null, 2)}`)
        await sleep(150)
    }
}

/** Waits until everything that was accepted so far can be queried. */
export async function settled() {
    const lag = () => api('/api/projects/@current/ingestion/lag')
    await eventually('an empty queue', lag, ({ pending_events }) => pending_events === 0)
}

function parsed(value) {
    return typeof value === 'string' ? JSON.parse(value) : value
}

/** Events of one distinct id, oldest first, with their properties. */
export async function eventsOf(distinctId) {
    const rows = await query(
        `SELECT uuid, event, distinct_id, toString(person_id) AS person_id, properties, elements_chain, timestamp FROM events WHERE distinct_id = ${quote(distinctId)} ORDER BY timestamp, uuid LIMIT 1000`
    )
    return rows.map((row) => ({ ...row, properties: parsed(row.properties) }))
}

/** Waits for events with these names and returns all events of the distinct id. */
export function arrived(distinctId, ...names) {
    const all = (events) => names.every((name) => events.some(({ event }) => event === name))
    return eventually(`${names.join(', ')} of ${distinctId}`, () => eventsOf(distinctId), all)
}

/** The person that a distinct id belongs to, with all its ids; null while there is none. */
export async function personOf(distinctId) {
    const [owner] = await query(`SELECT toString(person_id) AS uuid FROM person_distinct_ids WHERE distinct_id = ${quote(distinctId)}`)
    if (!owner) return null
    const [person] = await query(`SELECT properties FROM persons WHERE id = ${quote(owner.uuid)}`)
    if (!person) return null
    const ids = await query(`SELECT distinct_id FROM person_distinct_ids WHERE person_id = ${quote(owner.uuid)}`)
    return { uuid: owner.uuid, properties: parsed(person.properties), distinctIds: ids.map(({ distinct_id }) => distinct_id).sort() }
}

/** Waits until the distinct ids are one person, and returns it. */
export function onePerson(...distinctIds) {
    const same = (person) => person !== null && distinctIds.every((id) => person.distinctIds.includes(id))
    return eventually(`one person with ${distinctIds.join(', ')}`, () => personOf(distinctIds[0]), same)
}

/** A group by its key; waits for it. */
export async function groupOf(groupKey) {
    const ask = () => query(`SELECT index, key, properties FROM groups WHERE key = ${quote(groupKey)}`)
    const [group] = await eventually(`group ${groupKey}`, ask, (rows) => rows.length === 1)
    return { ...group, properties: parsed(group.properties) }
}
