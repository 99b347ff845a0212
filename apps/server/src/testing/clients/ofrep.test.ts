import { sdkEndpoints } from '@halyard/contract'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type * as z from 'zod'
import { startServer, type Answer, type TestServer } from '../start-server.ts'
import { changeDefault, populateProject, type PopulatedProject } from './populated-project.ts'
import { identify, type SeenFlag } from './sdk-requests.ts'

let server: TestServer
let project: PopulatedProject
beforeAll(async () => {
  server = await startServer()
  project = await populateProject(server)
})
afterAll(() => server.close())

const path = '/ofrep/v1/evaluate/flags'
const evaluated = sdkEndpoints.ofrepFlag.reply
type Evaluated = z.output<typeof evaluated>

const ask = (key: string, context: object, { to = path, headers = {} }: { to?: string; headers?: Record<string, string> } = {}) =>
  server.send('POST', to, { authorization: `Bearer ${key}`, headers, body: { context } })

const flagsIn = (answer: Answer): Evaluated[] => sdkEndpoints.ofrepFlags.reply.parse(answer.body).flags

/** What OFREP has to say of a flag that `identities/` showed. */
function expectedOf({ enabled, value }: SeenFlag): unknown {
  if (value === null) return enabled
  return enabled ? value : undefined
}

/** An unkeyed variant has no name there and its id here; both say `control`; whoever is not split has none. */
function isSameVariant({ variant: named }: SeenFlag, { variant }: Evaluated): boolean {
  return typeof named === 'string' ? variant === named : variant === undefined || /^variant-\d+$/.test(variant)
}

const traits = fc.record(
  {
    plan: fc.constantFrom('pro', 'team', 'free', ''),
    banned: fc.boolean(),
    email: fc.constantFrom('eve@acme.test', 'eve@example.com', 'noteve'),
    country: fc.constantFrom('SE', 'NO', 'DE', 'se'),
    app_version: fc.constantFrom('1.0.0', '2.0.0', '2.0.0-rc.1', '10.1.0', 'newest'),
    age: fc.integer(),
  },
  { requiredKeys: [] },
)
const identifiers = fc.oneof(
  fc.constantFrom('ada', 'vip', 'pinned'),
  fc.uuid(),
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 30 }).filter((text) => text.trim() === text && text !== ''),
)

describe('for any identity', () => {
  for (const audience of ['client', 'server'] as const) {
    test(`every flag comes out the same alone, among all, and from identities/, for a ${audience}-side key`, async () => {
      const key = audience === 'client' ? project.environment.api_key : project.serverKey
      await fc.assert(
        fc.asyncProperty(identifiers, traits, async (identifier, told) => {
          const context = { targetingKey: identifier, ...told }
          const bulk = flagsIn(await ask(key, context))
          const written = Object.entries(told).map(([name, value]) => ({ trait_key: name, trait_value: value }))
          const { flags } = await identify(server, key, { identifier, transient: true, traits: written })
          expect(bulk.map((flag) => flag.key).toSorted()).toEqual(Object.keys(flags).toSorted())
          const alone = await Promise.all(bulk.map(async (flag) => (await ask(key, context, { to: `${path}/${flag.key}` })).body))
          expect(alone).toEqual(bulk)
          for (const flag of bulk) {
            const seen = flags[flag.key]
            expect({ key: flag.key, value: flag.value, enabled: flag.metadata.enabled }).toEqual({
              key: flag.key,
              value: seen && expectedOf(seen),
              enabled: seen?.enabled,
            })
            expect({ key: flag.key, isSameVariant: seen && isSameVariant(seen, flag) }).toEqual({ key: flag.key, isSameVariant: true })
          }
        }),
        { numRuns: 40 },
      )
    })
  }
})

describe('conditional requests', () => {
  const etagOf = (answer: Answer) => answer.headers.get('etag') ?? ''
  const having = (etag: string) => ({ headers: { 'if-none-match': etag } })
  const asBrowser = (context: object, options?: Parameters<typeof ask>[2]) => ask(project.environment.api_key, context, options)

  test('whoever has the reply already is told so, without a body', async () => {
    const context = { targetingKey: 'etag-1', plan: 'pro' }
    const first = await asBrowser(context)
    expect(first.status).toBe(200)
    for (const written of [etagOf(first), `W/${etagOf(first)}`, `"other", ${etagOf(first)}`, '*']) {
      const second = await asBrowser(context, having(written))
      expect({ written, status: second.status, text: second.text, etag: etagOf(second) }).toEqual({
        written,
        status: 304,
        text: '',
        etag: etagOf(first),
      })
    }
  })

  test('the ETag depends on the context, whatever the targeting key', async () => {
    const first = await asBrowser({ targetingKey: 'etag-2', plan: 'pro' })
    const second = await asBrowser({ targetingKey: 'etag-2', plan: 'free' }, having(etagOf(first)))
    expect(second.status).toBe(200)
    expect(etagOf(second)).not.toBe(etagOf(first))
  })

  test('the ETag depends on the configuration, even where the flags come out the same', async () => {
    const context = { targetingKey: 'etag-3' }
    const first = await asBrowser(context)
    await changeDefault(server, project, project.features.margins, { feature_state_value: '13' })
    const second = await asBrowser(context, having(etagOf(first)))
    expect([second.status, flagsIn(second).length]).toEqual([200, flagsIn(first).length])
  })

  test('who was told of another configuration gets all, whatever reply it has', async () => {
    const context = { targetingKey: 'etag-4' }
    const first = await asBrowser(context)
    const second = await asBrowser(context, { to: `${path}?flagConfigEtag=1-1&flagConfigLastModified=1`, ...having(etagOf(first)) })
    expect(second.status).toBe(200)
  })

  test('the stream to listen to is the same in every reply, and its address shows no secret', async () => {
    const streams = async (key: string, targetingKey: string) =>
      sdkEndpoints.ofrepFlags.reply.parse((await ask(key, { targetingKey })).body).eventStreams
    const ofBrowser = await streams(project.environment.api_key, 'one')
    expect(ofBrowser).toEqual([{ type: 'sse', endpoint: { requestUri: `/ofrep/v1/stream?key=${project.environment.api_key}` } }])
    expect(await streams(project.environment.api_key, 'two')).toEqual(ofBrowser)
    const ofServer = await streams(project.serverKey, 'one')
    expect(await streams(project.serverKey, 'two')).toEqual(ofServer)
    expect(JSON.stringify(ofServer)).not.toContain(project.serverKey.slice(4))
  })
})

describe('who asks', () => {
  test.each([
    ['Authorization: Bearer', (key: string) => ({ authorization: `Bearer ${key}` })],
    ['X-API-Key', (key: string) => ({ 'x-api-key': key })],
    ['X-Environment-Key', (key: string) => ({ 'x-environment-key': key })],
  ])('is told by %s', async (_, headers) => {
    const answer = await server.send('POST', path, { headers: headers(project.environment.api_key), body: { context: {} } })
    expect(answer.status).toBe(200)
    expect(await server.send('POST', path, { headers: headers('no-such-key'), body: { context: {} } })).toMatchObject({
      status: 401,
      body: { errorCode: 'GENERAL' },
    })
  })

  test('and must say so', async () => {
    expect(await server.send('POST', `${path}/banner`, { body: { context: {} } })).toMatchObject({
      status: 401,
      body: { key: 'banner', errorCode: 'GENERAL' },
    })
  })
})
