// Several pictures side by side on one sheet: node tests/mock/sheet.mjs OUT.png COLUMNS WIDTH a.png b.png …
import { readFileSync } from 'node:fs'
import { chromium } from 'playwright-core'
const [out, columns, width, ...files] = process.argv.slice(2)
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] })
const page = await browser.newPage({ viewport: { width: columns * width, height: 100 } })
const images = files.map((file) => `<img style="width:${width}px;display:block" src="data:image/png;base64,${readFileSync(file).toString('base64')}">`).join('')
await page.setContent(`<body style="margin:0;background:#888;display:grid;gap:4px;grid-template-columns:repeat(${columns},1fr)">${images}</body>`)
await page.screenshot({ path: out, fullPage: true })
await browser.close()
