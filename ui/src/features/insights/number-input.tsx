import { useEffect, useState } from 'react'
import { Input } from '@/ui/field'

/** A whole number within bounds. What is typed counts once it is one; leaving the field puts the last good one back. */
export function NumberInput({ label, value, min, max, onChange, className, placeholder }: { label: string; value: number | null; min: number; max: number; onChange: (value: number) => void; className?: string; placeholder?: string }) {
    const [draft, setDraft] = useState(value === null ? '' : String(value))
    useEffect(() => setDraft(value === null ? '' : String(value)), [value])
    const good = (text: string): number | null => {
        const number = Number(text)
        return text.trim() !== '' && Number.isInteger(number) && number >= min && number <= max ? number : null
    }
    const wrong = draft !== '' && good(draft) === null
    return (
        <Input
            aria-label={label}
            aria-invalid={wrong || undefined}
            title={wrong ? `A whole number from ${min} to ${max}` : undefined}
            inputMode="numeric"
            placeholder={placeholder}
            className={`!h-[26px] !px-2 text-right text-sm ${className ?? ''}`}
            value={draft}
            onChange={(event) => {
                setDraft(event.target.value)
                const number = good(event.target.value)
                if (number !== null && number !== value) onChange(number)
            }}
            onBlur={() => setDraft(value === null ? '' : String(value))}
            onKeyDown={(event) => {
                const step = event.key === 'ArrowUp' ? 1 : event.key === 'ArrowDown' ? -1 : 0
                if (step === 0 || value === null) return
                event.preventDefault()
                onChange(Math.max(min, Math.min(max, value + step)))
            }}
        />
    )
}
