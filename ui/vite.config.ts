import tailwindcss from '@tailwindcss/vite'
import react from '@vitejs/plugin-react'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vite'

const server = process.env.HOGLET_SERVER ?? 'http://127.0.0.1:8000'
const served = ['/api', '/livestream', '/e', '/i', '/batch', '/capture', '/flags', '/decide', '/array', '/static', '/_preflight', '/logout']

export default defineConfig({
    plugins: [react(), tailwindcss()],
    resolve: { alias: { '@': fileURLToPath(new URL('./src', import.meta.url)) } },
    build: {
        target: 'es2023',
        assetsDir: 'assets',
        chunkSizeWarningLimit: 700,
    },
    server: {
        port: 5173,
        proxy: Object.fromEntries(served.map((path) => [path, { target: server, changeOrigin: false }])),
    },
})
