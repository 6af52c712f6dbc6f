// Puts definitions into the server through its API, and people and groups through capture, as everybody would.

import { api, settled, token, url } from '../sdk/hoglet.mjs'

const PROJECT = '/api/projects/@current'
const GROUP_TYPE = 'company'

export async function store({ cohorts, flags, companies, people }) {
    await capture([
        ...Object.entries(companies).map(([key, properties]) => ({ event: '$groupidentify', distinct_id: 'group maker', properties: { $group_type: GROUP_TYPE, $group_key: key, $group_set: properties } })),
        ...people.filter(({ stored }) => stored).map(({ distinct_id, person_properties }) => ({ event: '$set', distinct_id, properties: { $set: person_properties } })),
    ])
    await settled()
    const cohortIds = []
    for (const cohort of cohorts) cohortIds.push((await post(`${PROJECT}/cohorts/`, { ...cohort, filters: referring(cohort.filters, cohortIds, []) })).id)
    const flagIds = []
    for (const flag of flags) flagIds.push((await post(`${PROJECT}/feature_flags/`, { ...flag, filters: referring(flag.filters, cohortIds, flagIds) })).id)
}

/** Definitions name each other by their place, `#3`; the API knows ids. */
function referring(node, cohortIds, flagIds) {
    if (Array.isArray(node)) return node.map((item) => referring(item, cohortIds, flagIds))
    if (node === null || typeof node !== 'object') return node
    const copy = Object.fromEntries(Object.entries(node).map(([key, value]) => [key, referring(value, cohortIds, flagIds)]))
    if (node.type === 'cohort') copy.value = cohortIds[Number(node.value.slice(1))]
    if (node.type === 'flag') copy.key = String(flagIds[Number(node.key.slice(1))])
    return copy
}

function post(path, body) {
    return api(path, { method: 'POST', body: JSON.stringify(body) }).catch((error) => {
        throw new Error(`${error.message}\nfor ${JSON.stringify(body)}`)
    })
}

async function capture(events) {
    const batch = events.map((event) => ({ ...event, timestamp: new Date().toISOString() }))
    const response = await fetch(`${url}/batch/`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ api_key: token, batch }) })
    if (!response.ok) throw new Error(`/batch/ answered ${response.status}: ${await response.text()}`)
}
