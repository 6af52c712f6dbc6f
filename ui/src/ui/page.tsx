import { createContext, useContext, useEffect, type ReactNode } from 'react'
import { Menu as MenuIcon, Search } from 'lucide-react'
import { IconButton } from './button'
import { Kbd } from './panel'
import { cx } from './classes'

export const FrameContext = createContext<{ openPalette: () => void; openNavigation: () => void }>({
    openPalette: () => undefined,
    openNavigation: () => undefined,
})

export const commandKey = /Mac|iPhone|iPad/.test(navigator.platform) ? '⌘' : 'Ctrl '

/**
 * One screen: where am I, search, at most two buttons, then the content.
 * `fill` is for screens whose list scrolls by itself; the others scroll as a page.
 */
export function Page({
    title,
    crumbs,
    note,
    actions,
    children,
    fill = false,
    titleElement,
}: {
    title: string
    crumbs?: ReactNode
    note?: ReactNode
    actions?: ReactNode
    children: ReactNode
    fill?: boolean
    titleElement?: ReactNode
}) {
    const frame = useContext(FrameContext)
    useEffect(() => {
        document.title = `${title} · Hoglet`
    }, [title])
    return (
        <div className={cx('flex min-w-0 flex-col', fill ? 'h-dvh' : 'min-h-dvh')}>
            <header className="sticky top-0 z-20 flex h-12 shrink-0 items-center gap-2.5 border-b border-line bg-bg px-3 md:px-5">
                <IconButton label="Open navigation" className="md:hidden" onClick={frame.openNavigation}>
                    <MenuIcon aria-hidden />
                </IconButton>
                <div className="flex min-w-0 flex-1 items-center gap-2.5">
                    {crumbs ? (
                        <nav aria-label="Breadcrumb" className="hidden shrink-0 items-center gap-2.5 text-ink-3 sm:flex [&_a:hover]:text-ink">
                            {crumbs}
                            <span aria-hidden>/</span>
                        </nav>
                    ) : null}
                    {titleElement ?? <h1 className="truncate font-[600]">{title}</h1>}
                    {note ? <span className="hidden truncate text-ink-3 lg:block">{note}</span> : null}
                </div>
                <button
                    type="button"
                    onClick={frame.openPalette}
                    className="hidden h-[30px] w-[210px] items-center justify-between rounded-md border border-line bg-sunken pr-1.5 pl-2.5 text-ink-3 hover:border-line-strong lg:flex xl:w-[250px]"
                >
                    <span>Search or jump to</span>
                    <Kbd>{commandKey}K</Kbd>
                </button>
                <IconButton label="Search or jump to" className="lg:hidden" onClick={frame.openPalette}>
                    <Search aria-hidden />
                </IconButton>
                {actions}
            </header>
            <main id="content" tabIndex={-1} className={cx('min-w-0 outline-none', fill ? 'flex min-h-0 flex-1 flex-col' : 'flex-1 p-3 md:px-5 md:py-[18px]')}>
                {children}
            </main>
        </div>
    )
}
