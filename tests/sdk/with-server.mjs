// Starts the real program on an empty data directory, runs a command against it and stops it again.
//
//   node with-server.mjs COMMAND [ARGUMENT…]
//
// The command finds the server in HOGLET_URL, HOGLET_PROJECT_TOKEN, HOGLET_PERSONAL_API_KEY. Exits with the command's code, or with 1
// when the server did not start, died on the way or did not stop cleanly.

import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, openSync, closeSync, existsSync } from 'node:fs'
import { createServer } from 'node:net'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

const START_LIMIT_MS = 60_000
const STOP_LIMIT_MS = 30_000

const binary = process.env.HOGLET_BIN ?? join(process.env.CARGO_TARGET_DIR ?? join(homedir(), '.cache/hoglet/target'), 'debug/hoglet')
const [command, ...args] = process.argv.slice(2)
if (!command) {
    console.error('usage: node with-server.mjs COMMAND [ARGUMENT…]')
    process.exit(2)
}
if (!existsSync(binary)) {
    console.error(`${binary} does not exist: run "cargo build -p hoglet" or set HOGLET_BIN`)
    process.exit(1)
}

function freePort() {
    return new Promise((resolve, reject) => {
        const probe = createServer()
        probe.on('error', reject)
        probe.listen(0, '127.0.0.1', () => {
            const { port } = probe.address()
            probe.close(() => resolve(port))
        })
    })
}

function exitOf(child) {
    return new Promise((resolve) => {
        child.on('error', (error) => resolve({ failed: error.message }))
        child.on('exit', (code, signal) => resolve({ code, signal }))
    })
}

const folder = mkdtempSync(join(tmpdir(), 'hoglet-sdk-'))
const logFile = join(folder, 'server.log')
const url = `http://127.0.0.1:${await freePort()}`
const access = {
    HOGLET_PROJECT_TOKEN: 'phc_sdktestsprojecttoken00000000000000000000000',
    HOGLET_PERSONAL_API_KEY: 'phx_sdktestspersonalkey000000000000000000000000',
}

const log = openSync(logFile, 'w')
const server = spawn(binary, ['serve', '--listen', new URL(url).host, '--data-dir', join(folder, 'data')], {
    env: { ...process.env, ...access, HOGLET_ADMIN_EMAIL: 'admin@example.com', HOGLET_ADMIN_PASSWORD: 'correct horse battery' },
    stdio: ['ignore', log, log],
})
closeSync(log)
let ended = null
const serverEnd = exitOf(server).then((end) => (ended = end))

function fail(reason) {
    console.error(`\n${reason}; the end of the server's log:\n`)
    console.error(readFileSync(logFile, 'utf8').split('\n').slice(-40).join('\n'))
    return 1
}

async function ready() {
    const deadline = Date.now() + START_LIMIT_MS
    while (!ended && Date.now() < deadline) {
        const answer = await fetch(`${url}/_ready`).catch(() => null)
        if (answer?.status === 200) return true
        await sleep(50)
    }
    return false
}

async function run() {
    if (!(await ready())) return fail(ended ? `the server ended at once (${JSON.stringify(ended)})` : 'the server did not become ready')
    const child = spawn(command, args, { stdio: 'inherit', env: { ...process.env, ...access, HOGLET_URL: url } })
    const end = await exitOf(child)
    if (end.failed) console.error(`${command}: ${end.failed}`)
    if (ended) return fail(`the server ended during the run (${JSON.stringify(ended)})`)
    return end.code ?? 1
}

async function stop() {
    if (ended) return 0
    server.kill('SIGTERM')
    const clean = await Promise.race([serverEnd.then(() => true), sleep(STOP_LIMIT_MS, false)])
    if (!clean) {
        server.kill('SIGKILL')
        return fail('the server did not stop')
    }
    return ended.code === 0 ? 0 : fail(`the server stopped with ${JSON.stringify(ended)}`)
}

const outcome = await run()
const stopped = await stop()
if (process.env.HOGLET_KEEP_DATA) console.error(`data and log are kept in ${folder}`)
else rmSync(folder, { recursive: true, force: true })
process.exit(outcome || stopped)
