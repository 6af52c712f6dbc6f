// Believable answers for looking at pages while no server runs. Development only: nothing here is shipped or counted as a test.
let seed = 11
const random = () => (seed = (seed * 16807) % 2147483647) / 2147483647
const pick = (list) => list[Math.floor(random() * list.length)]
const uuid = () => 'xxxxxxxx-xxxx-7xxx-8xxx-xxxxxxxxxxxx'.replace(/x/g, () => Math.floor(random() * 16).toString(16))
export const now = () => new Date()
export const ago = (seconds) => new Date(Date.now() - seconds * 1000).toISOString()

export const absurd = process.env.MOCK === 'absurd'
export const empty = process.env.MOCK === 'empty'

const long = 'An event name that somebody generated from a whole sentence, with an order number 2026-000000001234567 and then some more words so that nobody can ever read it all the way to its very end'
const names = absurd ? [long, 'تم النقر على زر الشراء في صفحة المنتج', '$pageview', '🙂'.repeat(40), 'a'] : ['$pageview', '$autocapture', 'signed_up', 'order_paid', '$pageleave', 'search_performed', '$identify', 'plan_upgraded', 'video_played']
const cities = [['Berlin', 'Germany', 'DE'], ['Paris', 'France', 'FR'], ['Lisbon', 'Portugal', 'PT'], ['Tokyo', 'Japan', 'JP'], ['Austin', 'United States', 'US'], ['São Paulo', 'Brazil', 'BR']]
const people = ['ada.lovelace@acme.test', 'grace@northwind.test', 'linus@kernel.test', 'margaret@apollo.test', 'alan@bletchley.test', 'katherine@langley.test', 'donald@stanford.test', 'barbara@clu.test']
const paths = ['/', '/pricing', '/docs/getting-started', '/blog/how-we-count', '/app/dashboard', '/app/settings/members', '/checkout']

export function properties() {
    const [city, country, code] = pick(cities)
    const path = pick(paths)
    return {
        plan: pick(['free', 'pro', 'team']), amount: Math.round(random() * 20000) / 100, items: [pick(['notebook', 'pen']), 'ink'], coupon: null, first_order: random() > 0.5,
        $browser: pick(['Chrome', 'Safari', 'Firefox', 'Edge']), $browser_version: 131, $os: pick(['Mac OS X', 'Windows', 'Linux', 'iOS']), $device_type: pick(['Desktop', 'Mobile']),
        $current_url: `https://www.acme.test${path}?utm_source=${pick(['news', 'search'])}`, $pathname: path, $host: 'www.acme.test', $referring_domain: pick(['www.google.com', '$direct', 'news.ycombinator.com']),
        $lib: pick(['web', 'posthog-node', 'posthog-python']), $lib_version: '1.302.1', $session_id: `0199a5e0-7c3a-7abc-8def-00000000000${Math.floor(random() * 6)}`, $window_id: uuid(), $screen_width: 1920, $screen_height: 1080,
        $geoip_city_name: city, $geoip_country_name: country, $geoip_country_code: code, $timezone: 'Europe/Berlin', $insert_id: 'xk2p9q0a1b', $set: { email: pick(people) }, utm_source: 'news',
        ...(absurd ? { 'a property with a very long name that goes on and on until the column has no room left at all for the value': 'x'.repeat(900), عربي: 'قيمة طويلة جدا' } : {}),
    }
}

export const event = (secondsAgo) => ({ uuid: uuid(), event: pick(names), distinct_id: pick(people.map((mail, index) => `user_${1000 + index}`)), person_id: persons[Math.floor(random() * persons.length)].uuid, timestamp: ago(secondsAgo), created_at: ago(secondsAgo), properties: properties(), elements_chain: '', person_mode: 'full' })

export const persons = people.map((email, index) => {
    const [city, country, code] = cities[index % cities.length]
    const id = uuid()
    return {
        id, uuid: id, name: email, distinct_ids: [`user_${1000 + index}`, ...(index % 3 === 0 ? [uuid(), uuid()] : [])], created_at: ago(86400 * (3 + index * 9)), last_seen_at: ago(60 * (1 + index * 40)), is_identified: true,
        properties: { email: absurd && index === 0 ? `${'very.long.name.'.repeat(14)}@example.test` : email, name: email.split('@')[0], plan: ['free', 'pro', 'team'][index % 3], seats: 3 + index, $browser: 'Chrome', $os: 'Mac OS X', $geoip_city_name: city, $geoip_country_name: country, $geoip_country_code: code, $initial_referring_domain: 'www.google.com', $initial_utm_source: 'news', $initial_current_url: 'https://www.acme.test/' },
    }
})

export const user = {
    id: 1, uuid: uuid(), distinct_id: 'u', first_name: 'Ada', last_name: '', email: 'ada@acme.test', is_staff: true, has_password: true, theme_mode: 'system',
    team: { id: 1, name: 'Acme web', timezone: 'Europe/Berlin', is_demo: false },
    organization: { id: 'org', name: 'Acme', membership_level: 15, member_count: 3, teams: [{ id: 1, name: absurd ? `${'Acme '.repeat(40)}` : 'Acme web', timezone: 'Europe/Berlin', is_demo: false }, { id: 2, name: 'Hogflix demo', timezone: 'UTC', is_demo: true }] },
    organizations: [{ id: 'org', name: 'Acme', membership_level: 15 }],
}

export const project = {
    id: 1, uuid: uuid(), organization: 'org', api_token: 'phc_4xZ7qPfW2mT9bK1rJ8sV5nY3cL6hD0gA', name: user.organization.teams[0].name, created_at: ago(86400 * 40), timezone: 'Europe/Berlin', week_start_day: 1, is_demo: false, ingested_event: !empty,
    app_urls: ['https://www.acme.test', 'https://*.acme.test'], recording_domains: [], anonymize_ips: false, test_account_filters: empty ? [] : [{ type: 'person', key: 'email', operator: 'not_icontains', value: '@acme.test' }], test_account_filters_default_checked: false,
    person_display_name_properties: null, autocapture_opt_out: false, autocapture_exceptions_opt_in: true, autocapture_web_vitals_opt_in: false, capture_dead_clicks: false, capture_console_log_opt_in: false, capture_performance_opt_in: false, heatmaps_opt_in: true,
    cookieless_server_hash_mode: 0, live_events_token: 'token', live_events_columns: null, effective_membership_level: 15,
}

export const eventDefinitions = names.map((name, index) => ({ id: `e${index}`, name, description: index === 2 ? 'Somebody finished the sign-up form.' : '', tags: [], verified: index === 2 || index === 3, hidden: false, last_seen_at: ago(index * 400 + 4), created_at: ago(86400 * 30) }))
export const propertyDefinitions = Object.entries(properties()).map(([name, value], index) => ({ id: `p${index}`, name, property_type: typeof value === 'number' ? 'Numeric' : typeof value === 'boolean' ? 'Boolean' : typeof value === 'string' ? 'String' : null, description: name === 'plan' ? 'The plan at the time of the event.' : '', verified: name === 'plan', hidden: false, tags: [] }))

export const groups = ['Acme', 'Northwind', 'Initech', 'Globex', 'Umbrella', 'Hooli'].map((name, index) => ({ group_type_index: 0, group_key: name.toLowerCase(), group_properties: { name, employees: 12 * (index + 1) * 7, plan: ['free', 'pro', 'team'][index % 3], industry: ['Retail', 'Software'][index % 2] }, created_at: ago(86400 * (index + 2)) }))

const trend = (source, name) => ({ kind: 'InsightVizNode', source: { kind: 'TrendsQuery', series: [{ kind: 'EventsNode', event: name, math: 'dau' }], interval: 'day', dateRange: { date_from: '-30d' }, trendsFilter: { display: source } } })
const others = [['Checkout', { kind: 'FunnelsQuery', series: [{ kind: 'EventsNode', event: '$pageview' }, { kind: 'EventsNode', event: 'order_paid' }] }], ['Who comes back', { kind: 'RetentionQuery', retentionFilter: {} }], ['Ways to pricing', { kind: 'PathsQuery', pathsFilter: { endPoint: '/pricing' } }], ['By hand', { kind: 'HogQLQuery', query: '-- events of a day\nselect 1' }], ['Heatmap of hours', { kind: 'CalendarHeatmapQuery', series: [] }]]

export const insights = [
    ['Sign-ups by channel', 'signed_up', 'ActionsLineGraph', true], ['Daily visitors', '$pageview', 'ActionsLineGraph'], ['Revenue', 'order_paid', 'ActionsBar'], ['Orders today', 'order_paid', 'BoldNumber'], [absurd ? long : 'Upgrades by plan', 'plan_upgraded', 'ActionsBarValue'], ['Searches', 'search_performed', 'ActionsTable'],
].map(([name, event, display, favorited], index) => ({ id: index + 1, short_id: `abcd123${index}`, name, favorited: !!favorited, saved: true, query: trend(display, event) })).concat(others.map(([name, query], index) => ({ id: 20 + index, short_id: `other12${index}`, name, favorited: false, saved: true, query: { kind: 'InsightVizNode', source: query } }))).map((insight, index) => ({ ...insight, created_at: ago(86400 * 20), created_by: user, last_modified_at: ago(3600 * (index * 7 + 1)), description: '' }))

const days = (query) => {
    const hours = query.interval === 'hour'
    const count = query.interval === 'hour' ? 24 : query.interval === 'week' ? 13 : { '-30d': 31, '-90d': 91, '-7d': 8 }[query.dateRange?.date_from] ?? 31
    const step = { hour: 3600, day: 86400, week: 604800, month: 2592000, minute: 60 }[query.interval ?? 'day']
    return Array.from({ length: count }, (_, index) => {
        const date = new Date(Date.now() - (count - 1 - index) * step * 1000)
        const day = date.toISOString().slice(0, 10)
        return hours ? `${day} ${date.toISOString().slice(11, 13)}:00:00` : day
    })
}

export function trends(query) {
    if (empty) return []
    seed = 4242
    const display = query.trendsFilter?.display
    const totals = ['BoldNumber', 'ActionsTable', 'ActionsBarValue'].includes(display)
    const list = days(query)
    const by = query.breakdownFilter?.breakdowns?.length ? (absurd ? [long, 'قيمة طويلة', ...Array.from({ length: 23 }, (_, i) => `value ${i}`)] : ['Chrome', 'Safari', 'Firefox', 'Edge', 'Opera', '$$_posthog_breakdown_null_$$', '$$_posthog_breakdown_other_$$']) : [undefined]
    const formulas = query.trendsFilter?.formulaNodes
    const sources = formulas ? formulas.map((formula, order) => ({ label: formula.formula, order })) : query.series.map((series, order) => ({ label: series.event ?? 'All events', order }))
    const results = []
    for (const compare of query.compareFilter?.compare ? ['current', 'previous'] : [undefined]) {
        for (const source of sources) {
            for (const [rank, value] of by.entries()) {
                const base = (absurd ? 4e5 : 300) / (1 + source.order * 1.4) / (1 + rank * 0.7) * (compare === 'previous' ? 0.84 : 1)
                const data = list.map((_, index) => Math.round(base + (base * 0.6 * index) / list.length + base * 0.11 * Math.sin((index * 2 * Math.PI) / 7) + random() * base * 0.12) * (index === list.length - 1 && compare !== 'previous' ? 0.5 : 1)).map(Math.round)
                const count = data.reduce((a, b) => a + b, 0)
                results.push({
                    label: source.label, action: formulas ? null : { id: source.label, type: 'events', order: source.order, name: source.label, custom_name: null, math: 'total' }, order: source.order,
                    ...(value === undefined ? {} : { breakdown_value: value }), ...(compare ? { compare: true, compare_label: compare } : {}),
                    ...(totals ? { data: [], days: [], count: 0, aggregated_value: count } : { data, days: list, labels: list, count }),
                })
            }
        }
    }
    return results
}

const stage = (total, perSecond, seconds) => ({ total: empty ? 0 : total, per_second: empty ? 0 : perSecond, last_at: empty ? null : ago(seconds) })
export const health = () => ({
    accepted: stage(absurd ? 12_345_678_901 : 1_284_203, 214.3, 0), durable: stage(absurd ? 12_345_678_901 : 1_284_203, 214.3, 0), ingested: stage(1_284_120, 213.8, 0.1), queryable: { total: empty ? 0 : 1_284_120, last_at: empty ? null : ago(0), lag_seconds: empty ? 0 : 0.3 },
    refused: empty ? [] : [
        { reason: 'unknown project API key', count: 312, last_at: ago(40), example: { status: 401, path: '/i/v0/e/', api_key: 'phc_old…', user_agent: 'posthog-node/5.1.0' }, fix: 'This key belongs to no project, perhaps because it was replaced. Put the key of Settings, General into the sender.' },
        { reason: 'body is not JSON', count: 9, last_at: ago(4000), example: '{"event": "order_paid", "properties": {amount: 3}}', fix: 'Names in JSON need double quotes. Let an SDK or a JSON library write the body.' },
    ],
    dropped: empty ? [] : [{ reason: 'bot', count: 4021, last_at: ago(3), example: { $raw_user_agent: 'Googlebot/2.1' }, fix: 'Nothing to do: crawlers are left out on purpose. Turn the filter off in Settings if you want them.' }],
    warnings: empty ? [] : [{ type: 'cannot_merge_already_identified', count: 17, last_at: ago(8000), example: { source: 'user_1001', target: 'user_1002' }, fix: 'Call reset() on log-out.' }],
    disk: { queue_bytes: 48_000_000, events_bytes: 96_400_000, free_bytes: 78_000_000_000 }, geoip: { enabled: !empty, path: '/usr/share/GeoIP/GeoLite2-City.mmdb' },
})

export const warnings = () => (empty ? [] : [
    { type: 'cannot_merge_already_identified', count: 17, lastSeen: ago(8000), warnings: [{ type: 'x', timestamp: ago(8000), details: { sourcePersonDistinctId: 'user_1001', targetPersonDistinctId: 'user_1002', eventUuid: uuid() } }] },
    { type: 'cannot_merge_with_illegal_distinct_id', count: 3, lastSeen: ago(90000), warnings: [{ type: 'x', timestamp: ago(90000), details: { illegalDistinctId: 'undefined', otherDistinctId: 'user_1003' } }] },
])
export const members = [user, { ...user, uuid: uuid(), first_name: 'Grace', email: 'grace@acme.test' }, { ...user, uuid: uuid(), first_name: 'Linus', email: 'linus@acme.test' }].map((member, index) => ({ id: `m${index}`, user: member, level: [15, 8, 1][index], joined_at: ago(86400 * 30 * (index + 1)) }))
export const keys = [{ id: 'k1', label: 'Nightly export', mask_value: 'phx_…9f2c', created_at: ago(900000), last_used_at: ago(7000), scopes: ['query:read', 'person:read'], scoped_teams: null }, { id: 'k2', label: 'Terraform', mask_value: 'phx_…1aa0', created_at: ago(90000), last_used_at: null, scopes: ['*'], scoped_teams: null }]
export const invites = [{ id: 'inv1', target_email: 'barbara@acme.test', first_name: '', level: 1, created_at: ago(5000), created_by: user, is_expired: false }]
