import { BarChart3, Hash, LineChart, Rows3, Table2, TrendingUp } from 'lucide-react'
import type { TrendsDisplay } from '@/api/types'
import { Segmented } from '@/ui/choice'
import { CompareChoice, TimeChoice, toolbarClass } from '../toolbar-parts'
import { isTotalDisplay } from './results'
import type { TrendsState } from './state'

const displays: { value: TrendsDisplay; name: string; icon: typeof LineChart }[] = [
    { value: 'ActionsLineGraph', name: 'Line', icon: LineChart },
    { value: 'ActionsLineGraphCumulative', name: 'Running total', icon: TrendingUp },
    { value: 'ActionsBar', name: 'Bars over time', icon: BarChart3 },
    { value: 'ActionsBarValue', name: 'Ranking', icon: Rows3 },
    { value: 'BoldNumber', name: 'Number', icon: Hash },
    { value: 'ActionsTable', name: 'Table', icon: Table2 },
]

export function TrendsToolbar({ state, onChange }: { state: TrendsState; onChange: (state: TrendsState) => void }) {
    return (
        <div className={toolbarClass}>
            <TimeChoice state={state} onChange={onChange} cut={!isTotalDisplay(state.display)} />
            <CompareChoice compare={state.compare} range={state.range} onChange={(compare) => onChange({ ...state, compare })} />
            <Segmented
                label="Show as"
                className="md:ml-auto"
                value={state.display}
                onChange={(display) => onChange({ ...state, display })}
                options={displays.map(({ value, name, icon: Icon }) => ({ value, name, hint: name, label: <Icon aria-hidden /> }))}
            />
        </div>
    )
}
