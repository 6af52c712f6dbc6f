import { ChartColumnDecreasing, ChartColumnStacked, ChartLine, Magnet, Repeat2, SquareTerminal, Waypoints, type LucideIcon } from 'lucide-react'
import { useRef, type KeyboardEvent } from 'react'
import { cx } from '@/ui/classes'
import { kinds, type Kind } from './kinds'

export const kindIcons: Record<Kind, LucideIcon> = {
    trends: ChartLine,
    funnels: ChartColumnDecreasing,
    retention: Repeat2,
    paths: Waypoints,
    stickiness: Magnet,
    lifecycle: ChartColumnStacked,
    sql: SquareTerminal,
}

/** The kinds of question, as tabs: arrows move, and what carries over stays. */
export function KindTabs({ value, onChange }: { value: Kind; onChange: (kind: Kind) => void }) {
    const row = useRef<HTMLDivElement>(null)
    const onKeyDown = (event: KeyboardEvent) => {
        const at = kinds.findIndex((kind) => kind.value === value)
        const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: kinds.length - 1 }[event.key]
        const next = to === undefined ? undefined : kinds[(to + kinds.length) % kinds.length]
        if (!next) return
        event.preventDefault()
        onChange(next.value)
        row.current?.querySelector<HTMLElement>(`#kind-${next.value}`)?.focus()
    }
    return (
        <div ref={row} role="tablist" aria-label="Kind of insight" onKeyDown={onKeyDown} className="-mt-1.5 mb-3.5 flex gap-5 overflow-x-auto border-b border-line max-md:-mx-3 max-md:px-3">
            {kinds.map((kind) => {
                const Icon = kindIcons[kind.value]
                const on = kind.value === value
                return (
                    <button
                        key={kind.value}
                        id={`kind-${kind.value}`}
                        type="button"
                        role="tab"
                        aria-selected={on}
                        aria-controls="insight-editor"
                        tabIndex={on ? 0 : -1}
                        title={kind.asks}
                        ref={(tab) => {
                            if (on && tab) tab.scrollIntoView({ block: 'nearest', inline: 'nearest' })
                        }}
                        onClick={() => onChange(kind.value)}
                        className={cx('flex h-9 shrink-0 items-center gap-1.5 border-b-2 px-0.5 whitespace-nowrap focus-visible:-outline-offset-2', on ? 'border-ink font-[560]' : 'border-transparent text-ink-2 hover:text-ink')}
                    >
                        <Icon className="size-4 text-ink-3" aria-hidden /> {kind.label}
                    </button>
                )
            })}
        </div>
    )
}
