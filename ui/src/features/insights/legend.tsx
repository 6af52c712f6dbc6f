import { cx } from '@/ui/classes'
import { seriesColour } from './colours'
import type { ChartLine } from './time-chart'

type LegendProps = { lines: ChartLine[]; hidden: number; highlighted: string | null; onHighlight: (key: string | null) => void; incomplete: boolean; compared: boolean }

function Stroke({ dash, children }: { dash: string; children: string }) {
    return (
        <span className="flex items-center gap-1.5 px-1.5 text-ink-3">
            <svg width="22" height="2" aria-hidden>
                <line x1="0" x2="22" y1="1" y2="1" stroke="currentColor" strokeWidth="1.6" strokeDasharray={dash} />
            </svg>
            {children}
        </span>
    )
}

export function Legend({ lines, hidden, highlighted, onHighlight, incomplete, compared }: LegendProps) {
    if (lines.length <= 1 && !incomplete && !compared) return null
    return (
        <div className="flex flex-wrap items-center gap-x-1 gap-y-0.5 px-3.5 pb-2.5 text-sm">
            {(lines.length > 1 ? lines : []).map((line) => (
                <button
                    key={line.key}
                    type="button"
                    aria-pressed={highlighted === line.key}
                    onClick={() => onHighlight(highlighted === line.key ? null : line.key)}
                    className={cx('flex max-w-[220px] items-center gap-1.5 rounded-sm px-1.5 py-0.5 hover:bg-sunken', highlighted === line.key && 'bg-sunken font-[560]')}
                >
                    <span aria-hidden className="size-[9px] shrink-0 rounded-[3px]" style={{ background: seriesColour(line.colour) }} />
                    <span className="truncate" dir="auto">
                        {line.label}
                    </span>
                </button>
            ))}
            {hidden > 0 ? <span className="px-1.5 text-ink-3">{hidden} more in the table</span> : null}
            <span className="ml-auto flex">
                {compared ? <Stroke dash="2 3">period before</Stroke> : null}
                {incomplete ? <Stroke dash="5 3">not over yet</Stroke> : null}
            </span>
        </div>
    )
}
