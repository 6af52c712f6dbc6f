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
