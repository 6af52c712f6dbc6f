// Serves ui/dist and passes everything else on to a running server, so that a new build can be seen without building the binary again.
import { readFile } from 'node:fs/promises'
import { createServer, request as forward } from 'node:http'
import { extname, join } from 'node:path'

const dist = new URL('../dist/', import.meta.url).pathname
const types = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml', '.woff2': 'font/woff2' }
const app = /^\/($|assets\/|login|signup|reset|project(\/|$))/

export function front(port, backend) {
    const target = new URL(backend)
    const server = createServer(async (incoming, outgoing) => {
        const path = new URL(incoming.url, 'http://front').pathname
        if (app.test(path) && incoming.method === 'GET') {
            const file = path.startsWith('/assets/') ? path : '/index.html'
            try {
                const content = await readFile(join(dist, file))
                outgoing.writeHead(200, { 'Content-Type': types[extname(file)] ?? 'application/octet-stream' }).end(content)
            } catch {
                outgoing.writeHead(404).end()
            }
            return
        }
        const passed = forward({ host: target.hostname, port: target.port, method: incoming.method, path: incoming.url, headers: incoming.headers }, (answer) => {
            outgoing.writeHead(answer.statusCode, answer.headers)
            answer.pipe(outgoing)
        })
        passed.on('error', () => outgoing.writeHead(502).end())
        outgoing.on('close', () => passed.destroy())
        incoming.pipe(passed)
    })
    return new Promise((resolve) => server.listen(port, '127.0.0.1', () => resolve(server)))
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
    const [port = '8210', backend = 'http://127.0.0.1:8000'] = process.argv.slice(2)
    await front(Number(port), backend)
    console.log(`http://127.0.0.1:${port} in front of ${backend}`)
}
