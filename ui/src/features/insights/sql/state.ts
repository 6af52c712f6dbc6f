import type { HogQLQuery, SqlFilters } from '@/api/insight-types'
import { forQuery } from '@/api/property-filters'
import type { StoredQuery } from '@/api/types'
import { list, oneOf, text, words } from '@/lib/search'
import { commonFrom, plainCommon, readCommon, searchFrom, type Common, type Raw } from '../common'

export type SqlView = 'ActionsTable' | 'ActionsLineGraph' | 'ActionsBar' | 'BoldNumber'

export type SqlState = Common & {
    kind: 'sql'
    sql: string
    view: SqlView
    /** Columns of the chart; null lets the answer decide. */
    x: string | null
    y: string[]
}

export const sqlViews = ['ActionsTable', 'ActionsLineGraph', 'ActionsBar', 'BoldNumber'] as const satisfies SqlView[]

export const firstText = `SELECT event, count() AS events, uniq(person_id) AS persons
FROM events
WHERE {filters}
GROUP BY event
ORDER BY events DESC
LIMIT 100`

export const initialSql: SqlState = { ...plainCommon, kind: 'sql', sql: firstText, view: 'ActionsTable', x: null, y: [] }

/** Dates and filters reach a text only through its {filters}. */
export const takesFilters = (sql: string): boolean => /\{\s*filters\b/.test(sql)

export function sqlQuery(state: SqlState): HogQLQuery {
    if (!takesFilters(state.sql)) return { kind: 'HogQLQuery', query: state.sql }
    const filters: SqlFilters = { dateRange: state.range.to === null ? { date_from: state.range.from } : { date_from: state.range.from, date_to: state.range.to } }
    if (state.filters.length > 0) filters.properties = forQuery(state.filters)
    if (state.testAccounts) filters.filterTestAccounts = true
    return { kind: 'HogQLQuery', query: state.sql, filters }
}

type ChartSettings = { xAxis?: { column?: string }; yAxis?: { column?: string }[] }

/** SQL is kept with how it is drawn, in the node that other clients use for it. */
export function storedSql(state: SqlState): StoredQuery {
    const chart: ChartSettings = { ...(state.x === null ? {} : { xAxis: { column: state.x } }), ...(state.y.length > 0 ? { yAxis: state.y.map((column) => ({ column })) } : {}) }
    return { kind: 'DataVisualizationNode', source: sqlQuery(state) as StoredQuery, display: state.view, ...(Object.keys(chart).length > 0 ? { chartSettings: chart } : {}) }
}

export function sqlFrom(query: HogQLQuery, wrapper: StoredQuery | null): SqlState {
    const chart = (wrapper?.['chartSettings'] ?? {}) as ChartSettings
    return {
        ...initialSql,
        ...commonFrom({ ...query.filters }),
        sql: query.query,
        view: sqlViews.find((view) => view === wrapper?.['display']) ?? 'ActionsTable',
        x: chart.xAxis?.column ?? null,
        y: (chart.yAxis ?? []).flatMap((axis) => axis.column ?? []),
    }
}

export const sqlProblem = (state: SqlState): string | null => (state.sql.trim() === '' ? 'Write a query' : null)

export function readSql(raw: Raw): SqlState {
    return {
        ...readCommon(raw),
        kind: 'sql',
        sql: typeof raw['sql'] === 'string' ? raw['sql'] : initialSql.sql,
        view: oneOf(raw, 'view', sqlViews) ?? 'ActionsTable',
        x: text(raw, 'x') ?? null,
        y: list(raw, 'y', words, 8) ?? [],
    }
}

export const sqlSearch = (state: SqlState): Raw => searchFrom(state, initialSql)
