import { OFREPProvider } from '@openfeature/ofrep-provider'
import { ErrorCode, OpenFeature, StandardResolutionReasons, type Client, type EvaluationContext } from '@openfeature/server-sdk'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startServer, type TestServer } from '../start-server.ts'
import { populateProject, storedTraits, type PopulatedProject } from './populated-project.ts'

let server: TestServer
let project: PopulatedProject
beforeAll(async () => {
  server = await startServer()
  project = await populateProject(server)
  const say = () => undefined
  OpenFeature.setLogger({ debug: say, info: say, warn: say, error: say })
})
afterAll(async () => {
  await OpenFeature.close()
  await server.close()
})

let connections = 0

/** A client with a provider of its own; `query` is what its requests carry, for options that the provider knows nothing of. */
async function connect(key: string, query = ''): Promise<Client> {
  connections += 1
  const provider = new OFREPProvider({
    baseUrl: server.url,
    headers: [['Authorization', `Bearer ${key}`]],
    fetchImplementation: (input: unknown) =>
      input instanceof Request
        ? fetch(new Request(`${input.url}${query}`, input))
        : Promise.reject(new TypeError('This provider makes requests.')),
  })
  await OpenFeature.setProviderAndWait(`connection ${connections}`, provider)
  return OpenFeature.getClient(`connection ${connections}`)
}

const connectAsBrowser = (query?: string) => connect(project.environment.api_key, query)
const connectAsServer = (query?: string) => connect(project.serverKey, query)
const ada: EvaluationContext = { targetingKey: 'ada' }
const stranger: EvaluationContext = { targetingKey: 'somebody' }

describe('values', () => {
  test('a feature without a value is a boolean', async () => {
    const client = await connectAsBrowser()
    expect(await client.getBooleanDetails('quick_search', false, stranger)).toMatchObject({
      value: true,
      reason: StandardResolutionReasons.STATIC,
    })
    expect(await client.getBooleanDetails('night_sale', true, stranger)).toMatchObject({
      value: false,
      reason: StandardResolutionReasons.DISABLED,
    })
  })

  test('a value keeps its type', async () => {
    const client = await connectAsBrowser()
    expect(await client.getBooleanValue('metric_units', false)).toBe(true)
    expect(await client.getStringValue('banner', '')).toBe('Welcome')
    expect(await client.getNumberValue('page_size', 0)).toBe(25)
    expect(await client.getStringValue('theme', '')).toBe('{"primary":"#0af","sizes":[1,2]}')
  })

  test('text that is a JSON object is an object for who asks so', async () => {
    const client = await connectAsBrowser('?json=1')
    expect(await client.getObjectValue('theme', {}, stranger)).toEqual({ primary: '#0af', sizes: [1, 2] })
    expect(await client.getStringValue('banner', '', stranger)).toBe('Welcome')
  })

  test('of a feature with a value, whether it is enabled is told to who asks so', async () => {
    const client = await connectAsBrowser('?mode=enabled')
    expect(await client.getBooleanValue('banner', false, stranger)).toBe(true)
    expect(await client.getBooleanValue('retired', true, stranger)).toBe(false)
  })
})

describe('targeting', () => {
  test('members of the context decide, and so do traits in the place where Flagsmith’s providers put them', async () => {
    const client = await connectAsBrowser()
    const match = { value: 'Hello, tester', reason: StandardResolutionReasons.TARGETING_MATCH }
    expect(await client.getStringDetails('banner', '', { ...stranger, plan: 'pro' })).toMatchObject(match)
    expect(
      await client.getStringDetails('banner', '', { ...stranger, traits: { plan: { value: 'team', transient: true } } }),
    ).toMatchObject(match)
    expect(await client.getStringValue('banner', '', { ...stranger, plan: 'free', traits: { plan: 'team' } })).toBe('Welcome')
  })

  test('what is stored of an identity decides, and what the context says beats it', async () => {
    const client = await connectAsBrowser()
    expect(await client.getStringValue('banner', '', ada)).toBe('Hello, colleague')
    expect(await client.getStringValue('banner', '', { ...ada, email: 'ada@example.com' })).toBe('Welcome')
  })

  test('an override for an identity decides', async () => {
    const client = await connectAsBrowser()
    const details = await client.getStringDetails('banner', '', { targetingKey: 'vip' })
    expect(details).toMatchObject({ value: 'Welcome back', reason: StandardResolutionReasons.TARGETING_MATCH })
  })

  test('whoever has no targeting key is evaluated by the context alone, without splits', async () => {
    const client = await connectAsBrowser()
    expect(await client.getStringValue('banner', '', {})).toBe('Welcome')
    expect(await client.getStringValue('banner', '', { country: 'FI' })).toBe('Hej')
    expect(await client.getStringDetails('checkout', '')).toMatchObject({
      value: 'classic',
      variant: 'control',
      reason: StandardResolutionReasons.STATIC,
    })
  })

  test('nothing is stored', async () => {
    const client = await connectAsBrowser()
    await client.getStringValue('banner', '', { targetingKey: 'unstored', plan: 'pro' })
    expect(await storedTraits(server, project, 'unstored')).toBeUndefined()
  })

  test('the name of the segment is told to servers only', async () => {
    const context = { ...stranger, plan: 'pro' }
    const common = { featureId: project.features.banner, enabled: true, type: 'STANDARD' }
    const asBrowser = await (await connectAsBrowser()).getStringDetails('banner', '', context)
    const asServer = await (await connectAsServer()).getStringDetails('banner', '', context)
    expect([asBrowser.flagMetadata, asServer.flagMetadata]).toEqual([common, { ...common, segment: 'testers' }])
  })
})

describe('variants', () => {
  test('one that is pinned for an identity is told by its key', async () => {
    const client = await connectAsServer()
    const details = await client.getStringDetails('checkout', '', { targetingKey: 'pinned' })
    expect(details).toMatchObject({
      value: 'one-page',
      variant: 'one_page',
      reason: StandardResolutionReasons.SPLIT,
      flagMetadata: { weight: 100 },
    })
  })

  test('every variant comes up, each with its own value, and stays with its identity', async () => {
    const client = await connectAsBrowser()
    const seen = new Map<string | undefined, string>()
    for (let number = 0; number < 80; number += 1) {
      const details = await client.getStringDetails('checkout', '', { targetingKey: `shopper ${number}` })
      expect(seen.get(details.variant) ?? details.value).toBe(details.value)
      seen.set(details.variant, details.value)
      const again = await client.getStringDetails('checkout', '', { targetingKey: `shopper ${number}`, country: 'SE' })
      expect(again.variant).toBe(details.variant)
    }
    const unkeyed = [...seen.keys()].find((variant) => variant?.startsWith('variant-'))
    expect(Object.fromEntries(seen)).toEqual({
      control: 'classic',
      one_page: 'one-page',
      express: 'express',
      [String(unkeyed)]: 'experimental',
    })
  })

  test('a feature that is not split has none', async () => {
    const client = await connectAsBrowser()
    expect(await client.getStringDetails('banner', '', stranger)).not.toHaveProperty('variant', expect.anything())
  })
})

describe('the default in the code counts', () => {
  test('for a feature that there is not', async () => {
    const client = await connectAsBrowser()
    expect(await client.getStringDetails('no_such_thing', 'fallback', ada)).toMatchObject({
      value: 'fallback',
      errorCode: ErrorCode.FLAG_NOT_FOUND,
    })
  })

  test('for a feature that is only for servers, when a browser asks', async () => {
    const [asBrowser, asServer] = [await connectAsBrowser(), await connectAsServer()]
    expect(await asBrowser.getStringDetails('margins', 'fallback', ada)).toMatchObject({
      value: 'fallback',
      errorCode: ErrorCode.FLAG_NOT_FOUND,
    })
    expect(await asServer.getStringValue('margins', 'fallback', ada)).toBe('12.5')
  })

  test('for a feature with a value that is disabled', async () => {
    const client = await connectAsBrowser()
    expect(await client.getStringValue('retired', 'fallback', ada)).toBe('fallback')
  })

  test('where the code expects another type', async () => {
    const client = await connectAsBrowser()
    expect(await client.getNumberDetails('banner', 7, ada)).toMatchObject({ value: 7, errorCode: ErrorCode.TYPE_MISMATCH })
    expect(await client.getStringDetails('page_size', 'fallback', ada)).toMatchObject({
      value: 'fallback',
      errorCode: ErrorCode.TYPE_MISMATCH,
    })
  })

  test('where a targeting key is asked for and there is none', async () => {
    const client = await connectAsBrowser('?strict=1')
    expect(await client.getStringDetails('banner', 'fallback')).toMatchObject({
      value: 'fallback',
      errorCode: ErrorCode.TARGETING_KEY_MISSING,
    })
  })

  test('where the context cannot be', async () => {
    const client = await connectAsBrowser()
    const details = await client.getStringDetails('banner', 'fallback', { targetingKey: 'x'.repeat(2001) })
    expect(details).toMatchObject({ value: 'fallback', errorCode: ErrorCode.INVALID_CONTEXT })
  })

  test('where the key opens nothing', async () => {
    const client = await connect('no-such-key')
    expect(await client.getStringDetails('banner', 'fallback', ada)).toMatchObject({ value: 'fallback', errorCode: ErrorCode.GENERAL })
  })
})
