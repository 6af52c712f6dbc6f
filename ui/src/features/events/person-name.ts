import type { Properties } from '@/api/types'

/** The name a person is shown by: the first of the project's display properties that is set, else the distinct id. */
export function personName(properties: Properties | undefined, fallback: string, wanted: string[] | null | undefined): string {
    for (const key of wanted && wanted.length > 0 ? wanted : ['email', 'name', 'username']) {
        const value = properties?.[key]
        if (typeof value === 'string' && value.trim() !== '') return value
        if (typeof value === 'number') return String(value)
    }
    return fallback
}

/** Anonymous ids are long and look alike; their ends tell them apart. Names and addresses stay whole. */
export function shortId(id: string): string {
    const random = /^[0-9a-f-]{25,}$/i.test(id) || id.length > 64
    return random ? `${id.slice(0, 8)}…${id.slice(-6)}` : id
}
