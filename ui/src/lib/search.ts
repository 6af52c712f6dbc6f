/** Readers for search parameters: whatever a link carries, a page gets the right type or nothing. */

type Raw = Record<string, unknown>

export function text(raw: Raw, key: string): string | undefined {
    const value = raw[key]
    if (typeof value === 'string') return value === '' ? undefined : value
    return typeof value === 'number' ? String(value) : undefined
}

export function flag(raw: Raw, key: string): boolean | undefined {
    const value = raw[key]
    return value === true || value === 'true' || value === 1 ? true : undefined
}

export function oneOf<T extends string>(raw: Raw, key: string, values: readonly T[]): T | undefined {
    const value = raw[key]
    return values.includes(value as T) ? (value as T) : undefined
}

export function whole(raw: Raw, key: string, max: number): number | undefined {
    const value = Number(raw[key])
    return Number.isInteger(value) && value > 0 && value <= max ? value : undefined
}

export function list<T>(raw: Raw, key: string, read: (item: unknown) => T | null, max = 50): T[] | undefined {
    const value = raw[key]
    if (!Array.isArray(value)) return undefined
    const items = value.slice(0, max).flatMap((item) => {
        const parsed = read(item)
        return parsed === null ? [] : [parsed]
    })
    return items.length > 0 ? items : undefined
}

export const words = (item: unknown): string | null => (typeof item === 'string' && item !== '' ? item : null)

type Compact<T> = { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & { [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined> }

/** Leaves out what is undefined, so that addresses stay short. */
export function compact<T extends object>(search: T): Compact<T> {
    return Object.fromEntries(Object.entries(search).filter(([, value]) => value !== undefined)) as Compact<T>
}
