// Made-up definitions and people: the same for the same seed. Everything in it is something that the API takes.

const KEYS = ['plan', 'country', 'email', 'age', 'score', 'active', 'version', 'signed_up', 'tags', 'note']
const TEXTS = ['pro', 'PRO', 'free', 'Enterprise plan', 'NL', 'nl', 'Zürich', 'ÉCOLE', 'école', 'İstanbul', 'ΣΑΣ', '', ' pro ', '10', '9', '-3', '1.5', '1e3', '007', 'true', 'False', 'null', 'a+b', '[x]']
const EMAILS = ['a@acme.com', 'B@ACME.COM', 'someone@example.org', 'x.y+z@mail.example.org', 'nobody']
const VERSIONS = ['1.2.3', '1.2.9', '1.10.0', 'v1.2', '2', '0.2.3', '0.3.0', '3.08', '1.2.3-rc.1', '1.2.4+build.5', '10.0.0']
const DATES = ['2024-05-31', '2024-06-01', '2024-06-01T00:00:01Z', '2024-06-01T12:30:00+02:00', '2025-11-01 10:00:00', '2001-01-01', '2031-01-01T00:00:00.000Z']
const PATTERNS = ['^\\d+$', '@acme\\.com$', 'pro|free', '^[A-Z]', '[0-9]{2,}', '\\s', '(?:a|b)+', '^$', '.', 'e$', '(?i)PRO', '(?=.*a)(?=.*o)']
const VARIANTS = ['control', 'test', 'third', 'fourth']
const COMPANIES = Array.from({ length: 20 }, (_, n) => `company-${n}`)

/** Numbers between 0 and 1 (mulberry32). */
function randomness(seed) {
    let state = seed >>> 0
    return () => {
        state = (state + 0x6d2b79f5) | 0
        let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
        mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
        return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
    }
}

export function generate(seed, sizes) {
    const random = randomness(seed)
    const chance = (share) => random() < share
    const below = (limit) => Math.floor(random() * limit)
    const pick = (list) => list[below(list.length)]
    const some = (most, make) => Array.from({ length: below(most + 1) }, make)

    const flags = []
    const propertyValue = {
        plan: () => pick(TEXTS),
        country: () => pick(['NL', 'nl', 'DE', 'Zürich', '']),
        email: () => pick(EMAILS),
        age: () => pick([below(100), below(100), -3, 17.5, 0, '18', '40', '65 ']),
        score: () => pick([random() * 100, below(10), `${below(100)}`, '10abc', null, true]),
        active: () => pick([true, false, 'true', 'FALSE', 1, 'yes']),
        version: () => pick(VERSIONS),
        signed_up: () => pick([...DATES, 978307200, '978307200']),
        tags: () => pick([['a', 'b'], [], ['pro'], { b: 1.5, a: 'x' }, 'a,b']),
        note: () => pick([...TEXTS, null]),
    }

    const filterOf = {
        exact: () => pick([pick(TEXTS), pick(EMAILS), below(20), 17.5, true, 'false', [pick(TEXTS), pick(TEXTS)], ['true'], ['true', 'false'], ['a', 'true'], []]),
        icontains: () => pick(['pro', 'O', 'acme', '.', '1', 'É', 'null', 'a"']),
        starts_with: () => pick(['p', 'E', '1', '[', 'X']),
        ends_with: () => pick(['O', '.com', '0', ']', 'e']),
        regex: () => pick(PATTERNS),
        gt: () => pick([5, '10', 17.5, '1e2', -3, below(100)]),
        semver_eq: () => pick(VERSIONS.filter((version) => version !== '3.08')),
        semver_wildcard: () => pick(['1.*', '1.2.*', '0.*']),
        is_date_before: () => pick([...DATES, '-7d', '30d', '-2m', '-1y', '-48h', '3w']),
        icontains_multi: () => [pick(['pro', 'acme']), 'x'],
        between: () => [5, 50],
        is_set: () => undefined,
    }
    const operators = {
        exact: 'exact', is_not: 'exact', is_set: 'is_set', is_not_set: 'is_set', icontains: 'icontains', not_icontains: 'icontains',
        starts_with: 'starts_with', not_starts_with: 'starts_with', ends_with: 'ends_with', not_ends_with: 'ends_with',
        regex: 'regex', not_regex: 'regex', gt: 'gt', gte: 'gt', lt: 'gt', lte: 'gt', between: 'between', not_icontains_multi: 'icontains_multi',
        semver_eq: 'semver_eq', semver_neq: 'semver_eq', semver_gt: 'semver_eq', semver_gte: 'semver_eq', semver_lt: 'semver_eq', semver_lte: 'semver_eq',
        semver_tilde: 'semver_eq', semver_caret: 'semver_eq', semver_wildcard: 'semver_wildcard',
        is_date_before: 'is_date_before', is_date_after: 'is_date_before', is_date_exact: 'is_date_before',
    }
    // What is usually asked of a property; now and then it is anything.
    const usual = {
        age: ['gt', 'gte', 'lt', 'lte', 'exact', 'between'],
        score: ['gt', 'lt', 'exact', 'is_not', 'icontains'],
        version: Object.keys(operators).filter((operator) => operator.startsWith('semver')),
        signed_up: ['is_date_before', 'is_date_after', 'is_date_exact'],
    }
    const textual = Object.keys(operators).filter((operator) => !operator.startsWith('semver') && !operator.startsWith('is_date'))

    function filter(kind) {
        const key = pick(KEYS)
        const operator = chance(0.06) ? pick(Object.keys(operators)) : pick(usual[key] ?? textual)
        const value = filterOf[operators[operator]]()
        return { key, type: kind, operator, ...(value === undefined ? {} : { value }) }
    }

    function cohort(number) {
        const leaf = () => {
            if (number > 2 && chance(0.15)) return { key: 'id', type: 'cohort', value: `#${below(number)}`, negation: chance(0.3) }
            return { ...filter('person'), negation: chance(0.2) }
        }
        const inner = () => ({ type: pick(['AND', 'OR']), values: [leaf(), ...some(2, leaf)] })
        return { name: `cohort ${number}`, filters: { properties: { type: pick(['AND', 'OR']), values: [inner(), ...some(1, inner)] } } }
    }

    function condition(number, group) {
        const property = () => {
            if (group !== null) return { ...filter('group'), group_type_index: group }
            if (chance(0.1)) return { key: 'id', type: 'cohort', value: `#${below(sizes.cohorts)}`, operator: pick(['in', 'in', 'not_in']) }
            if (number > 10 && chance(0.06)) {
                const asked = below(number)
                const variants = flags[asked].filters.multivariate?.variants ?? []
                return { key: `#${asked}`, type: 'flag', operator: 'flag_evaluates_to', value: pick([true, false, ...variants.map(({ key }) => key)]) }
            }
            return filter('person')
        }
        const rollout = pick([100, 100, null, 0, 50, Math.round(random() * 10_000) / 100])
        return { properties: some(3, property), rollout_percentage: rollout }
    }

    function flag(number) {
        const aggregation = chance(0.12) ? 0 : null
        const variants = chance(0.4) ? pick([[50, 50], [33.33, 33.33, 33.34], [100], [10, 20, 30, 40], [0, 100]]) : []
        const keys = VARIANTS.slice(0, variants.length)
        const groups = Array.from({ length: 1 + below(4) }, () => {
            const mixed = aggregation === null && chance(0.05) ? 0 : null
            const made = condition(number, aggregation ?? mixed)
            if (mixed !== null) made.aggregation_group_type_index = mixed
            if (keys.length > 0 && chance(0.3)) made.variant = pick(keys)
            return made
        })
        const filters = { groups }
        if (aggregation !== null) filters.aggregation_group_type_index = aggregation
        if (keys.length > 0) filters.multivariate = { variants: keys.map((key, at) => ({ key, rollout_percentage: variants[at] })) }
        if (chance(0.4)) filters.payloads = Object.fromEntries((keys.length > 0 ? keys : ['true']).map((key) => [key, JSON.stringify(pick(['text', { n: number }, [1, 'é'], 7]))]))
        if (chance(0.08)) filters.holdout = { id: 1 + below(3), exclusion_percentage: pick([0, 10, 33.3, 100]) }
        if (chance(0.1)) filters.early_exit = true
        const body = { key: `${pick(['flag', 'Flag', 'beta-flag', 'f_1'])}-${number}`, name: '', filters, active: !chance(0.06) }
        if (aggregation === null && groups.every((group) => group.aggregation_group_type_index === undefined)) {
            if (chance(0.05)) filters.feature_enrollment = true
            else if (chance(0.06)) body.bucketing_identifier = 'device_id'
            else if (chance(0.04)) body.ensure_experience_continuity = true
        }
        return body
    }

    function properties(share) {
        return Object.fromEntries(KEYS.filter(() => chance(share)).map((key) => [key, propertyValue[key]()]))
    }

    for (let number = 0; number < sizes.flags; number += 1) flags.push(flag(number))
    const companies = Object.fromEntries(COMPANIES.map((key) => [key, properties(chance(0.7) ? 1 : 0.6)]))
    const enrolling = flags.filter((flag) => flag.filters.feature_enrollment).map((flag) => flag.key)

    function person(number) {
        const id = pick([`user-${number}`, `person${number}@example.com`, `0197c0de-0000-7000-8000-${String(number).padStart(12, '0')}`, ` spaced ${number} `, `ユーザー${number}`, `${number}`])
        const person_properties = properties(chance(0.7) ? 1 : 0.6)
        for (const key of enrolling) if (chance(0.5)) person_properties[`$feature_enrollment/${key}`] = pick([true, false, 'true', 'yes'])
        const made = { distinct_id: id, person_properties, groups: {}, stored: number % 2 === 1 }
        if (chance(0.5)) made.device_id = `device-${number}`
        if (chance(0.6)) made.groups.company = pick(COMPANIES)
        return made
    }

    const cohorts = Array.from({ length: sizes.cohorts }, (_, number) => cohort(number))
    const people = Array.from({ length: sizes.people }, (_, number) => person(number))
    return { cohorts, flags, companies, people }
}
