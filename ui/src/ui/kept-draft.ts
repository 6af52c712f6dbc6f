import { useCallback, useState } from 'react'

function stored<T>(name: string): { basis: string; draft: T } | null {
    try {
        const text = sessionStorage.getItem(name)
        return text === null ? null : (JSON.parse(text) as { basis: string; draft: T })
    } catch {
        return null
    }
}

export type KeptDraft<T> = {
    draft: T
    change: (next: T) => void
    drop: () => void
    /** True when what was edited is no longer what the edit began with. */
    overtaken: boolean
    /** The edit goes on as if it had begun with what is there now. */
    rebase: () => void
}

/**
 * What was edited and not saved survives leaving the page and reloading it, in this tab. `basis` stands for what is being
 * edited; an edit remembers the one it began with.
 */
export function useKeptDraft<T>(name: string, original: T, basis: string): KeptDraft<T> {
    const key = `hoglet-draft:${name}`
    const [kept, setKept] = useState(() => stored<T>(key))
    const keep = useCallback(
        (draft: T, from: string) => {
            const value = { basis: from, draft }
            try {
                sessionStorage.setItem(key, JSON.stringify(value))
            } catch {
                // A full or forbidden storage: the draft lives as long as the page.
            }
            setKept(value)
        },
        [key]
    )
    const drop = useCallback(() => {
        sessionStorage.removeItem(key)
        setKept(null)
    }, [key])
    return {
        draft: kept?.draft ?? original,
        change: (next) => keep(next, kept?.basis ?? basis),
        drop,
        overtaken: kept !== null && kept.basis !== basis,
        rebase: () => kept && keep(kept.draft, basis),
    }
}
