import { Slider as RadixSlider } from 'radix-ui'
import { useEffect, useState } from 'react'
import { cx } from './classes'

const good = (text: string): number | null => {
    const number = Number(text.replace(',', '.'))
    return text.trim() !== '' && Number.isFinite(number) && number >= 0 && number <= 100 ? Math.round(number * 100) / 100 : null
}

/** A share from 0 to 100 with up to two decimals. What is typed counts once it is one; leaving the field puts the last good one back. */
export function PercentInput({ label, value, onChange, className, invalid }: { label: string; value: number; onChange: (value: number) => void; className?: string; invalid?: boolean }) {
    const [draft, setDraft] = useState(String(value))
    useEffect(() => setDraft((old) => (good(old) === value ? old : String(value))), [value])
    const wrong = good(draft) === null
    return (
        <span className={cx('relative inline-block w-[76px] shrink-0', className)}>
            <input
                aria-label={label}
                aria-invalid={wrong || invalid || undefined}
                title={wrong ? 'A number from 0 to 100' : undefined}
                inputMode="decimal"
                className="field !pr-6 text-right"
                value={draft}
                onChange={(event) => {
                    setDraft(event.target.value)
                    const number = good(event.target.value)
                    if (number !== null && number !== value) onChange(number)
                }}
                onBlur={() => setDraft(String(value))}
                onKeyDown={(event) => {
                    const step = event.key === 'ArrowUp' ? 1 : event.key === 'ArrowDown' ? -1 : 0
                    if (step === 0) return
                    event.preventDefault()
                    onChange(Math.max(0, Math.min(100, value + step)))
                }}
            />
            <span aria-hidden className="pointer-events-none absolute top-[5px] right-2.5 text-ink-3">
                %
            </span>
        </span>
    )
}

/** The same share by slider, in whole steps. */
export function PercentSlider({ label, value, onChange, className }: { label: string; value: number; onChange: (value: number) => void; className?: string }) {
    return (
        <RadixSlider.Root value={[value]} min={0} max={100} step={1} onValueChange={([next]) => next !== undefined && onChange(next)} className={cx('relative flex h-[30px] w-full min-w-[80px] touch-none items-center select-none', className)}>
            <RadixSlider.Track className="relative h-[5px] grow overflow-hidden rounded-full bg-line-strong">
                <RadixSlider.Range className="absolute h-full bg-ink" />
            </RadixSlider.Track>
            <RadixSlider.Thumb aria-label={label} className="block size-[16px] rounded-full border border-line-strong bg-surface shadow-float hover:border-ink-3" />
        </RadixSlider.Root>
    )
}
