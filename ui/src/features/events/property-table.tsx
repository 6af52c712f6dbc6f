import { Filter } from 'lucide-react'
import { useState, type ReactNode } from 'react'
import type { Properties } from '@/api/types'
import { rank } from '@/lib/fuzzy'
import { isOwnProperty, propertyLabel } from '@/lib/known-names'
import { Segmented } from '@/ui/choice'
import { cx } from '@/ui/classes'
import { useCopy } from '@/ui/copy'
import { SearchInput } from '@/ui/field'
import { asText, kindOf } from './values'

/** Every property with its value and kind; what the team sends itself comes first. */
export function PropertyTable({
    properties,
    onFilter,
    rowAction,
    compact = false,
    limit = 400,
}: {
    properties: Properties
    onFilter?: (key: string, value: unknown) => void
    rowAction?: (key: string, value: unknown) => ReactNode
    compact?: boolean
    limit?: number
}) {
    const [search, setSearch] = useState('')
    const keys = Object.keys(properties).sort((a, b) => Number(isOwnProperty(b)) - Number(isOwnProperty(a)) || a.localeCompare(b))
    const own = keys.filter(isOwnProperty)
    const [shown, setShown] = useState<'all' | 'own'>('all')
    const chosen = rank(search, shown === 'own' ? own : keys, (key) => `${key} ${propertyLabel(key)} ${asText(properties[key]).slice(0, 80)}`)
    if (keys.length === 0) return <p className="px-4 py-3 text-ink-3">No properties.</p>
    return (
        <div className="min-w-0">
            {keys.length > 8 && !compact ? (
                <div className="flex flex-wrap items-center gap-2 px-4 py-2.5">
                    <SearchInput label="Search properties" className="w-[220px]" value={search} onChange={setSearch} />
                    <Segmented
                        label="Which properties"
                        value={shown}
                        onChange={setShown}
                        options={[
                            { value: 'all', label: `All ${keys.length}` },
                            { value: 'own', label: `Yours ${own.length}` },
                        ]}
                    />
                </div>
            ) : null}
            <dl>
                {chosen.slice(0, limit).map((key) => (
                    <div key={key} className="row-line group grid min-h-[30px] grid-cols-[minmax(110px,38%)_minmax(0,1fr)] items-baseline gap-3 px-4 py-1 last:border-0 hover:bg-sunken">
                        <dt className={cx('truncate', isOwnProperty(key) ? 'text-ink' : 'text-ink-2')} title={key} dir="auto">
                            {propertyLabel(key)}
                        </dt>
                        <dd className="flex min-w-0 items-baseline justify-between gap-3">
                            <span className="min-w-0">
                                <Value value={properties[key]} />
                            </span>
                            <span className="flex shrink-0 items-center gap-1 self-center">
                            {onFilter && kindOf(properties[key]) !== 'object' ? (
                                <button
                                    type="button"
                                    aria-label={`Filter to ${propertyLabel(key)} ${asText(properties[key]).slice(0, 60)}`}
                                    title="Filter to this value"
                                    onClick={() => onFilter(key, properties[key])}
                                    className="rounded-sm p-0.5 text-ink-3 opacity-0 group-hover:opacity-100 hover:text-ink focus-visible:opacity-100"
                                >
                                    <Filter className="size-3.5" aria-hidden />
                                </button>
                            ) : null}
                            {rowAction?.(key, properties[key])}
                            </span>
                        </dd>
                    </div>
                ))}
            </dl>
            {chosen.length === 0 ? <p className="px-4 py-3 text-ink-3">No property matches “{search}”.</p> : null}
            {chosen.length > limit ? <p className="px-4 py-3 text-ink-3">{chosen.length - limit} more. Search to find them.</p> : null}
        </div>
    )
}

export function Value({ value }: { value: unknown }) {
    const [copied, copy] = useCopy()
    const kind = kindOf(value)
    const nested = kind === 'object' || kind === 'list'
    const text = nested && asText(value).length > 80 ? JSON.stringify(value, null, 1) : asText(value)
    if (kind === 'null') return <span className="text-ink-3 italic">null</span>
    if (text === '') return <span className="text-ink-3 italic">empty text</span>
    const isLink = kind === 'text' && /^https?:\/\/\S+$/.test(text)
    return (
        <button
            type="button"
            title={copied ? 'Copied' : 'Copy value'}
            onClick={() => copy(text)}
            dir="auto"
            className={cx(
                'line-clamp-4 max-w-full cursor-copy text-left [overflow-wrap:anywhere]',
                nested ? 'font-mono text-[12px] whitespace-pre-wrap' : '',
                kind === 'number' || kind === 'boolean' ? 'text-s1' : '',
                isLink ? 'underline decoration-line-strong underline-offset-2' : '',
                copied && 'text-good'
            )}
        >
            {text.length > 1200 ? `${text.slice(0, 1200)}…` : text}
        </button>
    )
}
