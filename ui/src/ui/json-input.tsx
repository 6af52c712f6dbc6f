import { useId } from 'react'
import { Button } from './button'
import { cx } from './classes'

/** JSON by hand, with what is wrong with it below; `example` stands where nothing is yet. */
export function JsonInput({ label, value, onChange, problem, example, rows = 3, disabled }: { label: string; value: string; onChange: (text: string) => void; problem?: string | null; example?: string; rows?: number; disabled?: boolean }) {
    const id = useId()
    const format = () => onChange(JSON.stringify(JSON.parse(value), null, 2))
    const lines = Math.min(16, Math.max(rows, value.split('\n').length))
    return (
        <div className="flex flex-col gap-1">
            <div className="flex items-end justify-between gap-2">
                <label htmlFor={id} className="text-sm font-[550] text-ink-2">
                    {label}
                </label>
                {value.trim() !== '' && !problem && !disabled ? (
                    <Button size="small" kind="quiet" onClick={format}>
                        Format
                    </Button>
                ) : null}
            </div>
            <textarea
                id={id}
                spellCheck={false}
                disabled={disabled}
                aria-invalid={problem ? true : undefined}
                aria-describedby={problem ? `${id}-problem` : undefined}
                rows={lines}
                placeholder={example}
                className={cx('field !h-auto resize-y py-2 font-mono text-[12px] leading-[1.55]')}
                value={value}
                onChange={(event) => onChange(event.target.value)}
            />
            {problem ? (
                <p id={`${id}-problem`} role="alert" className="text-sm text-bad">
                    {problem}
                </p>
            ) : null}
        </div>
    )
}
