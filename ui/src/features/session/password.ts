export type Strength = { level: 0 | 1 | 2 | 3; text: string }

/** A plain estimate for the person typing; the server has the last word. */
export function strength(password: string): Strength {
    if (password.length < 8) return { level: 0, text: `${8 - password.length} more ${password.length === 7 ? 'character' : 'characters'} needed` }
    const kinds = [/[a-z]/, /[A-Z]/, /[0-9]/, /[^A-Za-z0-9]/].filter((kind) => kind.test(password)).length
    const different = new Set(password).size
    if (different < 5 || /^(password|12345678|qwertyui)/i.test(password)) return { level: 1, text: 'Easy to guess' }
    if (password.length >= 16 || (password.length >= 12 && kinds >= 3)) return { level: 3, text: 'Strong' }
    return { level: 2, text: 'Good; longer is better' }
}
