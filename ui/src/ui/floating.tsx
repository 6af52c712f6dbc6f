import { AlertDialog, Dialog as RadixDialog, DropdownMenu, Popover as RadixPopover } from 'radix-ui'
import { X } from 'lucide-react'
import { useState, type ReactNode } from 'react'
import { Button, IconButton } from './button'
import { cx } from './classes'

const panel = 'appear z-50 rounded-md border border-line bg-surface shadow-float'

export function Popover({
    open,
    onOpenChange,
    trigger,
    children,
    className,
    align = 'start',
    label,
}: {
    open?: boolean
    onOpenChange?: (open: boolean) => void
    trigger: ReactNode
    children: ReactNode
    className?: string
    align?: 'start' | 'center' | 'end'
    label?: string
}) {
    return (
        <RadixPopover.Root open={open} onOpenChange={onOpenChange}>
            <RadixPopover.Trigger asChild>{trigger}</RadixPopover.Trigger>
            <RadixPopover.Portal>
                <RadixPopover.Content
                    align={align}
                    sideOffset={5}
                    collisionPadding={8}
                    aria-label={label}
                    className={cx(panel, 'max-h-(--radix-popover-content-available-height) max-w-[calc(100vw-16px)] overflow-auto', className)}
                >
                    {children}
                </RadixPopover.Content>
            </RadixPopover.Portal>
        </RadixPopover.Root>
    )
}

/** A window over the page: in the middle, or a sheet at the right side. */
export function Dialog({
    open,
    onOpenChange,
    title,
    description,
    children,
    footer,
    side = 'middle',
    className,
}: {
    open: boolean
    onOpenChange: (open: boolean) => void
    title: ReactNode
    description?: ReactNode
    children: ReactNode
    footer?: ReactNode
    side?: 'middle' | 'right' | 'left'
    className?: string
}) {
    const place = {
        middle: 'appear inset-x-2 top-[8vh] mx-auto max-h-[84vh] max-w-[560px] rounded-lg border',
        right: 'slide-in inset-y-0 right-0 w-[520px] max-w-full border-l',
        left: 'appear inset-y-0 left-0 w-[280px] max-w-[86vw] border-r',
    }[side]
    return (
        <RadixDialog.Root open={open} onOpenChange={onOpenChange}>
            <RadixDialog.Portal>
                <RadixDialog.Overlay className="fixed inset-0 z-40 bg-[oklch(20%_.01_60/.32)] dark:bg-[oklch(0%_0_0/.5)]" />
                <RadixDialog.Content
                    aria-describedby={description ? undefined : undefined}
                    className={cx('fixed z-40 flex flex-col border-line bg-surface shadow-float outline-none', place, className)}
                >
                    <div className="flex min-h-[48px] items-center gap-3 border-b border-line py-2 pr-2 pl-4">
                        <div className="min-w-0 flex-1">
                            <RadixDialog.Title className="truncate font-[600]">{title}</RadixDialog.Title>
                            {description ? <RadixDialog.Description className="text-sm text-ink-3">{description}</RadixDialog.Description> : null}
                        </div>
                        <RadixDialog.Close asChild>
                            <IconButton label="Close">
                                <X aria-hidden />
                            </IconButton>
                        </RadixDialog.Close>
                    </div>
                    <div className="min-h-0 flex-1 overflow-auto">{children}</div>
                    {footer ? <div className="flex flex-wrap items-center justify-end gap-2 border-t border-line px-4 py-3">{footer}</div> : null}
                </RadixDialog.Content>
            </RadixDialog.Portal>
        </RadixDialog.Root>
    )
}

/** For what cannot be undone: names the thing and its consequence. */
export function Confirm({
    trigger,
    title,
    consequence,
    action,
    onConfirm,
    children,
}: {
    trigger: ReactNode
    title: string
    consequence: ReactNode
    action: string
    onConfirm: () => Promise<unknown> | void
    children?: ReactNode
}) {
    const [open, setOpen] = useState(false)
    const [busy, setBusy] = useState(false)
    return (
        <AlertDialog.Root open={open} onOpenChange={setOpen}>
            <AlertDialog.Trigger asChild>{trigger}</AlertDialog.Trigger>
            <AlertDialog.Portal>
                <AlertDialog.Overlay className="fixed inset-0 z-50 bg-[oklch(20%_.01_60/.32)] dark:bg-[oklch(0%_0_0/.5)]" />
                <AlertDialog.Content className={cx(panel, 'fixed inset-x-3 top-[18vh] mx-auto max-w-[440px] !rounded-lg p-5')}>
                    <AlertDialog.Title className="text-lg font-[600]">{title}</AlertDialog.Title>
                    <AlertDialog.Description asChild>
                        <div className="mt-2 text-ink-2">{consequence}</div>
                    </AlertDialog.Description>
                    {children ? <div className="mt-4">{children}</div> : null}
                    <div className="mt-5 flex justify-end gap-2">
                        <AlertDialog.Cancel asChild>
                            <Button>Keep it</Button>
                        </AlertDialog.Cancel>
                        <Button
                            kind="danger"
                            busy={busy}
                            onClick={async () => {
                                setBusy(true)
                                try {
                                    await onConfirm()
                                    setOpen(false)
                                } catch {
                                    // The caller has told the person; the dialog stays so that they can try again.
                                } finally {
                                    setBusy(false)
                                }
                            }}
                        >
                            {action}
                        </Button>
                    </div>
                </AlertDialog.Content>
            </AlertDialog.Portal>
        </AlertDialog.Root>
    )
}

export function Menu({ trigger, children, align = 'end' }: { trigger: ReactNode; children: ReactNode; align?: 'start' | 'end' }) {
    return (
        <DropdownMenu.Root>
            <DropdownMenu.Trigger asChild>{trigger}</DropdownMenu.Trigger>
            <DropdownMenu.Portal>
                <DropdownMenu.Content align={align} sideOffset={5} collisionPadding={8} className={cx(panel, 'max-h-(--radix-dropdown-menu-content-available-height) min-w-[180px] overflow-auto p-1')}>
                    {children}
                </DropdownMenu.Content>
            </DropdownMenu.Portal>
        </DropdownMenu.Root>
    )
}

export function MenuItem({ onSelect, children, danger, hint }: { onSelect: () => void; children: ReactNode; danger?: boolean; hint?: string }) {
    return (
        <DropdownMenu.Item
            onSelect={onSelect}
            className={cx(
                'flex min-h-[28px] cursor-default items-center gap-2 rounded-sm px-2.5 py-1 outline-none data-[highlighted]:bg-sunken [&_svg]:size-4 [&_svg]:text-ink-3',
                danger && 'text-bad [&_svg]:text-bad'
            )}
        >
            <span className="flex flex-1 items-center gap-2">{children}</span>
            {hint ? <span className="text-xs text-ink-3">{hint}</span> : null}
        </DropdownMenu.Item>
    )
}

export function MenuLabel({ children }: { children: ReactNode }) {
    return <DropdownMenu.Label className="px-2.5 pt-2 pb-1 text-xs font-[550] text-ink-3">{children}</DropdownMenu.Label>
}

export function MenuLine() {
    return <DropdownMenu.Separator className="my-1 h-px bg-line" />
}
