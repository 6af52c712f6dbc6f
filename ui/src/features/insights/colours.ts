/** The series colours of the theme, in their order. */
export const seriesColour = (index: number): string => `var(--s${(index % 8) + 1})`

/** A token's value as canvas wants it. */
export function token(name: string): string {
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim()
}

/** The same colour, more transparent. */
export const faded = (colour: string, alpha: number): string => colour.replace(/\)$/, ` / ${alpha})`)
