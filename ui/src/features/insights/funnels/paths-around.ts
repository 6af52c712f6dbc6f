import type { FunnelPathsFilter, FunnelsQuery } from '@/api/insight-types'
import { searchOf, type InsightSearch } from '../kinds'
import { initialPaths } from '../paths/state'
import type { FunnelsState } from './state'

export type Ways = { label: string; search: InsightSearch }

/** What people did around a step of a funnel, as paths: those who got there, or those who stopped before it. */
export function waysAround(query: FunnelsQuery, state: FunnelsState, step: number, dropped: boolean): Ways[] {
    // Paths know one funnel of ordered steps, not one for each value.
    if (state.order === 'unordered' || state.breakdowns.length > 0) return []
    const { filters, testAccounts, range } = state
    const ways = (label: string, funnelPathType: FunnelPathsFilter['funnelPathType'], funnelStep = step): Ways => ({
        label,
        search: searchOf({ ...initialPaths, filters, testAccounts, range, types: ['$pageview', '$screen', 'custom_event'], funnel: { funnelPathType, funnelStep, funnelSource: query } }),
    })
    // Of those who dropped off, the server only knows what they did once the window had passed; from the step before, everybody's ways show what they did instead.
    if (dropped) return [ways('Where people went from the step before', 'funnel_path_after_step', step - 1), ways('How they had come there', 'funnel_path_before_step', -step)]
    const after = ways('What they did next', 'funnel_path_after_step')
    return step === 1 ? [after] : [ways('How they got here', 'funnel_path_before_step'), ways('What they did since the step before', 'funnel_path_between_steps'), after]
}
