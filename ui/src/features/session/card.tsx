import { useEffect, type ReactNode } from 'react'
import { Mark } from '@/ui/brand'

/** The frame of every page before there is a project: one card, one thing to do. */
export function SessionCard({ title, lead, children, footer }: { title: string; lead?: ReactNode; children: ReactNode; footer?: ReactNode }) {
    useEffect(() => {
        document.title = `${title} · Hoglet`
    }, [title])
    return (
        <main id="content" className="flex min-h-dvh flex-col items-center px-4 py-[9vh]">
            <div className="mb-6 flex items-center gap-2.5 text-lg font-[650] tracking-[-0.01em]">
                <Mark size={28} /> Hoglet
            </div>
            <div className="w-full max-w-[400px] rounded-lg border border-line bg-surface p-6">
                <h1 className="text-xl font-[620] tracking-[-0.015em]">{title}</h1>
                {lead ? <p className="mt-1.5 text-ink-2">{lead}</p> : null}
                <div className="mt-5">{children}</div>
            </div>
            {footer ? <div className="mt-4 text-sm text-ink-3 [&_a]:text-ink-2 [&_a]:underline [&_a]:underline-offset-2 [&_a:hover]:text-ink">{footer}</div> : null}
        </main>
    )
}

export function FormError({ children }: { children: ReactNode }) {
    return children ? (
        <p role="alert" className="rounded-md border border-bad bg-bad-soft px-3 py-2 text-sm">
            {children}
        </p>
    ) : null
}
