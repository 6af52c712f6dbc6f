import { describe, expect, it } from 'vitest'
import { frameworks, htmlSnippet } from './snippets'

describe('onboarding snippets', () => {
    it('holds host and key in every framework, at least ten of them', () => {
        expect(frameworks.length).toBeGreaterThanOrEqual(10)
        for (const framework of frameworks) {
            const code = framework.steps('https://h.example', 'phc_test')
                .map((step) => step.code)
                .join('\n')
            expect(code, framework.id).toContain('https://h.example')
            expect(code, framework.id).toContain('phc_test')
        }
    })
    it('queues calls for array.js until it has loaded', () => {
        const appended: { src?: string }[] = []
        const page = { createElement: () => ({}), head: { appendChild: (script: { src?: string }) => appended.push(script) } }
        const browser: { posthog?: unknown[] & { _i?: unknown[][]; capture?: (name: string) => void; people?: unknown[] & { set?: (value: unknown) => void } } } = {}
        const code = htmlSnippet('https://h.example', 'phc_test').replace(/<\/?script>/g, '').replace('posthog.init', 'window.posthog.init')
        new Function('window', 'document', code)(browser, page)
        expect(appended.map((script) => script.src)).toEqual(['https://h.example/static/array.js'])
        expect(browser.posthog?._i).toEqual([['phc_test', { api_host: 'https://h.example', defaults: '2025-05-24' }, undefined]])
        browser.posthog?.capture?.('early')
        expect([...(browser.posthog ?? [])]).toEqual([['capture', 'early']])
    })
})
