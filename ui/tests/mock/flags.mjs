// Flags, cohorts and early access features, believable ones and absurd ones.
import { empty, persons } from './data.mjs'

const ago = (days) => new Date(Date.now() - days * 86_400_000).toISOString()
const person = { id: 1, uuid: 'u1', first_name: 'Ada', email: 'ada@acme.test' }
const page = (results) => ({ count: results.length, next: null, previous: null, results })
const condition = (properties, rollout_percentage, rest = {}) => ({ properties, rollout_percentage, variant: null, ...rest })
const is = (key, value, operator = 'exact') => ({ type: 'person', key, operator, value })

let id = 0
const flag = (key, filters, rest = {}) => ({
    id: ++id,
    key,
    name: '',
    active: true,
    deleted: false,
    filters: { groups: [condition([], 100)], multivariate: null, payloads: {}, ...filters },
    ensure_experience_continuity: false,
    bucketing_identifier: null,
    evaluation_runtime: 'all',
    evaluation_contexts: [],
    is_remote_configuration: false,
    has_encrypted_payloads: false,
    version: 3,
    tags: [],
    status: 'ACTIVE',
    last_called_at: ago(0.001 * id),
    experiment_set: [],
    surveys: [],
    features: [],
    created_by: person,
    created_at: ago(40 + id),
    updated_at: ago(id / 3),
    ...rest,
})

export const flags = [
    flag(
        'new-checkout',
        {
            groups: [
                condition([is('email', '@acme.com', 'icontains')], 100, { description: 'Ourselves' }),
                condition([is('plan', ['pro', 'team']), { type: 'cohort', key: 'id', operator: 'in', value: 1 }], 50, { variant: 'one-page' }),
                condition([{ type: 'flag', key: '2', operator: 'flag_evaluates_to', value: true }], 10),
            ],
            multivariate: { variants: [{ key: 'control', name: 'As it was', rollout_percentage: 34 }, { key: 'one-page', name: 'Everything on one page', rollout_percentage: 33 }, { key: 'wizard', name: '', rollout_percentage: 33 }] },
            payloads: { wizard: '{"steps":3,"title":"Nearly there"}' },
        },
        { name: 'The checkout of the autumn release', tags: ['checkout', 'autumn'], experiment_set: [4] }
    ),
    flag('dark-mode', { groups: [condition([], 25)] }, { name: 'Night colours in the app' }),
    flag('homepage-banner', { payloads: { true: '{"text":"Sale ends on Sunday","link":"/pricing"}' } }, { name: 'What the banner says', is_remote_configuration: true, tags: ['marketing'] }),
    flag('old-search', { groups: [condition([], 100)] }, { name: 'Done long ago', status: 'STALE', last_called_at: ago(72) }),
    flag('beta-editor', { groups: [condition([], 0)], feature_enrollment: true }, { features: [{ id: 'e1', name: 'New editor' }] }),
    flag('company-dashboards', { groups: [condition([{ type: 'group', key: 'seats', operator: 'gt', value: 20, group_type_index: 0 }], 100)], aggregation_group_type_index: 0 }, { evaluation_runtime: 'server' }),
    flag('kill-switch-payments', {}, { active: false, status: 'INACTIVE', last_called_at: null }),
    flag(
        `a-key-of-two-hundred-characters-${'x'.repeat(168)}`,
        {
            groups: Array.from({ length: 20 }, (_, index) => condition([is('plan', Array.from({ length: 12 }, (_, at) => `plan number ${at}`)), is(`مفتاح_${index}`, ['قيمة طويلة جدا بالعربية', 'שלום עולם'])], (index * 5.37) % 100)),
            multivariate: { variants: Array.from({ length: 20 }, (_, index) => ({ key: `variant-with-a-long-name-${index}-${'y'.repeat(30)}`, name: 'זהו תיאור ארוך', rollout_percentage: 5 })) },
        },
        { name: `هذا وصف طويل جدا ${'ل'.repeat(160)}`, tags: Array.from({ length: 30 }, (_, index) => `tag number ${index}`) }
    ),
]

const cohort = (number, name, rest = {}) => ({ id: number, name, description: '', filters: { properties: { type: 'OR', values: [] } }, is_static: false, deleted: false, count: 1204, is_calculating: false, last_calculation: ago(0.02), errors_calculating: 0, last_error_message: null, created_by: person, created_at: ago(60), experiment_set: [], ...rest })
const did = (key, rest = {}) => ({ type: 'behavioral', value: 'performed_event', key, event_type: 'events', time_value: 30, time_interval: 'day', negation: false, ...rest })

export const cohorts = [
    cohort(1, 'Power users', {
        description: 'Those who write every week',
        filters: {
            properties: {
                type: 'OR',
                values: [
                    { type: 'AND', values: [did('note_created', { value: 'performed_event_multiple', operator: 'gte', operator_value: 5 }), { type: 'person', key: 'plan', operator: 'exact', value: ['pro'], negation: false }, { type: 'cohort', key: 'id', value: 2, negation: true }] },
                    { type: 'AND', values: [did('signed_up', { value: 'performed_event_sequence', seq_event: 'order_paid', seq_event_type: 'events', seq_time_value: 7, seq_time_interval: 'day' }), did('$pageview', { value: 'performed_event_regularly', time_value: 1, time_interval: 'week', operator: 'gte', operator_value: 3, total_periods: 4, min_periods: 3 })] },
                ],
            },
        },
    }),
    cohort(2, 'Conference list', { is_static: true, count: 86, filters: {} }),
    cohort(3, 'Slipping away', { is_calculating: true, filters: { properties: { type: 'OR', values: [{ type: 'AND', values: [did('note_created', { value: 'stopped_performing_event', seq_time_value: 14, seq_time_interval: 'day' })] }] } } }),
    cohort(4, 'Broken', { errors_calculating: 2, last_error_message: 'The query took longer than 60 seconds. Choose a shorter time.', count: 12, filters: { properties: { type: 'OR', values: [{ type: 'AND', values: [did('$pageview')] }] } } }),
    cohort(5, `مجموعة ذات اسم طويل ${'و'.repeat(170)}`, { count: 10_482_113, description: 'x'.repeat(400) }),
]

const features = [
    { id: 'e1', name: 'New editor', description: 'Write with the keyboard alone', stage: 'beta', documentation_url: 'https://example.com/editor', payload: {}, feature_flag: flags[4], created_at: ago(12) },
    { id: 'e2', name: 'Night mode', description: '', stage: 'concept', documentation_url: '', payload: {}, feature_flag: flags[1], created_at: ago(3) },
]

const explained = {
    person: persons[0],
    evaluation: { enabled: true, variant: 'one-page', payload: null, reason: { code: 'condition_match', condition_index: 1 } },
    steps: [
        { kind: 'condition', condition_index: 0, matched: false, reason: 'no_condition_match', rollout_percentage: 100, hash: null, variant: null, properties: [{ ...is('email', '@acme.com', 'icontains'), found: 'user.1000@mail.example', source: 'stored', matched: false }] },
        {
            kind: 'condition',
            condition_index: 1,
            matched: true,
            reason: 'condition_match',
            rollout_percentage: 50,
            hash: 0.2986110670260721,
            variant: 'one-page',
            properties: [
                { ...is('plan', ['pro', 'team']), found: 'pro', source: 'stored', matched: true },
                { type: 'cohort', key: 'id', operator: 'in', value: 1, found: true, source: 'cohort', matched: true },
            ],
        },
    ],
}

function versions(shown) {
    const before = { ...shown, active: false, filters: { ...shown.filters, groups: shown.filters.groups.slice(0, 1) } }
    return [
        { version: 3, created_at: ago(0.3), user: person, flag: shown },
        { version: 2, created_at: ago(4), user: person, flag: before },
        { version: 1, created_at: ago(41), user: null, flag: { ...before, filters: { groups: [condition([], 100)], multivariate: null } } },
    ]
}

/** The recorded answer to a path inside a project; null when it is about something else. */
export function flagAnswer(inside, url, body) {
    const search = (url.searchParams.get('search') ?? '').toLowerCase()
    const none = empty
    if (inside === '/feature_flags') return page(none ? [] : flags.filter((known) => known.key.includes(search)))
    if (inside === '/feature_flags/bulk_keys') return { keys: Object.fromEntries(body.ids.map((known) => [known, flags.find((one) => one.id === known)?.key])) }
    if (inside === '/feature_flags/user_blast_radius') return { users_affected: body.condition.properties.length === 0 ? 12_480 : 12_480 >> (2 * body.condition.properties.length), total_users: 12_480 }
    if (inside === '/feature_flags/explain') return explained
    if (inside === '/feature_flags/evaluation_reasons') {
        return none ? {} : { 'new-checkout': { value: 'one-page', evaluation: { reason: 'condition_match', condition_index: 1 } }, 'dark-mode': { value: false, evaluation: { reason: 'out_of_rollout_bound', condition_index: 0 } }, 'company-dashboards': { value: false, evaluation: { reason: 'no_group_type', condition_index: 0 } } }
    }
    if (inside === '/persons/cohorts') return { results: none ? [] : [cohorts[0], cohorts[4]] }
    const [, number, what] = /^\/feature_flags\/(\d+)(?:\/(.*))?$/.exec(inside) ?? []
    if (number) {
        const shown = flags.find((known) => known.id === Number(number))
        if (!shown) return [404, { type: 'invalid_request', code: 'not_found', detail: 'Not found.', attr: null }]
        if (what === 'dependent_flags') return number === '2' ? [{ id: 1, key: 'new-checkout', name: '', active: true }] : []
        if (what === 'versions') return page(versions(shown))
        if (what === 'explain') return explained
        return shown
    }
    if (inside === '/scheduled_changes') return page(none ? [] : [
        { id: 1, record_id: '1', model_name: 'FeatureFlag', payload: { operation: 'update_status', value: false }, scheduled_at: ago(-2), executed_at: null, failure_reason: null, is_recurring: true, recurrence_interval: 'weekly' },
        { id: 2, record_id: '1', model_name: 'FeatureFlag', payload: { operation: 'add_release_condition', value: { groups: [condition([is('plan', ['free'])], 20)] } }, scheduled_at: ago(3), executed_at: ago(3), failure_reason: 'There is no variant “b”.' },
    ])
    if (inside === '/cohorts') return page(none ? [] : cohorts.filter((known) => known.name.toLowerCase().includes(search)))
    const [, cohortId, about] = /^\/cohorts\/(\d+)(?:\/(.*))?$/.exec(inside) ?? []
    if (cohortId) {
        if (about === 'persons') return page(persons.slice(0, 24))
        if (about === 'calculation_history') return page(Array.from({ length: 18 }, (_, index) => ({ id: index, started_at: ago(index), finished_at: ago(index - 0.00001), count: 1204 - index * index, error: null })))
        return cohorts.find((known) => known.id === Number(cohortId)) ?? [404, { type: 'invalid_request', code: 'not_found', detail: 'Not found.', attr: null }]
    }
    if (inside === '/early_access_feature') return page(none ? [] : features)
    const feature = /^\/early_access_feature\/(.+)$/.exec(inside)?.[1]
    if (feature) return features.find((known) => known.id === feature) ?? [404, { type: 'invalid_request', code: 'not_found', detail: 'Not found.', attr: null }]
    return null
}
