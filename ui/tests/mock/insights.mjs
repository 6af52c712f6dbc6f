// Believable answers of the kinds of insight beside trends, in the shapes of the server.
import { absurd, empty } from './data.mjs'

const big = absurd ? 2_400_000 : 1

function funnel(query) {
    const filter = query.funnelsFilter ?? {}
    const values = query.breakdownFilter?.breakdowns?.length ? ['Chrome', 'Safari', 'Firefox', ''] : [undefined]
    const shares = [1, 0.58, 0.41, 0.22, 0.15, 0.11, 0.08, 0.05, 0.04, 0.03, 0.02, 0.01]
    if (filter.funnelVizType === 'time_to_convert') return { average_conversion_time: 4260.5, median_conversion_time: 1520, bins: empty ? [] : [[12, 180], [1212, 96], [2412, 61], [3612, 33], [4812, 20], [6012, 14], [7212, 6], [8412, 9], [9612, 2], [10812, 0]] }
    if (filter.funnelVizType === 'trends') {
        const days = Array.from({ length: 14 }, (_, index) => new Date(Date.now() - (13 - index) * 86_400_000).toISOString().slice(0, 10))
        return values.map((value, rank) => ({ count: 14, data: days.map((_, index) => (empty ? 0 : Math.round((38 - rank * 6 + 9 * Math.sin(index / 2) + index * 0.4) * 100) / 100)), days, labels: days, ...(value === undefined ? {} : { breakdown_value: [value] }) }))
    }
    const one = (value, rank) =>
        query.series.map((step, index) => ({
            action_id: filter.funnelOrderType === 'unordered' ? null : step.event, name: filter.funnelOrderType === 'unordered' ? `Completed ${index + 1} step${index ? 's' : ''}` : (step.event ?? 'All events'), custom_name: step.custom_name ?? null, order: index, people: [], type: 'events',
            count: empty ? 0 : Math.round((1840 * big * (shares[index] ?? 0.01)) / (1 + rank * 0.9) ** (index ? 1.05 : 1)),
            average_conversion_time: index ? 4210 * index : null, median_conversion_time: index ? [0, 47, 1290, 86_400 * 1.4][index] ?? 5000 : null,
            ...(value === undefined ? {} : { breakdown: [value], breakdown_value: [value] }),
        }))
    return values[0] === undefined ? one(undefined, 0) : values.map(one)
}

const correlation = (query) => ({
    events: (query.funnelCorrelationType === 'events' ? [['search_performed', 214, 61, 4.8], ['plan_upgraded', 88, 31, 3.1], ['$pageleave', 40, 190, 0.21], ['help_opened', 12, 84, 0.14]] : [['$browser::Chrome', 301, 180, 2.2], ['plan::free', 60, 288, 0.3]]).map(([event, s, f, odds]) => ({ event: { event, properties: {}, elements: [] }, success_count: s, failure_count: f, odds_ratio: odds, correlation_type: odds > 1 ? 'success' : 'failure' })),
    skewed: false,
})

function retention(query) {
    const { period = 'Day', totalIntervals = 8 } = query.retentionFilter
    const length = { Hour: 3600, Day: 86400, Week: 604800, Month: 2592000 }[period] * 1000
    const rows = period === 'Day' ? (query.dateRange?.date_from === '-30d' ? 31 : 8) : 9
    const values = query.breakdownFilter?.breakdowns?.length ? ['Chrome', 'Safari'] : [null]
    return values.flatMap((value, rank) =>
        Array.from({ length: rows }, (_, row) => {
            const size = empty ? 0 : Math.round(((320 - 11 * row + 40 * Math.sin(row)) * big) / (rank + 1))
            return {
                date: new Date(Math.floor((Date.now() - (rows - 1 - row) * length) / 86_400_000) * 86_400_000).toISOString().replace('.000', ''),
                label: `${period} ${row}`, breakdown_value: value,
                values: Array.from({ length: totalIntervals }, (_, column) => ({ label: `${period} ${column}`, count: column === 0 ? size : row + column >= rows ? 0 : Math.round(size * (0.42 / (1 + column * 0.32)) * (1 + 0.12 * Math.sin(row + column))) })),
            }
        })
    )
}

const edges = [
    ['1_/', '2_/pricing', 820, 41_000], ['1_/', '2_/docs/getting-started', 510, 63_000], ['1_/', '2_/blog/how-we-count', 260, 22_000], ['1_/blog/how-we-count', '2_/', 340, 95_000], ['1_/docs/getting-started', '2_/docs/install', 190, 120_000],
    ['2_/pricing', '3_/checkout', 330, 88_000], ['2_/pricing', '3_/', 190, 12_000], ['2_/docs/getting-started', '3_/docs/install', 360, 140_000], ['2_/', '3_/pricing', 210, 33_000], ['2_/docs/install', '3_/docs/sdks', 120, 61_000],
    ['3_/checkout', '4_/welcome', 240, 51_000], ['3_/docs/install', '4_/docs/sdks', 210, 77_000], ['3_/pricing', '4_/checkout', 90, 70_000], ['3_/', '4_/pricing', 80, 15_000], ['4_/welcome', '5_/app/dashboard', 220, 18_000], ['4_/docs/sdks', '5_/app/dashboard', 70, 400_000],
]
function paths(query) {
    if (empty) return []
    const host = query.pathsFilter.includeEventTypes?.includes('$pageview') ? 'https://www.acme.test' : ''
    const full = (key) => key.replace(/_\/$/, `_${host}`).replace(/_\//, `_${host}/`)
    return edges.slice(0, query.pathsFilter.edgeLimit).map(([source, target, value, time]) => ({ source: full(source), target: full(target), value: value * big, average_conversion_time: time }))
}

function lifecycle(query) {
    const days = Array.from({ length: query.dateRange?.date_from === '-30d' ? 31 : 8 }, (_, index, list) => new Date(Date.now() - (7 - index) * 86_400_000).toISOString().slice(0, 10)).map((_, index, list) => new Date(Date.now() - (list.length - 1 - index) * 86_400_000).toISOString().slice(0, 10))
    const make = (status, base) => ({ status, label: `${query.series[0].event} - ${status}`, data: days.map((_, index) => (empty ? 0 : Math.round(base * (1 + 0.25 * Math.sin(index + base)) * (1 + index / 60)) * big)), days, labels: days, count: 0, action: {} })
    return [make('new', 62), make('returning', 148), make('resurrecting', 31), make('dormant', -71)]
}

function stickiness(query) {
    const length = query.dateRange?.date_from === '-30d' ? 31 : 8
    return query.series.flatMap((series, order) =>
        (query.compareFilter?.compare ? ['current', 'previous'] : [undefined]).map((label) => {
            const plain = Array.from({ length }, (_, index) => (empty ? 0 : Math.round(((640 / (1 + order)) * big * (label === 'previous' ? 0.8 : 1)) / (index + 1) ** 1.25)))
            const data = query.stickinessFilter?.computedAs === 'cumulative' ? plain.map((_, index) => plain.slice(index).reduce((a, b) => a + b, 0)) : plain
            return { count: plain.reduce((a, b) => a + b, 0), data, days: plain.map((_, index) => index + 1), labels: plain.map((_, index) => `${index + 1} day${index ? 's' : ''}`), label: series.event, action: { id: series.event, order, name: series.event, custom_name: null }, ...(label ? { compare: true, compare_label: label } : {}) }
        })
    )
}

function hogql(query) {
    if (/bad/.test(query.query)) return [400, { type: 'validation_error', code: 'invalid_input', detail: 'Unknown field "bad" (at position 7)', attr: null }]
    if (empty) return { results: [], columns: ['event', 'events'], types: [['event', 'String'], ['events', 'UInt64']], hasMore: false }
    if (/day/.test(query.query)) {
        const rows = Array.from({ length: 30 }, (_, index) => [new Date(Date.now() - (29 - index) * 86_400_000).toISOString().slice(0, 10), Math.round(400 + index * 9 + 80 * Math.sin(index)), Math.round(120 + index * 3 + 20 * Math.cos(index))])
        return { results: rows, columns: ['day', 'events', 'persons'], types: [['day', 'Date'], ['events', 'UInt64'], ['persons', 'UInt64']], hasMore: false }
    }
    const rows = [['$pageview', 12_840, 1_930], ['$autocapture', 9_411, 1_722], ['signed_up', 812, 812], ['order_paid', 390, 288], [null, 4, 1]]
    return { results: rows, columns: ['event', 'events', 'persons'], types: [['event', 'Nullable(String)'], ['events', 'UInt64'], ['persons', 'UInt64']], hasMore: false }
}

const metadata = (query) => {
    const at = query.query.indexOf('bad')
    return { isValid: at < 0, errors: at < 0 ? [] : [{ start: at, end: at + 3, message: 'Unknown field "bad"' }], warnings: [], notices: [] }
}

const names = { Variable: ['event', 'timestamp', 'distinct_id', 'person_id', 'properties', 'person', 'session', '$session_id'], Function: ['count', 'countIf', 'uniq', 'sum', 'avg', 'toStartOfDay', 'dateDiff'], Folder: ['events', 'persons', 'groups', 'sessions'] }
function autocomplete(query) {
    const before = query.query.slice(0, query.endPosition)
    const word = /[\w$]*$/.exec(before)[0].toLowerCase()
    const kinds = /(from|join)\s+[\w$]*$/i.test(before) ? ['Folder'] : ['Variable', 'Function', 'Folder']
    return { suggestions: kinds.flatMap((kind) => names[kind].filter((name) => name.toLowerCase().startsWith(word)).map((label) => ({ label, insertText: kind === 'Function' ? `${label}()` : label, kind, detail: null, documentation: null }))), incomplete_list: false }
}

const schema = () => ({
    tables: Object.fromEntries([['events', { event: 'string', timestamp: 'datetime', distinct_id: 'string', person_id: 'string', properties: 'json', $session_id: 'string', person: ['persons'] }], ['persons', { id: 'string', created_at: 'datetime', properties: 'json' }], ['sessions', { session_id: 'string', $start_timestamp: 'datetime', $session_duration: 'integer' }], ['groups', { index: 'integer', key: 'string' }]].map(([name, fields]) => [name, { name, fields: Object.fromEntries(Object.entries(fields).map(([field, type]) => [field, Array.isArray(type) ? { name: field, type: 'lazy_table', table: type[0] } : { name: field, type }])) }])),
    joins: [],
})

const answers = { FunnelsQuery: funnel, FunnelCorrelationQuery: correlation, RetentionQuery: retention, PathsQuery: paths, LifecycleQuery: lifecycle, StickinessQuery: stickiness }
const whole = { HogQLQuery: hogql, HogQLMetadata: metadata, HogQLAutocomplete: autocomplete, DatabaseSchemaQuery: schema }

/** The answer to a query of one of these kinds, or null. */
export function insightAnswer(node, about) {
    if (answers[node.kind]) return { results: answers[node.kind](node), ...about }
    if (!whole[node.kind]) return null
    const found = whole[node.kind](node)
    return Array.isArray(found) ? found : { ...found, ...about }
}
