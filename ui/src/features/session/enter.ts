import { useMutation, useQueryClient } from '@tanstack/react-query'
import { ApiError, request } from '@/api/client'

/** Sends a form that ends with a session, then loads the app afresh for whoever is signed in now. */
export function useEnter(url: string, next: string) {
    const client = useQueryClient()
    return useMutation({
        mutationFn: (body: Record<string, unknown>) => request<{ redirect_url?: string }>('POST', url, body),
        onSuccess: () => {
            client.clear()
            window.location.assign(next)
        },
    })
}

/** The server's message for one field of a form. */
export const fieldError = (error: unknown, field: string): string | null => (error instanceof ApiError && error.attr === field ? error.detail : null)

/** The message that belongs to no field that is on screen. */
export function formError(error: unknown, fields: string[]): string | null {
    if (!error) return null
    if (error instanceof ApiError && error.attr && fields.includes(error.attr)) return null
    return error instanceof Error ? error.message : String(error)
}

/** Only paths of this site are followed after signing in. */
export const safeNext = (next: string | undefined): string => (next && /^\/(?![/\\])/.test(next) && !next.startsWith('/login') ? next : '/')
