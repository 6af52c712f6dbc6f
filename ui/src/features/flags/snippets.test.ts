import { expect, it } from 'vitest'
import { snippets } from './snippets'

const wanted = { key: 'new-checkout', host: 'https://h.example', token: 'phc_x', projectId: 3, server: false }

it('every snippet carries the flag, the host and the key of this project', () => {
    for (const kind of ['boolean', 'multivariate', 'remote_config'] as const) {
        for (const snippet of snippets({ ...wanted, kind })) {
            expect(snippet.code, snippet.name).toContain('new-checkout')
            expect(snippet.code, snippet.name).toContain('https://h.example')
            expect(snippet.code, snippet.name).toContain('phc_x')
        }
    }
})
it('a flag for servers is shown for servers only', () => {
    const names = snippets({ ...wanted, kind: 'boolean', server: true }).map((snippet) => snippet.name)
    expect(names).toContain('Node.js')
    expect(names).not.toContain('React')
})
it('variants are asked for by a name that exists', () => {
    expect(snippets({ ...wanted, kind: 'multivariate', variants: ['control', 'big-button'] })[0]?.code).toContain("=== 'big-button'")
})
