import { useId, type InputHTMLAttributes, type ReactNode, type Ref } from 'react'
import { Search } from 'lucide-react'
import { cx } from './classes'

/** Label above, hint below, the error beside it with the fix. Hands its child the ids that tie them together. */
export function Field({
    label,
    hint,
    error,
    children,
    className,
}: {
    label: string
    hint?: ReactNode
    error?: string | null
    className?: string
    children: (control: { id: string; 'aria-describedby'?: string; 'aria-invalid'?: boolean }) => ReactNode
}) {
    const id = useId()
    const described = error ? `${id}-error` : hint ? `${id}-hint` : undefined
    return (
        <div className={cx('flex flex-col gap-1', className)}>
            <label htmlFor={id} className="text-sm font-[550] text-ink-2">
                {label}
            </label>
            {children({ id, 'aria-describedby': described, 'aria-invalid': error ? true : undefined })}
            {error ? (
                <p id={`${id}-error`} role="alert" className="text-sm text-bad">
                    {error}
                </p>
            ) : hint ? (
                <p id={`${id}-hint`} className="text-sm text-ink-3">
                    {hint}
                </p>
            ) : null}
        </div>
    )
}

export function Input({ className, ref, ...rest }: InputHTMLAttributes<HTMLInputElement> & { ref?: Ref<HTMLInputElement> }) {
    return <input ref={ref} className={cx('field', className)} {...rest} />
}

export function SearchInput({
    value,
    onChange,
    label,
    className,
    ref,
    ...rest
}: Omit<InputHTMLAttributes<HTMLInputElement>, 'onChange' | 'value'> & {
    value: string
    onChange: (value: string) => void
    label: string
    ref?: Ref<HTMLInputElement>
}) {
    return (
        <div className={cx('relative min-w-0', className)}>
            <Search className="pointer-events-none absolute top-[8px] left-[9px] size-3.5 text-ink-3" aria-hidden />
            <input
                ref={ref}
                type="search"
                aria-label={label}
                placeholder={label}
                data-list-search
                className="field !pl-7 [&::-webkit-search-cancel-button]:appearance-none"
                value={value}
                onChange={(event) => onChange(event.target.value)}
                {...rest}
            />
        </div>
    )
}
