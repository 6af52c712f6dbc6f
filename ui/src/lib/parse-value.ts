type Json = null | boolean | number | string | Json[] | { [key: string]: Json }

/** What someone means by what they type: 5 is a number, true a boolean, "5" text, {"a":1} an object, anything else text. */
export function parseValue(typed: string): Json {
    const trimmed = typed.trim()
    if (/^(-?\d+(\.\d+)?|true|false|null|"[\s\S]*"|\[[\s\S]*\]|\{[\s\S]*\})$/.test(trimmed)) {
        try {
            const value = JSON.parse(trimmed) as Json
            // Long numbers are identifiers; as numbers they would lose their last digits.
            return typeof value === 'number' && !Number.isSafeInteger(value) && Number.isInteger(value) ? typed : value
        } catch {
            return typed
        }
    }
    return typed
}
