import { afterAll, beforeAll, expect, test } from 'vitest'
import { startServer, type TestServer } from '../testing/start-server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server.close())

test('the browsable description loads from this server alone', async () => {
  const page = await server.send('GET', '/api/docs/')
  expect(page.status).toBe(200)
  expect(page.headers.get('content-security-policy')).toContain("default-src 'none'")
  const addresses = [...page.text.matchAll(/(?:src|href)="(\/[^"]+)"/g)].map(([, address = '']) => address)
  expect(addresses).toEqual(
    expect.arrayContaining(['/api/docs/ui/swagger-ui.css', '/api/docs/ui/swagger-ui-bundle.js', '/api/docs/start.js']),
  )
  const answers = await Promise.all(addresses.map((address) => server.send('GET', address)))
  expect(answers.map(({ status }) => status)).toEqual(addresses.map(() => 200))
  expect(page.text).not.toMatch(/https?:\/\//)
})

test('nothing else of the package is served', async () => {
  for (const path of ['package.json', 'index.html', '../package.json', '%2e%2e/package.json', 'swagger-ui-bundle.js.map']) {
    expect((await server.send('GET', `/api/docs/ui/${path}`)).status).toBe(404)
  }
})
