import type { HogQLNotice } from '@/api/insight-types'

/** Where the word before the cursor begins, and which properties it asks for: "person.properties.em" → those of persons. */
export type Asked = { from: number; word: string; properties: 'event' | 'person' | null }

const namePart = /[\p{L}\p{N}_$]/u

export function askedAt(text: string, cursor: number): Asked {
    let from = cursor
    while (from > 0 && namePart.test(text[from - 1] ?? '')) from -= 1
    const before = /(?:\b(person)\.)?\bproperties\.$/.exec(text.slice(Math.max(0, from - 40), from))
    return { from, word: text.slice(from, cursor), properties: before ? (before[1] ? 'person' : 'event') : null }
}

/** True within a string or a comment, where nothing is to be completed. */
export function isQuoted(text: string, cursor: number): boolean {
    let quote: string | null = null
    for (let index = 0; index < cursor; index += 1) {
        const char = text[index]
        if (quote === '--') {
            if (char === '\n') quote = null
        } else if (quote === '/*') {
            if (char === '*' && text[index + 1] === '/') quote = null
        } else if (quote !== null) {
            if (char === '\\') index += 1
            else if (char === quote) quote = null
        } else if (char === "'" || char === '"') quote = char
        else if (char === '-' && text[index + 1] === '-') quote = '--'
        else if (char === '/' && text[index + 1] === '*') quote = '/*'
    }
    return quote !== null
}

/** A property as HogQL writes it: names that are no plain words go into brackets. */
export function propertyText(name: string, of: 'event' | 'person'): string {
    const owner = of === 'person' ? 'person.properties' : 'properties'
    return /^[\p{L}_$][\p{L}\p{N}_$]*$/u.test(name) ? `${owner}.${name}` : `${owner}['${name.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}']`
}

export type Mark = { from: number; to: number; severity: 'error' | 'warning' | 'info'; message: string }

/** The server's notices as marks in the text: within it, and at least one character wide. */
export function marksOf(notices: HogQLNotice[], severity: Mark['severity'], length: number): Mark[] {
    return notices.map((notice) => {
        const start = Math.min(Math.max(0, notice.start ?? 0), length)
        const end = Math.min(Math.max(start, notice.end ?? length), length)
        const [from, to] = end > start ? [start, end] : start < length ? [start, start + 1] : [Math.max(0, start - 1), start]
        return { from, to, severity, message: notice.fix ? `${notice.message}. ${notice.fix}` : notice.message }
    })
}

const clauses = /^(FROM|WHERE|GROUP BY|HAVING|ORDER BY|LIMIT|(?:LEFT |RIGHT |FULL |INNER |CROSS )?(?:ARRAY )?JOIN|UNION ALL|UNION DISTINCT)\b/i

/** What the server ran, one clause a line, without the limit that only guards the server. */
export function asText(hogql: string): string {
    const text = hogql.replace(/\s+LIMIT \d{6,}\s*$/i, '')
    let depth = 0
    let quote: string | null = null
    let out = ''
    for (let index = 0; index < text.length; index += 1) {
        const char = text[index] ?? ''
        if (quote !== null) {
            if (char === '\\') {
                out += char + (text[index + 1] ?? '')
                index += 1
                continue
            }
            if (char === quote) quote = null
        } else if (char === "'" || char === '"' || char === '`') quote = char
        else if (char === '(' || char === '[') depth += 1
        else if (char === ')' || char === ']') depth -= 1
        else if (char === ' ' && depth === 0 && clauses.test(text.slice(index + 1))) {
            out += '\n'
            continue
        }
        out += char
    }
    return out
}
