import type { ReactNode } from 'react'
import { cx } from './classes'

export function Panel({ title, aside, children, className, label }: { title?: ReactNode; aside?: ReactNode; children: ReactNode; className?: string; label?: string }) {
    return (
        <section aria-label={label} className={cx('min-w-0 rounded-lg border border-line bg-surface', className)}>
            {title ? (
                <div className="flex min-h-[38px] items-center justify-between gap-3 px-4 pt-2">
                    <h2 className="text-sm font-[600] text-ink-2">{title}</h2>
                    {aside ? <div className="text-sm text-ink-3">{aside}</div> : null}
                </div>
            ) : null}
            {children}
        </section>
    )
}

export function Kbd({ children }: { children: ReactNode }) {
    return <kbd className="rounded-[4px] border border-line-strong bg-surface px-[5px] py-px font-mono text-[10.5px] font-medium text-ink-2">{children}</kbd>
}

export function Chip({ children, className, title }: { children: ReactNode; className?: string; title?: string }) {
    return (
        <span title={title} className={cx('inline-flex h-[21px] max-w-full items-center gap-1 rounded-sm border border-line bg-sunken px-1.5 text-xs text-ink-2', className)}>
            {children}
        </span>
    )
}

export function Dot({ tone }: { tone: 'good' | 'warn' | 'bad' | 'idle' }) {
    const colour = { good: 'bg-good', warn: 'bg-warn', bad: 'bg-bad', idle: 'bg-line-strong' }[tone]
    return <span aria-hidden className={cx('inline-block size-[7px] shrink-0 rounded-full', colour)} />
}
