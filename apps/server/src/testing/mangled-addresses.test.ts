import { once } from 'node:events'
import { request as ask } from 'node:http'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { addressOf, everyEndpoint, isRead, keepExamples, type Listed, type Request } from './matrix/endpoints.ts'
import { makeTenant, tracesOf, type Fixture } from './matrix/fixture.ts'
import { recording } from './matrix/recorded.ts'
import { startServer, type TestServer } from './start-server.ts'

let server: TestServer
let home: Fixture
let foreign: Fixture
beforeAll(async () => {
  server = await startServer()
  home = await makeTenant(server)
  foreign = await makeTenant(server)
})
afterAll(() => server.close())

const exampleOf = keepExamples()

/** Other spellings of an address, which what stands before a server may take for the same or for another. */
const spellings: Readonly<Record<string, (path: string) => string>> = {
  'slashes doubled': (path) => path.replaceAll('/', '//'),
  'a slash before it': (path) => `/${path}`,
  'dots in it': (path) => path.replace('/api/', '/api/./'),
  'a way up in it': (path) => path.replace('/api/v1/', '/api/v1/organisations/../'),
  'an encoded way up in it': (path) => path.replace('/api/v1/', '/api/v1/organisations/%2e%2e/'),
  'an encoded slash and way up': (path) => path.replace('/api/v1/', '/api/v1/organisations%2f..%2f'),
  'a public route before it': (path) => `/api/v1/auth/login/..${path}`,
  'a public page before it': (path) => `/api/docs/ui/..%2f..%2f..${path}`,
  'encoded slashes': (path) => path.replaceAll('/', '%2f'),
  'an overlong slash': (path) => path.replace('/v1/', '/v1%c0%af'),
  backslashes: (path) => path.replaceAll('/', '\\'),
  'a parameter': (path) => path.replace('/api/', '/api;x=1/'),
  'a parameter at its end': (path) => path.replace(/\/$/, ';.css'),
  'a file at its end': (path) => `${path}x.css`,
  'a NUL at its end': (path) => path.replace(/\/$/, '%00/'),
  'a line end': (path) => `${path}%0d%0ax-injected:%201`,
  'another case': (path) => path.toUpperCase(),
  'a fragment': (path) => `${path}%23`,
  'a letter encoded twice': (path) => path.replace('/api/', '/%2561pi/'),
  'no end': (path) => `${path}${'x'.repeat(12_000)}`,
  'another host': (path) => `http://elsewhere.example.com${path}`,
}

interface Heard {
  readonly status: number
  readonly text: string
  readonly isInjected: boolean
}

/** Sends a path as it is: fetch would put it in order. */
async function sendVerbatim(
  method: string,
  path: string,
  { authorization, body }: { authorization?: string; body?: unknown },
): Promise<Heard> {
  const { hostname, port } = new URL(server.url)
  const headers = { ...(authorization && { authorization }), ...(body !== undefined && { 'content-type': 'application/json' }) }
  // On a connection of its own: what is no HTTP ends one that served others before without a word.
  const asking = ask({ agent: false, hostname, port, method, path, headers })
  asking.end(body === undefined ? undefined : JSON.stringify(body))
  const [response] = await once(asking, 'response')
  return { status: response.statusCode, text: await text(response), isInjected: 'x-injected' in response.headers }
}

const mangle = (listed: Listed, request: Request) => {
  const [path = '', search] = addressOf(listed.endpoint, request).split('?')
  return Object.entries(spellings).map(([name, spell]) => ({ name, path: search === undefined ? spell(path) : `${spell(path)}?${search}` }))
}

const hears = (listed: Listed, request: Request, authorization?: string) =>
  Promise.all(
    mangle(listed, request).map(async ({ name, path }) => ({
      name,
      path,
      ...(await sendVerbatim(listed.endpoint.method, path, {
        ...(authorization !== undefined && { authorization }),
        body: request.body,
      })),
    })),
  )

describe('an address that is spelled otherwise', () => {
  const closed = everyEndpoint.filter(({ endpoint }) => endpoint.scope.level !== 'public')
  test.each(closed)('opens $name to nobody, and to no stranger', async (listed) => {
    const request = await exampleOf(home, listed)
    const { answered, recorded } = await recording(server, async () => [
      ...(await hears(listed, request)),
      ...(listed.endpoint.scope.level === 'actor' ? [] : await hears(listed, request, foreign.authorization)),
    ])
    expect(recorded).toEqual([])
    expect(answered.filter(({ status }) => status < 400 || status >= 500)).toEqual([])
    for (const { text: said, path, isInjected } of answered) {
      expect(isInjected).toBe(false)
      expect(tracesOf(home).filter((trace) => said.includes(trace) && !path.includes(trace))).toEqual([])
    }
  })

  test.each(closed.filter(({ endpoint }) => isRead(endpoint)))('of $name is the same or nothing, to its owner', async (listed) => {
    const request = await exampleOf(home, listed)
    const answers = await hears(listed, request, home.authorization)
    for (const { name, status } of answers) expect({ name, status }).toEqual({ name, status: expect.toBeOneOf([200, 400, 404, 405, 414]) })
  })

  test.each([
    '/api/docs/ui/../../../../../../etc/passwd',
    '/api/docs/ui/..%2f..%2f..%2fpackage.json',
    '/api/docs/ui/%2e%2e/package.json',
    '/api/docs/ui/package.json',
    '/api/docs/ui/swagger-ui.css%00',
    '/api/docs/ui//etc/passwd',
    '/api/docs/ui/..\\..\\package.json',
  ])('%s serves no file', async (path) => {
    const { status, text: said } = await sendVerbatim('GET', path, {})
    expect(status).toBeOneOf([400, 403, 404])
    expect(said).not.toMatch(/root:|"version"/)
  })
})
