export class ApiError extends Error {
    constructor(
        readonly status: number,
        readonly code: string,
        readonly detail: string,
        readonly attr: string | null
    ) {
        super(detail)
        this.name = 'ApiError'
    }
}

export type Search = Record<string, string | number | boolean | null | undefined>

export function path(base: string, search?: Search): string {
    const params = new URLSearchParams()
    for (const [key, value] of Object.entries(search ?? {})) {
        if (value !== undefined && value !== null && value !== '') params.set(key, String(value))
    }
    const text = params.toString()
    return text ? `${base}?${text}` : base
}

function cookie(name: string): string | null {
    const found = document.cookie.split('; ').find((pair) => pair.startsWith(`${name}=`))
    return found ? decodeURIComponent(found.slice(name.length + 1)) : null
}

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

/** Sends `body` as JSON, or as it is when it is a form with files. */
export async function request<T>(method: Method, url: string, body?: unknown, signal?: AbortSignal): Promise<T> {
    const headers: Record<string, string> = { Accept: 'application/json' }
    const form = body instanceof FormData
    if (body !== undefined && !form) headers['Content-Type'] = 'application/json'
    const token = method === 'GET' ? null : cookie('csrftoken')
    if (token) headers['X-CSRFToken'] = token
    let response: Response
    try {
        response = await fetch(url, {
            method,
            headers,
            credentials: 'same-origin',
            body: form ? body : body === undefined ? undefined : JSON.stringify(body),
            signal,
        })
    } catch (error) {
        if (error instanceof DOMException && error.name === 'AbortError') throw error
        throw new ApiError(0, 'unreachable', 'The server did not answer. Check that it runs and that you are online.', null)
    }
    if (response.status === 204) return undefined as T
    const text = await response.text()
    const parsed = parse(text)
    if (!response.ok) throw failure(response.status, parsed, text)
    if (typeof parsed === 'string') throw new ApiError(response.status, 'not_json', 'The server answered with something that is not JSON. A proxy may stand in between, or server and app are of different versions.', null)
    return parsed as T
}

function parse(text: string): unknown {
    if (text === '') return undefined
    try {
        return JSON.parse(text)
    } catch {
        return text
    }
}

function failure(status: number, parsed: unknown, text: string): ApiError {
    if (parsed && typeof parsed === 'object' && 'detail' in parsed) {
        const { code, detail, attr } = parsed as { code?: string; detail?: string; attr?: string | null }
        return new ApiError(status, code ?? 'error', detail ?? `The server answered ${status}.`, attr ?? null)
    }
    const detail = status >= 500 ? `The server failed (${status}). Its log has the reason.` : text.slice(0, 200) || `The server answered ${status}.`
    return new ApiError(status, 'error', detail, null)
}

/** What went wrong, in words for the person in front of the screen. */
export function explain(error: unknown): string {
    return error instanceof Error ? error.message : String(error)
}
