// Where the server and an SDK may answer differently, each with its reason. A rule explains a difference only when the flag, or something that
// it asks for, compares a value of this very person in the way that the rule is about.

const NUMERIC = ['gt', 'gte', 'lt', 'lte']
const TEXTUAL = ['icontains', 'not_icontains', 'starts_with', 'not_starts_with', 'ends_with', 'not_ends_with', 'regex', 'not_regex']

const UNKNOWN_TO_SDKS = ['between', 'not_between', 'icontains_multi', 'not_icontains_multi', 'is_date_exact']

const isNumber = (value) => typeof value === 'number' || (typeof value === 'string' && /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(value))
const isDate = (value) => typeof value === 'string' && /^\d{4}-\d\d-\d\d([T ]\d\d:\d\d.*)?$/.test(value)

/** Patterns, numbers, versions and dates that SDKs do not trust themselves to read as the server does. */
function isLeftToServer({ operator, wanted, has }) {
    if (operator.endsWith('regex')) return /\(\?/.test(wanted) || !/^[ -~]*$/.test(`${has}`)
    if (operator === 'exact' || operator === 'is_not') return [wanted, has].flat().some(Number.isInteger)
    if (operator.startsWith('semver_')) return /(^|\.)0\d/.test(`${wanted}.${has}`) || !/^v?\d+(\.\d+)*([-+].*)?$/i.test(`${has}`)
    return operator.startsWith('is_date_') && !isDate(has)
}

/**
 * Of one comparison: `operator`, the condition's `wanted`, the person's `has`; `given` is false when the SDK was not told the property, `isLast`
 * when no condition set follows.
 */
const COMPARISONS = [
    {
        name: 'a number is compared with a text that is none: posthog-node takes the digits it begins with, or compares by alphabet',
        sdks: ['posthog-node'],
        of: ({ operator, wanted, has, given }) => given && NUMERIC.includes(operator) && !(isNumber(wanted) && isNumber(has)),
    },
    {
        name: 'the text of a list or an object: posthog-node takes what JavaScript makes of it, the server takes JSON',
        sdks: ['posthog-node'],
        of: ({ operator, has, given }) => given && TEXTUAL.includes(operator) && has !== null && typeof has === 'object',
    },
    {
        name: 'pre-releases and build metadata of versions: SDKs ignore them',
        sdks: ['posthog-node', 'posthog-python'],
        of: ({ operator, wanted, has, given }) => given && operator.startsWith('semver_') && /[-+]/.test(`${wanted}${has}`),
    },
    {
        name: 'a date that is a number: posthog-node counts milliseconds, the server seconds',
        sdks: ['posthog-node'],
        of: ({ operator, has, given }) => given && operator.startsWith('is_date_') && isNumber(has),
    },
    {
        name: 'a text that is no date: posthog-node lets JavaScript guess',
        sdks: ['posthog-node'],
        of: ({ operator, has, given }) => given && operator.startsWith('is_date_') && typeof has === 'string' && !isDate(has) && !isNumber(has),
    },
    {
        name: 'null: posthog-node matches it with no operator that it does not know, the server compares it as the text null',
        sdks: ['posthog-node'],
        of: ({ operator, has }) => has === null && UNKNOWN_TO_SDKS.includes(operator),
    },
    {
        name: 'what the SDK cannot compare: it passes over the condition set to the next one, the server compares',
        sdks: ['posthog-node', 'posthog-python'],
        of: (comparison) => !comparison.isLast && (!comparison.given || UNKNOWN_TO_SDKS.includes(comparison.operator) || isLeftToServer(comparison)),
    },
]

const FLAGS = [
    {
        name: 'early access features: posthog-node does not know who enrolled',
        sdks: ['posthog-node'],
        of: (flag) => flag.filters.feature_enrollment === true,
    },
    {
        name: 'a flag about groups that another flag asks for: posthog-python decides it by the person',
        sdks: ['posthog-python'],
        of: (flag, isAsked) => isAsked && [flag.filters, ...flag.filters.groups].some((part) => typeof part.aggregation_group_type_index === 'number'),
    },
]

export class Rules {
    #flags
    #cohorts

    constructor({ flags, cohorts }) {
        this.#flags = new Map(flags.map((flag) => [flag.key, flag]))
        this.#cohorts = cohorts
    }

    /** The name of a rule that explains why this SDK answers differently. */
    explain(sdk, flag, person) {
        const { flags, comparisons } = this.#used(flag, person)
        const rule =
            FLAGS.find(({ sdks, of }) => sdks.includes(sdk) && flags.some((used) => of(used, used !== flag))) ??
            COMPARISONS.find(({ sdks, of }) => sdks.includes(sdk) && comparisons.some(of))
        return rule?.name
    }

    /** All flags and comparisons that a flag's answer may depend on. */
    #used(flag, person) {
        const flags = []
        const comparisons = []
        const visit = (asked, isLastSoFar) => {
            flags.push(asked)
            // Of these SDKs know too little, whatever their condition sets say.
            const enrols = asked.filters.feature_enrollment === true && !(`$feature_enrollment/${asked.key}` in person.person_properties)
            const lacksDevice = asked.bucketing_identifier === 'device_id' && !person.device_id
            if (enrols || lacksDevice || asked.ensure_experience_continuity) comparisons.push({ operator: '', given: false, isLast: isLastSoFar })
            for (const [at, condition] of asked.filters.groups.entries()) {
                const isLast = isLastSoFar && at === asked.filters.groups.length - 1
                const { aggregation_group_type_index: own = asked.filters.aggregation_group_type_index } = condition
                const properties = typeof own === 'number' ? (person.group_properties.company ?? {}) : { distinct_id: person.distinct_id, ...person.person_properties }
                for (const filter of condition.properties) visitFilter(filter, properties, isLast)
            }
        }
        const visitFilter = (filter, properties, isLast) => {
            if (filter.type === 'flag') visit(this.#flags.get(filter.key), isLast)
            else if (filter.type === 'cohort') visitGroup(this.#cohorts[filter.value], properties, isLast)
            else comparisons.push({ operator: filter.operator, wanted: filter.value, has: properties[filter.key], given: filter.key in properties, isLast })
        }
        const visitGroup = (group, properties, isLast) => {
            for (const node of group.values) node.values ? visitGroup(node, properties, isLast) : visitFilter(node, properties, isLast)
        }
        visit(flag, true)
        return { flags, comparisons }
    }
}
