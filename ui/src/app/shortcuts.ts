import { useEffect } from 'react'

/** `g` then a letter; paths are inside the project. */
export const destinations = [
    { key: 'i', label: 'Insights', path: '/insights' },
    { key: 'n', label: 'New insight', path: '/insights/new' },
    { key: 'a', label: 'Activity', path: '/activity' },
    { key: 'l', label: 'Live', path: '/live' },
    { key: 'p', label: 'Persons', path: '/persons' },
    { key: 'o', label: 'Groups', path: '/groups' },
    { key: 'c', label: 'Cohorts', path: '/cohorts' },
    { key: 'f', label: 'Flags', path: '/feature_flags' },
    { key: 'x', label: 'Experiments', path: '/experiments' },
    { key: 'v', label: 'Surveys', path: '/surveys' },
    { key: 'y', label: 'Early access', path: '/early_access_features' },
    { key: 'd', label: 'Definitions', path: '/data/events' },
    { key: 'h', label: 'Ingestion health', path: '/ingestion' },
    { key: 's', label: 'Settings', path: '/settings/project' },
    { key: 'q', label: 'Quick start', path: '/onboarding' },
]

export const listKeys = [
    ['j', 'Next row'],
    ['k', 'Previous row'],
    ['enter', 'Open the row'],
    ['/', 'Search this list'],
] as const

function typing(target: EventTarget | null): boolean {
    return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName) || target.closest('[role="listbox"],[role="menu"]') !== null)
}

const inDialog = (): boolean => document.querySelector('[role="dialog"],[role="alertdialog"]') !== null

/** j and k walk through whatever is marked `data-list-row`; enter is the row's own. */
function walk(step: 1 | -1): void {
    const rows = [...document.querySelectorAll<HTMLElement>('[data-list-row]')]
    if (rows.length === 0) return
    const at = rows.findIndex((row) => row === document.activeElement || row.contains(document.activeElement))
    const next = rows[at === -1 ? (step === 1 ? 0 : rows.length - 1) : Math.max(0, Math.min(rows.length - 1, at + step))]
    next?.focus()
    next?.scrollIntoView({ block: 'nearest' })
}

export function useShortcuts(actions: { palette: () => void; sheet: () => void; go: (path: string) => void }): void {
    useEffect(() => {
        let pending = 0
        const onKey = (event: KeyboardEvent) => {
            if ((event.metaKey || event.ctrlKey) && event.key.toLowerCase() === 'k') {
                event.preventDefault()
                actions.palette()
                return
            }
            if (event.metaKey || event.ctrlKey || event.altKey || typing(event.target) || inDialog()) return
            if (pending && Date.now() - pending < 1500) {
                pending = 0
                const found = destinations.find((destination) => destination.key === event.key)
                if (found) {
                    event.preventDefault()
                    actions.go(found.path)
                }
                return
            }
            switch (event.key) {
                case 'g':
                    pending = Date.now()
                    break
                case '?':
                    actions.sheet()
                    break
                case 'j':
                    walk(1)
                    break
                case 'k':
                    walk(-1)
                    break
                case '/': {
                    const search = document.querySelector<HTMLInputElement>('main [data-list-search]')
                    if (search) {
                        event.preventDefault()
                        search.focus()
                        search.select()
                    }
                    break
                }
            }
        }
        window.addEventListener('keydown', onKey)
        return () => window.removeEventListener('keydown', onKey)
    }, [actions])
}
