import { useEffect, useState, type ReactNode } from 'react'
import { RefreshCw } from 'lucide-react'
import { explain } from '@/api/client'
import { Button } from './button'
import { cx } from './classes'

export function Skeleton({ className }: { className?: string }) {
    return <span aria-hidden className={cx('breathe block rounded-sm bg-sunken', className)} />
}

/** Rows of the real height, so that nothing jumps when they fill. */
export function SkeletonRows({ rows = 8, columns = 4 }: { rows?: number; columns?: number }) {
    return (
        <div role="status" aria-label="Loading">
            {Array.from({ length: rows }, (_, row) => (
                <div key={row} className="row-line flex h-8 items-center gap-6 px-4 last:border-0">
                    {Array.from({ length: columns }, (_, column) => (
                        <span key={column} className={column === 0 ? 'flex-[2]' : 'flex-1'}>
                            <Skeleton className={cx('h-3', ['w-4/5', 'w-3/5', 'w-2/3', 'w-1/2'][(row + column) % 4])} />
                        </span>
                    ))}
                </div>
            ))}
        </div>
    )
}

/** What this is, one button to get going, and room for the exact code. */
export function Empty({ title, children, action, className }: { title: string; children?: ReactNode; action?: ReactNode; className?: string }) {
    return (
        <div className={cx('mx-auto flex max-w-[520px] flex-col items-start gap-2 px-5 py-12', className)}>
            <h2 className="text-lg font-[600]">{title}</h2>
            {children ? <div className="w-full min-w-0 text-ink-2">{children}</div> : null}
            {action ? <div className="mt-2 flex flex-wrap gap-2">{action}</div> : null}
        </div>
    )
}

/** What happened, what to do, and a way to try again. */
export function Failed({ error, what, onRetry, className }: { error: unknown; what: string; onRetry?: () => void; className?: string }) {
    return (
        <div role="alert" className={cx('mx-auto flex max-w-[560px] flex-col items-start gap-2 px-5 py-10', className)}>
            <h2 className="text-lg font-[600]">{what}</h2>
            <p className="text-ink-2 [overflow-wrap:anywhere]">{explain(error)}</p>
            {onRetry ? (
                <Button className="mt-2" onClick={onRetry}>
                    <RefreshCw className="size-3.5" aria-hidden /> Try again
                </Button>
            ) : null}
        </div>
    )
}

/** True once `on` has lasted `ms`, so that quick answers never flash a waiting state. */
export function useLasting(on: boolean, ms: number): boolean {
    const [lasting, setLasting] = useState(false)
    useEffect(() => {
        if (!on) {
            setLasting(false)
            return
        }
        const timer = setTimeout(() => setLasting(true), ms)
        return () => clearTimeout(timer)
    }, [on, ms])
    return on && lasting
}

/** Follows `value`, but only after it has rested for `ms`. */
export function useSettled<T>(value: T, ms: number): T {
    const [settled, setSettled] = useState(value)
    useEffect(() => {
        const timer = setTimeout(() => setSettled(value), ms)
        return () => clearTimeout(timer)
    }, [value, ms])
    return settled
}

/** Re-renders every `ms`, for ages and countdowns. */
export function useNow(ms: number): Date {
    const [now, setNow] = useState(() => new Date())
    useEffect(() => {
        const timer = setInterval(() => setNow(new Date()), ms)
        return () => clearInterval(timer)
    }, [ms])
    return now
}
