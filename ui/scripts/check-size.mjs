// The first load (entry script, what it imports statically, and its styles) must stay under 250 kB gzip.
import { readFileSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'

const limit = 250_000
const dist = new URL('../dist/', import.meta.url).pathname
const html = readFileSync(join(dist, 'index.html'), 'utf8')

for (const match of html.matchAll(/(?:src|href)="(https?:)?\/\/[^"]+"/g)) {
    console.error(`index.html loads something from elsewhere: ${match[0]}`)
    process.exit(1)
}

const first = [...html.matchAll(/(?:src|href)="(\/assets\/[^"]+\.(?:js|css))"/g)].map((match) => match[1])
let total = 0
for (const path of first) {
    const size = gzipSync(readFileSync(join(dist, path))).length
    total += size
    console.log(`${String(Math.round(size / 1000)).padStart(5)} kB  ${path}`)
}
const all = readdirSync(join(dist, 'assets')).reduce((sum, name) => sum + statSync(join(dist, 'assets', name)).size, 0)
console.log(`${String(Math.round(total / 1000)).padStart(5)} kB  first load, gzip (limit ${limit / 1000} kB); ${Math.round(all / 1000)} kB of assets in all`)
if (total > limit) {
    console.error('The first load is too large: split something off with a lazy route.')
    process.exit(1)
}
