import type { RetentionPeriod } from '@/api/insight-types'
import type { BreakdownSpec, Interval } from '@/api/types'
import type { Common } from './common'
import { initialOf, type InsightState, type Kind } from './kinds'
import { plainSeries, sameEntity, stepMaths, type Series } from './series'

/** What goes with a question from one kind to the next; absent is what the kind does not have. */
type Carried = Common & { series?: Series[]; breakdowns?: BreakdownSpec[]; interval?: Interval; compare?: string | null }

function carriedBy(state: InsightState): Carried {
    const { filters, testAccounts, range } = state
    const common: Carried = { filters, testAccounts, range }
    if (state.groupType !== undefined) common.groupType = state.groupType
    switch (state.kind) {
        case 'trends':
            return { ...common, series: state.series, breakdowns: state.breakdowns, interval: state.interval, compare: state.compare }
        case 'funnels':
            return { ...common, series: state.series, breakdowns: state.breakdowns, ...(state.view === 'trends' ? { interval: state.interval } : {}) }
        case 'retention':
            return { ...common, series: sameEntity(state.target, state.returning) ? [state.target] : [state.target, state.returning], breakdowns: state.breakdowns }
        case 'stickiness':
            return { ...common, series: state.series, interval: state.interval, compare: state.compare }
        case 'lifecycle':
            return { ...common, series: state.series, interval: state.interval }
        case 'paths':
        case 'sql':
            return common
    }
}

const periodOf: Record<Interval, RetentionPeriod> = { minute: 'Hour', hour: 'Hour', day: 'Day', week: 'Week', month: 'Month' }

const plain = (series: Series): Series => ({ ...plainSeries(series.event), filters: series.filters, ...(series.action === undefined ? {} : { action: series.action, actionName: series.actionName }), ...(series.name ? { name: series.name } : {}) })

const asStep = (series: Series, index: number): Series =>
    stepMaths[0]?.maths.some((math) => math.value === series.math) ? { ...series, optional: (index > 0 && series.optional) || undefined } : plain(series)

function received(carried: Carried, base: InsightState): InsightState {
    const { series, breakdowns, interval, compare, filters, testAccounts, range, groupType } = carried
    const common = { filters, testAccounts, range, groupType }
    switch (base.kind) {
        case 'trends':
            return { ...base, ...common, series: series?.map((one) => ({ ...one, optional: undefined })) ?? base.series, breakdowns: breakdowns ?? base.breakdowns, interval: interval ?? base.interval, compare: compare === undefined ? base.compare : compare }
        case 'funnels':
            return { ...base, ...common, series: series?.map(asStep) ?? base.series, breakdowns: breakdowns ?? base.breakdowns, interval: interval ?? base.interval, exclusions: series && series.length > 1 ? base.exclusions.filter((exclusion) => exclusion.to < series.length) : [] }
        case 'retention': {
            const [first, second] = series ?? []
            return {
                ...base,
                ...common,
                target: first ? plain(first) : base.target,
                returning: first ? plain(second ?? first) : base.returning,
                breakdowns: breakdowns?.slice(0, 1) ?? base.breakdowns,
                period: interval ? periodOf[interval] : base.period,
            }
        }
        case 'stickiness':
            return { ...base, ...common, groupType: undefined, series: series?.map((one) => ({ ...one, optional: undefined })) ?? base.series, interval: interval ?? base.interval, compare: compare === undefined ? base.compare : compare }
        case 'lifecycle':
            return { ...base, ...common, series: series?.slice(0, 1).map(plain) ?? base.series, interval: interval ?? base.interval }
        case 'paths':
        case 'sql':
            return { ...base, ...common }
    }
}

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b)

/**
 * The question as another kind asks it. `known` holds how each kind was left: what one kind has no room for
 * (a third series, a formula, a conversion window) is back when the person comes back and has changed nothing meanwhile.
 */
export function asKind(state: InsightState, kind: Kind, known: Partial<Record<Kind, InsightState>>): InsightState {
    if (state.kind === kind) return state
    const left = known[kind]
    if (left && same(received(carriedBy(left), state), state)) return left
    const next = received(carriedBy(state), left ?? initialOf(kind))
    return Object.fromEntries(Object.entries(next).filter(([, value]) => value !== undefined)) as InsightState
}
