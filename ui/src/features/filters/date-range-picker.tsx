import { Calendar } from 'lucide-react'
import { useState, type FormEvent } from 'react'
import { useProject } from '@/api/project'
import { describeRange, parseRange, presets, sameRange, type DateRange } from '@/lib/date-range'
import { Button, buttonClass } from '@/ui/button'
import { Segmented } from '@/ui/choice'
import { cx } from '@/ui/classes'
import { Field, Input } from '@/ui/field'
import { Popover } from '@/ui/floating'

/** Quick ranges side by side, everything else (words, any days) behind one button that always says the range in force. */
export function DateRangePicker({ range, onChange, quick = true }: { range: DateRange; onChange: (range: DateRange) => void; quick?: boolean }) {
    const [open, setOpen] = useState(false)
    const short = presets.filter((preset) => preset.short)
    const chosen = short.find((preset) => sameRange(preset.range, range))
    const pick = (next: DateRange) => {
        onChange(next)
        setOpen(false)
    }
    return (
        <div className="flex shrink-0 items-center gap-2">
            {quick ? (
                <Segmented
                    label="Date range"
                    className="max-sm:hidden"
                    value={chosen?.short ?? null}
                    options={short.map((preset) => ({ value: preset.short ?? '', label: preset.short, name: preset.label }))}
                    onChange={(name) => {
                        const preset = short.find((known) => known.short === name)
                        if (preset) onChange(preset.range)
                    }}
                />
            ) : null}
            <Popover
                open={open}
                onOpenChange={setOpen}
                label="Choose a date range"
                trigger={
                    <button type="button" className={buttonClass('plain')} aria-label={`${chosen && quick ? 'Custom date range' : 'Date range'}: ${describeRange(range)}`}>
                        <Calendar className="size-3.5 text-ink-3" aria-hidden />
                        {chosen && quick ? (
                            <>
                                <span className="hidden sm:inline">Custom</span>
                                <span className="sm:hidden">{chosen.label}</span>
                            </>
                        ) : (
                            describeRange(range)
                        )}
                    </button>
                }
            >
                <RangePanel range={range} onPick={pick} />
            </Popover>
        </div>
    )
}

function RangePanel({ range, onPick }: { range: DateRange; onPick: (range: DateRange) => void }) {
    const project = useProject()
    const [words, setWords] = useState('')
    const isDay = (text: string | null): string => (text && /^\d{4}-\d{2}-\d{2}/.test(text) ? text.slice(0, 10) : '')
    const [from, setFrom] = useState(isDay(range.from))
    const [to, setTo] = useState(isDay(range.to))
    const understood = parseRange(words, new Date(), project.timezone)
    const submitWords = (event: FormEvent) => {
        event.preventDefault()
        if (understood) onPick(understood)
    }
    return (
        <div className="flex max-w-full flex-col md:w-[440px] md:flex-row">
            <div className="grid grid-cols-2 gap-px border-b border-line p-1.5 md:w-[170px] md:grid-cols-1 md:border-r md:border-b-0">
                {presets.map((preset) => (
                    <button
                        key={preset.label}
                        type="button"
                        aria-pressed={sameRange(preset.range, range)}
                        onClick={() => onPick(preset.range)}
                        className={cx('h-[28px] rounded-sm px-2.5 text-left hover:bg-sunken', sameRange(preset.range, range) && 'bg-sunken font-[560]')}
                    >
                        {preset.label}
                    </button>
                ))}
            </div>
            <div className="flex flex-1 flex-col gap-4 p-3">
                <form onSubmit={submitWords} className="flex flex-col gap-1">
                    <Field label="In words" hint={words === '' ? '“last 3 weeks”, “since 1 Oct”, “march”' : understood ? `${describeRange(understood)} · press enter` : 'Not understood yet'}>
                        {(control) => <Input {...control} value={words} onChange={(event) => setWords(event.target.value)} placeholder="last 3 weeks" />}
                    </Field>
                </form>
                <form
                    className="flex flex-col gap-3"
                    onSubmit={(event) => {
                        event.preventDefault()
                        if (from) onPick({ from, to: to || null })
                    }}
                >
                    <Field label="From">{(control) => <Input {...control} type="date" value={from} max={to || undefined} onChange={(event) => setFrom(event.target.value)} />}</Field>
                    <Field label="To" hint="Empty means until now.">
                        {(control) => <Input {...control} type="date" value={to} min={from || undefined} onChange={(event) => setTo(event.target.value)} />}
                    </Field>
                    <Button kind="primary" type="submit" disabled={!from}>
                        Use these days
                    </Button>
                </form>
                <p className="mt-auto text-sm text-ink-3">Days are days in {project.timezone}.</p>
            </div>
        </div>
    )
}
