import { describe, expect, it } from 'vitest'

const sources = import.meta.glob<string>('./**/*.{ts,tsx}', { query: '?raw', import: 'default', eager: true })
const imports = Object.entries(sources).flatMap(([path, text]) => [...text.matchAll(/(?:from|import\()\s*'(@\/[^']+)'/g)].map((match) => ({ path: path.replace('./', ''), target: (match[1] ?? '').replace('@/', '') })))

/** lib and api know nothing of the screen; ui nothing of features; features nothing of the app, and each other only by name. */
const mayImport: Record<string, string[]> = { lib: ['lib'], api: ['lib', 'api'], ui: ['lib', 'api', 'ui'], features: ['lib', 'api', 'ui', 'features'], app: ['lib', 'api', 'ui', 'features', 'app'] }

describe('walls', () => {
    it('sees the imports it judges', () => expect(imports.length).toBeGreaterThan(100))

    it('arrows only point down', () => {
        const wrong = imports.filter(({ path, target }) => {
            const layer = path.split('/')[0] ?? ''
            return layer in mayImport && !mayImport[layer]?.includes(target.split('/')[0] ?? '')
        })
        expect(wrong).toEqual([])
    })
    it('features meet through their public file', () => {
        const wrong = imports.filter(({ path, target }) => {
            const [layer, own] = path.split('/')
            const [kind, other, file] = target.split('/')
            return layer === 'features' && kind === 'features' && own !== other && file !== 'public'
        })
        expect(wrong).toEqual([])
    })
    it('nothing is loaded from another site', () => {
        const links = Object.entries(sources).flatMap(([path, text]) => (path.includes('.test.') ? [] : [...text.matchAll(/(?:src|href)=["'{`]+https?:[^"'`]+/g)].map((match) => `${path}: ${match[0]}`)))
        expect(links).toEqual([])
    })
})
