import { useEffect, useSyncExternalStore } from 'react'
import { X } from 'lucide-react'
import { explain } from '@/api/client'
import { cx } from './classes'

type Toast = { id: number; tone: 'good' | 'bad'; text: string; undo?: () => void }

let toasts: Toast[] = []
let next = 1
const listeners = new Set<() => void>()

function publish(list: Toast[]): void {
    toasts = list
    for (const listener of listeners) listener()
}

export function say(text: string, undo?: () => void): void {
    publish([...toasts.slice(-2), { id: next++, tone: 'good', text, undo }])
}

export function complain(error: unknown, what: string): void {
    publish([...toasts.slice(-2), { id: next++, tone: 'bad', text: `${what} ${explain(error)}` }])
}

const dismiss = (id: number): void => publish(toasts.filter((toast) => toast.id !== id))

export function Toasts() {
    const shown = useSyncExternalStore(
        (listener) => {
            listeners.add(listener)
            return () => listeners.delete(listener)
        },
        () => toasts
    )
    return (
        <div role="status" aria-live="polite" className="pointer-events-none fixed inset-x-3 bottom-3 z-[60] flex flex-col items-end gap-2 md:left-auto">
            {shown.map((toast) => (
                <ToastLine key={toast.id} toast={toast} />
            ))}
        </div>
    )
}

function ToastLine({ toast }: { toast: Toast }) {
    useEffect(() => {
        const timer = setTimeout(() => dismiss(toast.id), toast.tone === 'bad' ? 12_000 : toast.undo ? 8_000 : 4_000)
        return () => clearTimeout(timer)
    }, [toast])
    return (
        <div
            className={cx(
                'arrive pointer-events-auto flex max-w-[420px] items-center gap-3 rounded-md border border-l-[3px] border-line bg-surface py-2 pr-2 pl-3 text-sm shadow-float',
                toast.tone === 'good' ? 'border-l-good' : 'border-l-bad'
            )}
        >
            <span className="[overflow-wrap:anywhere]">{toast.text}</span>
            {toast.undo ? (
                <button
                    type="button"
                    className="font-[600] text-accent underline-offset-2 hover:underline"
                    onClick={() => {
                        toast.undo?.()
                        dismiss(toast.id)
                    }}
                >
                    Undo
                </button>
            ) : null}
            <button type="button" aria-label="Dismiss" className="rounded-sm p-1 text-ink-3 hover:bg-sunken hover:text-ink" onClick={() => dismiss(toast.id)}>
                <X className="size-3.5" aria-hidden />
            </button>
        </div>
    )
}
