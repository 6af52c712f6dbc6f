import { X } from 'lucide-react'
import { useId, useState } from 'react'
import { Chip } from './panel'

/** A few short words, such as tags: typed, ended with enter or a comma, removed by their cross or by backspace. */
export function WordList({ label, words, onChange, placeholder, offered = [], id }: { label: string; words: string[]; onChange: (words: string[]) => void; placeholder?: string; offered?: string[]; id?: string }) {
    const [typed, setTyped] = useState('')
    const listId = useId()
    const add = (text: string) => {
        const fresh = text
            .split(',')
            .map((word) => word.trim())
            .filter((word) => word !== '' && !words.includes(word))
        if (fresh.length > 0) onChange([...words, ...new Set(fresh)])
        setTyped('')
    }
    return (
        <div className="flex min-h-[30px] flex-wrap items-center gap-1 rounded-md border border-line-strong bg-surface px-1.5 py-[3px] focus-within:outline-2 focus-within:outline-offset-1 focus-within:outline-focus hover:border-ink-3">
            {words.map((word) => (
                <Chip key={word} title={word}>
                    <span className="max-w-[180px] truncate" dir="auto">
                        {word}
                    </span>
                    <button type="button" aria-label={`Remove ${word}`} className="text-ink-3 hover:text-ink" onClick={() => onChange(words.filter((other) => other !== word))}>
                        <X className="size-3" aria-hidden />
                    </button>
                </Chip>
            ))}
            <input
                id={id}
                aria-label={label}
                list={offered.length > 0 ? listId : undefined}
                className="h-[22px] min-w-[70px] flex-1 bg-transparent px-1 !outline-none"
                placeholder={words.length === 0 ? placeholder : undefined}
                maxLength={255}
                value={typed}
                onChange={(event) => (event.target.value.endsWith(',') ? add(event.target.value) : setTyped(event.target.value))}
                onBlur={() => add(typed)}
                onKeyDown={(event) => {
                    if (event.key === 'Enter') {
                        event.preventDefault()
                        add(typed)
                    } else if (event.key === 'Backspace' && typed === '') onChange(words.slice(0, -1))
                }}
            />
            {offered.length > 0 ? (
                <datalist id={listId}>
                    {offered
                        .filter((word) => !words.includes(word))
                        .map((word) => (
                            <option key={word} value={word} />
                        ))}
                </datalist>
            ) : null}
        </div>
    )
}
