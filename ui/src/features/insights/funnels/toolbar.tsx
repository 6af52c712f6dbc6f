import { ChartColumnDecreasing, Clock, TrendingUp } from 'lucide-react'
import type { FunnelView } from '@/api/insight-types'
import { Segmented, Select } from '@/ui/choice'
import { RangeChoice, TimeChoice, toolbarClass } from '../toolbar-parts'
import type { FunnelsState } from './state'

const views: { value: FunnelView; name: string; icon: typeof Clock }[] = [
    { value: 'steps', name: 'Steps', icon: ChartColumnDecreasing },
    { value: 'time_to_convert', name: 'Time to convert', icon: Clock },
    { value: 'trends', name: 'Conversion over time', icon: TrendingUp },
]

const binChoices = [0, 5, 10, 20, 40, 60, 90]

export function FunnelToolbar({ state, onChange }: { state: FunnelsState; onChange: (state: FunnelsState) => void }) {
    return (
        <div className={toolbarClass}>
            {state.view === 'trends' ? <TimeChoice state={state} onChange={onChange} /> : <RangeChoice state={state} onChange={onChange} />}
            {state.view === 'steps' ? (
                <Select
                    label="Percentages are"
                    value={state.reference}
                    options={[
                        { value: 'total', label: '% of the first step' },
                        { value: 'previous', label: '% of the step before' },
                    ]}
                    onChange={(reference) => onChange({ ...state, reference })}
                />
            ) : null}
            {state.view === 'time_to_convert' ? (
                <Select
                    label="Bars"
                    value={String(state.bins ?? 0)}
                    options={[...new Set([...binChoices, state.bins ?? 0])].sort((a, b) => a - b).map((bins) => ({ value: String(bins), label: bins === 0 ? 'Bars: as fits' : `Bars: ${bins}` }))}
                    onChange={(bins) => onChange({ ...state, bins: bins === '0' ? null : Number(bins) })}
                />
            ) : null}
            <Segmented
                label="Show as"
                className="md:ml-auto"
                value={state.view}
                onChange={(view) => onChange({ ...state, view })}
                options={views.map(({ value, name, icon: Icon }) => ({ value, name, hint: name, label: <Icon aria-hidden /> }))}
            />
        </div>
    )
}
