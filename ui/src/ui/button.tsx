import type { ButtonHTMLAttributes, ReactNode, Ref } from 'react'
import { cx } from './classes'

export type ButtonKind = 'plain' | 'primary' | 'quiet' | 'danger' | 'dashed'

const kinds: Record<ButtonKind, string> = {
    plain: 'border border-line-strong bg-surface text-ink hover:bg-sunken',
    primary: 'border border-accent bg-accent text-accent-ink hover:brightness-105 dark:hover:brightness-110',
    quiet: 'border border-transparent bg-transparent text-ink-2 hover:bg-sunken hover:text-ink',
    danger: 'border border-bad bg-surface text-bad hover:bg-bad-soft',
    dashed: 'border border-dashed border-line-strong bg-transparent text-ink-2 hover:bg-sunken hover:text-ink',
}

export function buttonClass(kind: ButtonKind = 'plain', size: 'normal' | 'small' | 'large' = 'normal'): string {
    return cx(
        'inline-flex shrink-0 items-center justify-center gap-1.5 whitespace-nowrap rounded-md font-[550] transition-[background-color,filter] duration-[120ms] select-none',
        'disabled:opacity-50 disabled:hover:bg-surface',
        size === 'small' ? 'h-[25px] px-2 text-sm' : size === 'large' ? 'h-[36px] px-4' : 'h-[30px] px-3',
        kinds[kind]
    )
}

type ButtonProps = ButtonHTMLAttributes<HTMLButtonElement> & {
    kind?: ButtonKind
    size?: 'normal' | 'small' | 'large'
    busy?: boolean
    ref?: Ref<HTMLButtonElement>
}

export function Button({ kind = 'plain', size = 'normal', busy = false, className, disabled, children, type = 'button', ...rest }: ButtonProps) {
    return (
        <button type={type} className={cx(buttonClass(kind, size), className)} disabled={disabled || busy} aria-busy={busy || undefined} {...rest}>
            {busy ? <span className="breathe">{children}</span> : children}
        </button>
    )
}

/** A square button with only an icon; `label` is its name for everyone who cannot see the icon, and its hint for those who can. */
export function IconButton({ label, children, kind = 'quiet', className, ...rest }: Omit<ButtonProps, 'aria-label' | 'title'> & { label: string; children: ReactNode }) {
    return (
        <Button kind={kind} aria-label={label} title={label} className={cx('w-[30px] !px-0 [&_svg]:size-4', className)} {...rest}>
            {children}
        </Button>
    )
}
