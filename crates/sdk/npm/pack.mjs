// Packs the browser SDK's scripts and every licence that covers them into one file that build.rs embeds.
//
// Layout: 4 bytes little-endian length of the JSON index, the index, then the bodies one after the other.
// Index: {"version", "scripts": [{name, etag, bytes, gzip: [offset, length], brotli: [offset, length]}],
//         "licences": [{name, text}]}; offsets count from the end of the index.
// The compressed bodies are made here, once, because squeezing 8 MB hard is too slow for a build script.

import { createHash } from 'node:crypto'
import { existsSync, readFileSync, readdirSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'

const here = dirname(fileURLToPath(import.meta.url))
const modules = join(here, 'node_modules')
const dist = join(modules, 'posthog-js', 'dist')

const bodies = []
let offset = 0
function append(body) {
    const place = [offset, body.length]
    bodies.push(body)
    offset += body.length
    return place
}

function packScript(name) {
    const raw = readFileSync(join(dist, name))
    return {
        name,
        etag: createHash('sha256').update(raw).digest('hex').slice(0, 32),
        bytes: raw.length,
        gzip: append(gzipSync(raw, { level: 9 })),
        brotli: append(
            brotliCompressSync(raw, {
                params: {
                    [constants.BROTLI_PARAM_QUALITY]: 10,
                    [constants.BROTLI_PARAM_SIZE_HINT]: raw.length,
                },
            })
        ),
    }
}

function packageFolders() {
    return readdirSync(modules)
        .filter((entry) => !entry.startsWith('.'))
        .flatMap((entry) => (entry.startsWith('@') ? readdirSync(join(modules, entry)).map((name) => join(entry, name)) : [entry]))
        .filter((folder) => existsSync(join(modules, folder, 'package.json')))
        .sort()
}

/** `@posthog/core` with `LICENSE` becomes `posthog-core.txt`, dompurify with `LICENSE-MPL` becomes `dompurify-mpl.txt`. */
function licenceName(folder, file) {
    const kind = file.replace(/\.(txt|md)$/i, '').replace(/^licen[cs]e-?/i, '')
    const name = folder.replace('@', '').replace('/', '-')
    return `${kind ? `${name}-${kind}` : name}.txt`.toLowerCase()
}

function packLicences() {
    return packageFolders().flatMap((folder) =>
        readdirSync(join(modules, folder))
            .filter((file) => /^(licen[cs]e|notice|copying)/i.test(file))
            .sort()
            .map((file) => ({
                name: licenceName(folder, file),
                text: readFileSync(join(modules, folder, file), 'utf8'),
            }))
    )
}

const { version } = JSON.parse(readFileSync(join(modules, 'posthog-js', 'package.json'), 'utf8'))
const scripts = readdirSync(dist).filter((name) => name.endsWith('.js')).sort().map(packScript)
const index = Buffer.from(JSON.stringify({ version, scripts, licences: packLicences() }))
const length = Buffer.alloc(4)
length.writeUInt32LE(index.length)

const target = join(here, 'scripts.pack')
writeFileSync(`${target}.new`, Buffer.concat([length, index, ...bodies]))
renameSync(`${target}.new`, target)
console.log(`packed posthog-js ${version}: ${scripts.length} scripts, ${Math.round(offset / 1024)} kB compressed`)
