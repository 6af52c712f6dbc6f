// Serves ui/dist with recorded answers, for looking at pages while no server runs. Development only.
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { extname, join } from 'node:path'
import * as data from './data.mjs'
import { flagAnswer } from './flags.mjs'
import { insightAnswer } from './insights.mjs'

const dist = process.env.MOCK_DIST ?? new URL('../../dist/', import.meta.url).pathname
const types = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml', '.woff2': 'font/woff2' }
const page = (results) => ({ count: results.length, next: null, previous: null, results })
const none = data.empty

function answer(path, url, body) {
    const search = url.searchParams.get('search')?.toLowerCase() ?? ''
    const named = (list, name) => list.filter((item) => !search || name(item).toLowerCase().includes(search))
    if (path === '/_preflight') return { initiated: process.env.MOCK !== 'new', can_create_org: false, email_service_available: false }
    if (path === '/api/users/@me') return process.env.MOCK === 'new' ? [401, { type: 'authentication_error', code: 'not_authenticated', detail: 'Authentication credentials were not provided.', attr: null }] : data.user
    if (path.startsWith('/api/signup/')) return { id: 'x', target_email: 'b****a@acme.test', first_name: 'Barbara', organization_name: 'Acme' }
    if (path === '/api/personal_api_keys') return none ? [] : data.keys
    if (path.endsWith('/members')) return page(none ? data.members.slice(0, 1) : data.members)
    if (path.endsWith('/invites')) return page(none ? [] : data.invites)
    if (path === '/livestream/stats') return { users_on_product: none ? 0 : 214 }
    const inside = /^\/api\/projects\/\d+(.*)$/.exec(path)?.[1]
    if (inside === undefined) return null
    if (inside === '') return data.project
    const about = flagAnswer(inside, url, body)
    if (about !== null) return about
    if (inside === '/ingestion/lag') return { pending_events: none ? 0 : 64, oldest_seconds: none ? 0 : 0.3 }
    if (inside === '/ingestion/health') return data.health()
    if (inside === '/ingestion_warnings') return data.warnings()
    if (inside === '/event_definitions') return page(none ? [] : named(data.eventDefinitions, (item) => item.name))
    if (inside === '/sessions/property_definitions') return page([{ id: 's1', name: '$session_duration', property_type: 'Numeric', is_numerical: true }])
    if (inside === '/property_definitions') return page(none ? [] : named(data.propertyDefinitions, (item) => item.name).filter((item) => !url.searchParams.get('is_numerical') || item.property_type === 'Numeric'))
    if (inside.endsWith('/values')) return [{ name: 'Germany' }, { name: 'France' }, { name: 'Japan' }, { name: 'Portugal' }]
    if (inside === '/persons') return page(none ? [] : named(data.persons, (item) => item.properties.email))
    if (inside.startsWith('/persons/')) return data.persons.find((person) => inside.includes(person.uuid)) ?? data.persons[0]
    if (inside === '/groups_types') return none ? [] : [{ group_type: 'company', group_type_index: 0, name_singular: 'Company', name_plural: 'Companies' }, { group_type: 'team', group_type_index: 1, name_singular: null, name_plural: null }]
    if (inside === '/groups') return page(none ? [] : named(data.groups, (item) => item.group_key))
    if (inside === '/groups/find') return data.groups[0]
    if (inside === '/insights') {
        const id = url.searchParams.get('short_id')
        return page(none ? [] : id ? data.insights.filter((item) => item.short_id === id) : named(data.insights, (item) => item.name))
    }
    if (inside === '/query') return query(body.query)
    return null
}

function query(node) {
    const about = { timezone: 'Europe/Berlin', last_refresh: new Date().toISOString(), is_cached: false, query_metadata: { rows_read: 2_103_422, time_elapsed_ms: 38 } }
    const insight = insightAnswer(node, about)
    if (insight) return insight
    if (node.kind === 'TrendsQuery') return { results: data.trends(node), ...about }
    if (node.kind === 'ActorsQuery') return { results: data.persons.map((person) => [person, person.uuid, person.created_at]), columns: ['person', 'id', 'created_at'], hasMore: false, missing_actors_count: 0, ...about }
    if (node.kind === 'EventsQuery') {
        if (none) return { results: [], columns: node.select, hasMore: false }
        const rows = Array.from({ length: Math.min(node.limit ?? 100, 1000) }, (_, index) => {
            const event = data.event((node.offset ?? 0) * 20 + index * 23)
            if (node.personId) event.properties.$session_id = `0199a5e0-7c3a-7abc-8def-${Math.floor(index / 9)}`
            const person = data.persons.find((known) => known.uuid === event.person_id)
            return node.select.map((column) => (column === '*' ? event : column === 'person' ? { uuid: person.uuid, distinct_id: event.distinct_id, created_at: person.created_at, properties: person.properties } : event.timestamp))
        })
        return { results: rows, columns: node.select, hasMore: (node.offset ?? 0) < 2000, ...about }
    }
    return { results: [], columns: [] }
}

function live(response) {
    response.writeHead(200, { 'Content-Type': 'text/event-stream' })
    response.write(': hello\n\n')
    if (none) return
    const send = () => response.write(`data: ${JSON.stringify(data.event(0.08))}\n\n`)
    for (let index = 0; index < 40; index += 1) response.write(`data: ${JSON.stringify(data.event(40 - index))}\n\n`)
    const timer = setInterval(send, 300)
    response.on('close', () => clearInterval(timer))
}

export function start(port) {
    const server = createServer(async (request, response) => {
        const url = new URL(request.url, 'http://mock')
        const path = url.pathname.replace(/\/$/, '')
        if (path === '/livestream/events') return live(response)
        const chunks = []
        for await (const chunk of request) chunks.push(chunk)
        const body = chunks.length ? JSON.parse(Buffer.concat(chunks).toString()) : {}
        if (path.startsWith('/api') || path.startsWith('/livestream') || path === '/_preflight') {
            const found = answer(path, url, body)
            const [status, json] = Array.isArray(found) && typeof found[0] === 'number' ? found : found === null ? [404, { type: 'invalid_request', code: 'not_found', detail: `No recorded answer for ${path}`, attr: null }] : [200, found]
            response.writeHead(status, { 'Content-Type': 'application/json' })
            return response.end(JSON.stringify(json))
        }
        const file = extname(path) ? path : '/index.html'
        try {
            const content = await readFile(join(dist, file))
            response.writeHead(200, { 'Content-Type': types[extname(file)] ?? 'application/octet-stream' })
            response.end(content)
        } catch {
            response.writeHead(404).end()
        }
    })
    return new Promise((resolve) => server.listen(port, '127.0.0.1', () => resolve(server)))
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
    await start(Number(process.env.PORT ?? 8099))
    console.log(`http://127.0.0.1:${process.env.PORT ?? 8099}`)
}
