import { existsSync } from 'node:fs'
import { createServer } from 'node:http'
import { chromium, type Page } from 'playwright-core'

const executablePath = '/usr/bin/chromium'
// Tests run as root in containers, and nothing but the pages under test should use the network.
const switches = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-dev-shm-usage',
  '--disable-background-networking',
  '--disable-component-update',
  '--no-first-run',
]

export interface TestBrowser {
  /** A page that has nothing stored, with its scripts loaded. */
  open(): Promise<TestPage>
  close(): Promise<void>
}

export interface TestPage {
  readonly page: Page
  /** Fails when there is anything in the console or the network panel: errors, warnings, requests that failed or were refused. */
  close(): Promise<void>
}

/** A browser, and a site of another origin than the server's for it: a page with one script. */
export async function startBrowser(script: string): Promise<TestBrowser> {
  if (!existsSync(executablePath)) throw new Error(`Browser tests need Chromium at ${executablePath}. On Debian: apt-get install chromium`)
  const site = await serveSite({
    '/': {
      type: 'text/html; charset=utf-8',
      body: '<!doctype html><link rel="icon" href="data:," /><script type="module" src="/script.js"></script>',
    },
    '/script.js': { type: 'text/javascript; charset=utf-8', body: script },
  })
  const browser = await chromium.launch({ executablePath, args: switches })
  return {
    async open() {
      const context = await browser.newContext()
      const page = await context.newPage()
      const complaints = listComplaints(page)
      await page.goto(site.url, { waitUntil: 'load' })
      return {
        page,
        async close() {
          // Copied: closing the page fails requests that are still under way.
          const found = [...complaints]
          await context.close()
          if (found.length > 0) throw new Error(`The page complained:\n${found.join('\n')}`)
        },
      }
    },
    async close() {
      await browser.close()
      await site.close()
    },
  }
}

function listComplaints(page: Page): string[] {
  const complaints: string[] = []
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(`console: ${message.text()}`)
  })
  page.on('pageerror', (error) => complaints.push(`uncaught: ${error.message}`))
  page.on('requestfailed', (request) => complaints.push(`${request.method()} ${request.url()} failed: ${request.failure()?.errorText}`))
  page.on('response', (response) => {
    if (response.status() >= 400) complaints.push(`${response.request().method()} ${response.url()} answered ${response.status()}`)
  })
  return complaints
}

interface SiteFile {
  readonly type: string
  readonly body: string
}

async function serveSite(files: Readonly<Record<string, SiteFile>>): Promise<{ url: string; close(): Promise<void> }> {
  const server = createServer((request, response) => {
    const file = files[request.url ?? '']
    response.writeHead(file ? 200 : 404, { 'content-type': file?.type ?? 'text/plain' }).end(file?.body)
  })
  // Another loopback address: the server under test listens on the first.
  const port = await new Promise<number>((resolve) => {
    server.listen(0, '127.0.0.2', () => {
      const address = server.address()
      resolve(typeof address === 'object' && address !== null ? address.port : 0)
    })
  })
  return {
    url: `http://127.0.0.2:${port}/`,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
