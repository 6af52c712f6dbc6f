import type { FilterValue, PropertyFilter, PropertyOperator, PropertyType } from '@/api/types'

export const operatorLabels: Record<PropertyOperator, string> = {
    exact: 'is',
    is_not: 'is not',
    icontains: 'contains',
    not_icontains: 'does not contain',
    regex: 'matches regex',
    not_regex: 'does not match regex',
    gt: '>',
    gte: '≥',
    lt: '<',
    lte: '≤',
    between: 'between',
    not_between: 'not between',
    is_set: 'is set',
    is_not_set: 'is not set',
    is_date_exact: 'is on',
    is_date_before: 'is before',
    is_date_after: 'is after',
    in: 'in',
    not_in: 'not in',
    starts_with: 'starts with',
    not_starts_with: 'does not start with',
    ends_with: 'ends with',
    not_ends_with: 'does not end with',
    icontains_multi: 'contains any of',
    not_icontains_multi: 'contains none of',
    semver_eq: 'version =',
    semver_neq: 'version ≠',
    semver_gt: 'version >',
    semver_gte: 'version ≥',
    semver_lt: 'version <',
    semver_lte: 'version ≤',
    semver_tilde: 'version ~',
    semver_caret: 'version ^',
    semver_wildcard: 'version like',
    flag_evaluates_to: 'is',
}

const text: PropertyOperator[] = ['exact', 'is_not', 'icontains', 'not_icontains', 'regex', 'not_regex', 'is_set', 'is_not_set']
const numeric: PropertyOperator[] = ['exact', 'is_not', 'gt', 'gte', 'lt', 'lte', 'between', 'not_between', 'is_set', 'is_not_set']
const date: PropertyOperator[] = ['is_date_exact', 'is_date_before', 'is_date_after', 'is_set', 'is_not_set']
const boolean: PropertyOperator[] = ['exact', 'is_not', 'is_set', 'is_not_set']

export function operatorsFor(type: PropertyType | null | undefined): PropertyOperator[] {
    switch (type) {
        case 'Numeric':
        case 'Duration':
            return numeric
        case 'DateTime':
            return date
        case 'Boolean':
            return boolean
        case 'String':
            return text
        default:
            return [...text.slice(0, 6), 'gt', 'gte', 'lt', 'lte', 'between', 'is_date_before', 'is_date_after', 'is_set', 'is_not_set']
    }
}

const versions: PropertyOperator[] = ['semver_eq', 'semver_neq', 'semver_gt', 'semver_gte', 'semver_lt', 'semver_lte', 'semver_tilde', 'semver_caret', 'semver_wildcard']
const flagText: PropertyOperator[] = [...text.slice(0, 4), 'starts_with', 'not_starts_with', 'ends_with', 'not_ends_with', 'icontains_multi', 'not_icontains_multi', ...text.slice(4, 6)]

/** Flags compare in more ways than queries: by the start and end of a text, and by version. */
export function flagOperatorsFor(type: PropertyType | null | undefined): PropertyOperator[] {
    if (type === 'String') return [...flagText, ...versions, 'is_set', 'is_not_set']
    if (type === 'Numeric' || type === 'Duration' || type === 'DateTime' || type === 'Boolean') return operatorsFor(type)
    return [...flagText, 'gt', 'gte', 'lt', 'lte', 'between', 'not_between', 'is_date_before', 'is_date_after', ...versions, 'is_set', 'is_not_set']
}

export type ValueShape = 'none' | 'many' | 'one' | 'number' | 'range' | 'date'

/** What has to be asked for besides the operator. */
export function valueShape(operator: PropertyOperator): ValueShape {
    switch (operator) {
        case 'is_set':
        case 'is_not_set':
            return 'none'
        case 'exact':
        case 'is_not':
        case 'in':
        case 'not_in':
        case 'icontains_multi':
        case 'not_icontains_multi':
            return 'many'
        case 'gt':
        case 'gte':
        case 'lt':
        case 'lte':
            return 'number'
        case 'between':
        case 'not_between':
            return 'range'
        case 'is_date_exact':
        case 'is_date_before':
        case 'is_date_after':
            return 'date'
        case 'icontains':
        case 'not_icontains':
        case 'regex':
        case 'not_regex':
        case 'starts_with':
        case 'not_starts_with':
        case 'ends_with':
        case 'not_ends_with':
        case 'semver_eq':
        case 'semver_neq':
        case 'semver_gt':
        case 'semver_gte':
        case 'semver_lt':
        case 'semver_lte':
        case 'semver_tilde':
        case 'semver_caret':
        case 'semver_wildcard':
        case 'flag_evaluates_to':
            return 'one'
    }
}

/** The value carried over when the operator changes, so that switching back and forth loses as little as possible. */
export function convertValue(value: FilterValue | undefined, to: PropertyOperator): FilterValue {
    const list = value === null || value === undefined ? [] : Array.isArray(value) ? value : [value]
    switch (valueShape(to)) {
        case 'none':
            return null
        case 'many':
            return list.map(String)
        case 'one':
        case 'date':
            return list[0] === undefined ? '' : String(list[0])
        case 'number': {
            const number = Number(list[0])
            return list[0] === undefined || Number.isNaN(number) ? null : number
        }
        case 'range': {
            const numbers = list.map(Number).filter((number) => !Number.isNaN(number))
            return numbers.length >= 2 ? [numbers[0]!, numbers[1]!] : numbers.length === 1 ? [numbers[0]!, numbers[0]!] : []
        }
    }
}

/** Why a filter cannot be used yet, or null when it can. */
export function problem(filter: PropertyFilter): string | null {
    if (filter.type === 'cohort' || filter.type === 'flag' || filter.type === 'hogql') return null
    const operator = filter.operator ?? 'exact'
    const value = filter.value
    switch (valueShape(operator)) {
        case 'none':
            return null
        case 'many':
            return Array.isArray(value) && value.length > 0 ? null : value === undefined || value === null || value === '' || Array.isArray(value) ? 'Pick at least one value' : null
        case 'one':
            if (typeof value !== 'string' || value === '') return 'Type a value'
            if (operator === 'regex' || operator === 'not_regex') return regexProblem(value)
            if (operator === 'semver_wildcard') return /^v?\d+(\.\d+)?\.\*$/.test(value) ? null : 'Type a version such as 1.2.*'
            if (operator.startsWith('semver_')) return /^v?\d+(\.\d+){0,2}([-+][0-9A-Za-z.+-]+)?$/.test(value) ? null : 'Type a version such as 1.4.2'
            return null
        case 'date':
            return typeof value === 'string' && /^(\d{4}-\d{2}-\d{2}|-\d+[hdwmyM]$)/.test(value) ? null : 'Pick a date'
        case 'number':
            return value === null || value === undefined || value === '' || Number.isNaN(Number(value)) ? 'Type a number' : null
        case 'range': {
            if (!Array.isArray(value) || value.length !== 2) return 'Type two numbers'
            return Number(value[0]) <= Number(value[1]) ? null : 'The first number must not be larger'
        }
    }
}

function regexProblem(pattern: string): string | null {
    try {
        new RegExp(pattern)
        return null
    } catch {
        return 'This is not a valid regular expression'
    }
}

export function describeValue(filter: PropertyFilter): string {
    const operator = filter.operator ?? 'exact'
    if (valueShape(operator) === 'none') return ''
    const { value } = filter
    if (valueShape(operator) === 'range' && Array.isArray(value)) return value.join(' and ')
    if (Array.isArray(value)) return value.length > 3 ? `${value.slice(0, 2).join(', ')} +${value.length - 2}` : value.join(', ')
    return value === null || value === undefined ? '…' : String(value)
}
