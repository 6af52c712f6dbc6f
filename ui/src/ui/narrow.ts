import { useSyncExternalStore } from 'react'

const narrow = matchMedia('(max-width: 559px)')

/** True on a phone, where tables keep only their first and last columns. */
export const useNarrow = (): boolean =>
    useSyncExternalStore(
        (listener) => {
            narrow.addEventListener('change', listener)
            return () => narrow.removeEventListener('change', listener)
        },
        () => narrow.matches
    )
