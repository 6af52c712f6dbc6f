import type { ReactNode } from 'react'
import { cx } from './classes'

/** The row of views of one page; each view is an address of its own. */
export function TabBar<V extends string>({ value, tabs, onChange, label, aside }: { value: V; tabs: { value: V; label: ReactNode }[]; onChange: (value: V) => void; label: string; aside?: ReactNode }) {
    return (
        <div className="flex items-center justify-between gap-3 border-b border-line">
            <div role="tablist" aria-label={label} className="flex gap-5 overflow-x-auto">
                {tabs.map((tab) => (
                    <button
                        key={tab.value}
                        type="button"
                        role="tab"
                        aria-selected={tab.value === value}
                        onClick={() => onChange(tab.value)}
                        className={cx('-mb-px h-9 border-b-2 px-0.5 whitespace-nowrap focus-visible:-outline-offset-2', tab.value === value ? 'border-ink font-[560]' : 'border-transparent text-ink-2 hover:text-ink')}
                    >
                        {tab.label}
                    </button>
                ))}
            </div>
            {aside}
        </div>
    )
}
