import { useSyncExternalStore } from 'react'
import type { ThemeMode } from '@/api/types'

const key = 'hoglet-theme'
const listeners = new Set<() => void>()
const dark = matchMedia('(prefers-color-scheme: dark)')

function stored(): ThemeMode {
    try {
        const value = localStorage.getItem(key)
        return value === 'light' || value === 'dark' ? value : 'system'
    } catch {
        return 'system'
    }
}

function apply(): void {
    const choice = stored()
    document.documentElement.dataset.theme = choice === 'dark' || (choice === 'system' && dark.matches) ? 'dark' : 'light'
    for (const listener of listeners) listener()
}

dark.addEventListener('change', apply)

/** Someone who chose a theme on another device finds it here too, unless this browser has its own choice. */
export function adoptTheme(choice: ThemeMode | null | undefined): void {
    try {
        if (choice && localStorage.getItem(key) === null) setTheme(choice)
    } catch {
        // Without storage there is nothing to adopt into.
    }
}

export function setTheme(choice: ThemeMode): void {
    try {
        localStorage.setItem(key, choice)
    } catch {
        // A browser without storage still shows the choice until the page is left.
    }
    apply()
}

const subscribe = (listener: () => void): (() => void) => {
    listeners.add(listener)
    return () => listeners.delete(listener)
}

export const useTheme = (): ThemeMode => useSyncExternalStore(subscribe, stored)

/** Which of the two is on screen; charts redraw when it changes. */
export const useShownTheme = (): string => useSyncExternalStore(subscribe, () => document.documentElement.dataset.theme ?? 'light')
