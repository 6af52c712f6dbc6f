import { compact, oneOf, text, whole, list, words } from '@/lib/search'
import type { Json } from '@/api/types'

type Raw = Record<string, unknown>

export const flagStates = ['true', 'false', 'STALE'] as const
export const flagTypes = ['boolean', 'multivariate', 'experiment', 'remote_config'] as const
export const flagRuntimes = ['all', 'client', 'server'] as const
export const flagOrders = ['key', '-key', 'created_at', '-created_at', 'updated_at', '-updated_at', 'last_called_at', '-last_called_at'] as const

export const readFlagListSearch = (raw: Raw) =>
    compact({
        search: text(raw, 'search'),
        active: oneOf(raw, 'active', flagStates),
        type: oneOf(raw, 'type', flagTypes),
        runtime: oneOf(raw, 'runtime', flagRuntimes),
        tags: list(raw, 'tags', words, 20),
        order: oneOf(raw, 'order', flagOrders),
        page: whole(raw, 'page', 1000),
    })

const flagTabs = ['targeting', 'explain', 'usage', 'schedule', 'history', 'code'] as const
export type FlagTab = (typeof flagTabs)[number]

/** What a link carries about somebody: values stay what they are, so that 5 is not "5". */
function values<V>(raw: Raw, key: string, read: (value: unknown) => V | undefined): Record<string, V> | undefined {
    const given = raw[key]
    if (typeof given !== 'object' || given === null || Array.isArray(given)) return undefined
    const entries = Object.entries(given)
        .slice(0, 50)
        .flatMap(([name, value]) => {
            const parsed = read(value)
            return parsed === undefined ? [] : [[name, parsed] as const]
        })
    return entries.length > 0 ? Object.fromEntries(entries) : undefined
}

export const readFlagSearch = (raw: Raw) =>
    compact({
        tab: oneOf(raw, 'tab', flagTabs),
        as: text(raw, 'as'),
        props: values<Json>(raw, 'props', (value) => value as Json),
        groups: values(raw, 'groups', (value) => (typeof value === 'string' ? value : undefined)),
        range: oneOf(raw, 'range', ['-7d', '-30d', '-90d'] as const),
        math: oneOf(raw, 'math', ['total', 'dau'] as const),
        sdk: text(raw, 'sdk'),
    })
