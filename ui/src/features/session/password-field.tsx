import { Eye, EyeOff } from 'lucide-react'
import { useState } from 'react'
import { cx } from '@/ui/classes'
import { Field, Input } from '@/ui/field'
import { strength } from './password'

export function PasswordField({
    value,
    onChange,
    label = 'Password',
    error,
    isNew = false,
    autoFocus,
}: {
    value: string
    onChange: (value: string) => void
    label?: string
    error?: string | null
    isNew?: boolean
    autoFocus?: boolean
}) {
    const [shown, setShown] = useState(false)
    const judged = strength(value)
    const tone = ['bg-line-strong', 'bg-bad', 'bg-warn', 'bg-good'][judged.level]
    const hint =
        isNew && value !== '' ? (
            <span className="flex items-center gap-2">
                <span aria-hidden className="flex w-[60px] gap-0.5">
                    {[1, 2, 3].map((step) => (
                        <span key={step} className={cx('h-[3px] flex-1 rounded-full', judged.level >= step ? tone : 'bg-line')} />
                    ))}
                </span>
                {judged.text}
            </span>
        ) : isNew ? (
            'At least 8 characters.'
        ) : undefined
    return (
        <Field label={label} error={error} hint={hint}>
            {(control) => (
                <div className="relative">
                    <Input
                        {...control}
                        type={shown ? 'text' : 'password'}
                        autoComplete={isNew ? 'new-password' : 'current-password'}
                        required
                        autoFocus={autoFocus}
                        minLength={isNew ? 8 : undefined}
                        value={value}
                        onChange={(event) => onChange(event.target.value)}
                        className="!pr-9"
                    />
                    <button
                        type="button"
                        aria-label={shown ? 'Hide password' : 'Show password'}
                        aria-pressed={shown}
                        onClick={() => setShown(!shown)}
                        className="absolute top-[3px] right-[3px] rounded-sm p-1 text-ink-3 hover:text-ink"
                    >
                        {shown ? <EyeOff className="size-4" aria-hidden /> : <Eye className="size-4" aria-hidden />}
                    </button>
                </div>
            )}
        </Field>
    )
}
