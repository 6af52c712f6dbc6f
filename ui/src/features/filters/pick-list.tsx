import { useRef, useState, type KeyboardEvent, type ReactNode } from 'react'
import { Check } from 'lucide-react'
import { cx } from '@/ui/classes'
import { SearchInput } from '@/ui/field'

export type PickItem = { key: string; label: string; hint?: string; picked?: boolean }

/** A search box above a list, all by keyboard: arrows move, enter picks. */
export function PickList({
    label,
    search,
    onSearch,
    items,
    onPick,
    empty,
    loading,
    header,
    footer,
    className,
}: {
    label: string
    search: string
    onSearch: (text: string) => void
    items: PickItem[]
    onPick: (item: PickItem) => void
    empty: ReactNode
    loading?: boolean
    header?: ReactNode
    footer?: ReactNode
    className?: string
}) {
    const [at, setAt] = useState(0)
    const list = useRef<HTMLDivElement>(null)
    const active = Math.min(at, items.length - 1)

    const move = (to: number) => {
        const next = Math.max(0, Math.min(items.length - 1, to))
        setAt(next)
        list.current?.children[next]?.scrollIntoView({ block: 'nearest' })
    }
    const onKeyDown = (event: KeyboardEvent) => {
        if (event.key === 'ArrowDown') move(active + 1)
        else if (event.key === 'ArrowUp') move(active - 1)
        else if (event.key === 'Enter' && items[active]) onPick(items[active])
        else return
        event.preventDefault()
    }
    const id = `pick-${label.replace(/\W+/g, '-').toLowerCase()}`
    return (
        <div className={cx('flex w-[300px] max-w-full flex-col', className)}>
            <div className="border-b border-line p-2">
                <SearchInput
                    label={label}
                    value={search}
                    onChange={(text) => {
                        onSearch(text)
                        setAt(0)
                    }}
                    onKeyDown={onKeyDown}
                    autoFocus
                    role="combobox"
                    aria-expanded
                    aria-controls={id}
                    aria-activedescendant={items[active] ? `${id}-${active}` : undefined}
                />
                {header}
            </div>
            <div ref={list} id={id} role="listbox" aria-label={label} aria-busy={loading} className={cx('max-h-[320px] min-h-[44px] overflow-auto p-1', loading && 'opacity-60')}>
                {items.map((item, index) => (
                    <div
                        key={item.key}
                        id={`${id}-${index}`}
                        role="option"
                        aria-selected={item.picked ?? index === active}
                        onMouseMove={() => setAt(index)}
                        onClick={() => onPick(item)}
                        className={cx('flex min-h-[28px] cursor-default items-center gap-2 rounded-sm px-2.5 py-0.5', index === active && 'bg-sunken')}
                    >
                        <span className="min-w-0 flex-1 truncate" dir="auto">
                            {item.label}
                        </span>
                        {item.hint && item.hint !== item.label ? <span className="max-w-[45%] truncate text-xs text-ink-3">{item.hint}</span> : null}
                        {item.picked ? <Check className="size-3.5 shrink-0" aria-hidden /> : null}
                    </div>
                ))}
                {items.length === 0 ? <div className="px-2.5 py-2 text-sm text-ink-3">{loading ? 'Looking…' : empty}</div> : null}
            </div>
            {footer ? <div className="border-t border-line p-2">{footer}</div> : null}
        </div>
    )
}
