// The website under test: pages on an origin of their own that carry the SDK in each of the ways a site can.

import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import * as hoglet from '../hoglet.mjs'

const require = createRequire(import.meta.url)
const here = dirname(fileURLToPath(import.meta.url))
const repository = join(here, '../../..')

// The SDK takes a headless browser for a bot and would drop everything.
const options = { api_host: hoglet.url, opt_out_useragent_filter: true, capture_pageleave: true }

async function bundle(entry) {
    const { outputFiles } = await build({ ...entry, bundle: true, format: 'iife', write: false, logLevel: 'error' })
    return outputFiles[0].text
}

/** What onboarding tells a newcomer to paste, with the one option that a headless browser needs. */
async function pastedSnippet() {
    const entry = { entryPoints: [join(repository, 'ui/src/features/onboarding/snippets.ts')], globalName: 'snippets' }
    const { htmlSnippet } = new Function(`${await bundle(entry)}; return snippets`)()
    const snippet = htmlSnippet(hoglet.url, hoglet.token)
    const marked = snippet.replace('api_host:', 'opt_out_useragent_filter: true, api_host:')
    if (marked === snippet) throw new Error('the snippet of onboarding has no api_host to put an option beside')
    return marked
}

async function bundledModule() {
    const code = `import posthog from 'posthog-js'; window.posthog = posthog; posthog.init(${JSON.stringify(hoglet.token)}, ${JSON.stringify(options)})`
    return `<script>${await bundle({ stdin: { contents: code, resolveDir: here } })}</script>`
}

/** A site that keeps its own copy of an SDK version. */
function ownCopy(packageName) {
    const script = readFileSync(join(dirname(require.resolve(`${packageName}/package.json`)), 'dist/array.js'), 'utf8')
    const stub = `window.posthog = window.posthog || []; posthog._i = [[${JSON.stringify(hoglet.token)}, ${JSON.stringify(options)}, 'posthog']]; posthog.__SV = 1;`
    return `<script>${stub}</script><script>${script.replaceAll('</script', '<\\/script')}</script>`
}

function preloaded() {
    const stub = `window.posthog = window.posthog || []; posthog._i = [[${JSON.stringify(hoglet.token)}, ${JSON.stringify(options)}, 'posthog']]; posthog.__SV = 1;`
    return `<script>${stub}</script><script src="${hoglet.url}/array/${hoglet.token}/array.js" crossorigin="anonymous"></script>`
}

/** Every way to carry the SDK, by path. `version` is what events must say. */
export async function forms() {
    const version = (name) => require(`${name}/package.json`).version
    const current = version('posthog-js')
    return [
        { name: 'the snippet of onboarding', path: '/snippet', version: current, head: await pastedSnippet() },
        { name: 'the bundled npm module', path: '/bundled', version: current, head: await bundledModule() },
        { name: 'array.js with its config preloaded', path: '/preloaded', version: current, head: preloaded() },
        { name: 'array.js 1.236', path: '/v1.236', version: version('posthog-js-1.236'), head: ownCopy('posthog-js-1.236') },
        { name: 'array.js 1.130', path: '/v1.130', version: version('posthog-js-1.130'), head: ownCopy('posthog-js-1.130') },
    ]
}

function page(head) {
    return `<!doctype html><html><head><meta charset="utf-8"><title>Shop</title>${head}</head><body>
        <h1>Shop</h1>
        <button id="buy" class="primary" data-attr="buy-button">Buy now</button>
        <form id="search" onsubmit="return false"><input name="q" type="text"><button type="submit">Search</button></form>
    </body></html>`
}

/** Serves the forms on a free port; resolves to its origin and a way to stop. */
export function serve(forms) {
    const pages = new Map(forms.map(({ path, head }) => [path, page(head)]))
    pages.set('/elsewhere', '<!doctype html><title>Elsewhere</title>')
    const server = createServer((request, response) => {
        const html = pages.get(new URL(request.url, 'http://localhost').pathname)
        response.writeHead(html ? 200 : 404, { 'content-type': 'text/html; charset=utf-8' })
        response.end(html)
    })
    return new Promise((resolve) => {
        server.listen(0, '127.0.0.1', () => {
            resolve({ origin: `http://127.0.0.1:${server.address().port}`, stop: () => server.close() })
        })
    })
}
