import { createContext, useContext } from 'react'
import type { Project, User } from './types'

export const ProjectContext = createContext<{ project: Project; user: User } | null>(null)

export function useProject(): Project {
    const value = useContext(ProjectContext)
    if (!value) throw new Error('useProject belongs under the project frame')
    return value.project
}

export function useUser(): User {
    const value = useContext(ProjectContext)
    if (!value) throw new Error('useUser belongs under the project frame')
    return value.user
}

export const levels = { member: 1, admin: 8, owner: 15 } as const

export const levelName = (level: number | null | undefined): string => (level === 15 ? 'Owner' : level === 8 ? 'Admin' : 'Member')

/** Where SDKs send: this very server, as the browser reached it. */
export const host = (): string => window.location.origin
