import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { api } from '@halyard/contract'
import { DefaultFlag, Flagsmith, LocalFileHandler, type Flags, type FlagsmithConfig } from 'flagsmith-nodejs'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { startServer, type TestServer } from '../start-server.ts'
import { quiet } from '../test-database.ts'
import { changeDefault, createFeature, overrideFor, populateProject, storedTraits, type PopulatedProject } from './populated-project.ts'

let server: TestServer
let project: PopulatedProject
beforeAll(async () => {
  server = await startServer()
  project = await populateProject(server)
})
afterAll(() => server.close())

const connected: Flagsmith[] = []
afterEach(async () => {
  for (const flagsmith of connected.splice(0)) await flagsmith.close()
})

function connect(config: FlagsmithConfig = {}): Flagsmith {
  const flagsmith = new Flagsmith({
    environmentKey: project.environment.api_key,
    apiUrl: `${server.url}/api/v1/`,
    logger: quiet,
    retries: 0,
    ...config,
  })
  connected.push(flagsmith)
  return flagsmith
}

const connectLocally = (config: FlagsmithConfig = {}) =>
  connect({ environmentKey: project.serverKey, enableLocalEvaluation: true, ...config })

/** What the client tells its caller, by feature. */
const told = (flags: Flags) =>
  Object.fromEntries(flags.allFlags().map(({ featureName, enabled, value }) => [featureName, { enabled, value }]))

// A client turns a value that is null on the wire into undefined.
const nothing = undefined

const forAnybody = {
  quick_search: { enabled: true, value: nothing },
  night_sale: { enabled: false, value: nothing },
  metric_units: { enabled: true, value: true },
  banner: { enabled: true, value: 'Welcome' },
  page_size: { enabled: true, value: 25 },
  theme: { enabled: true, value: '{"primary":"#0af","sizes":[1,2]}' },
  retired: { enabled: false, value: 'long gone' },
  checkout: { enabled: true, value: 'classic' },
}

describe('remote evaluation', () => {
  test('a client-side key gets every flag of the environment with its type, but none that are for servers only', async () => {
    expect(told(await connect().getEnvironmentFlags())).toEqual(forAnybody)
  })

  test('a server-side key gets those for servers too', async () => {
    const flags = await connect({ environmentKey: project.serverKey }).getEnvironmentFlags()
    expect(told(flags)).toEqual({ ...forAnybody, margins: { enabled: true, value: '12.5' } })
  })

  test('an address without the trailing slash is as good', async () => {
    expect(told(await connect({ apiUrl: `${server.url}/api/v1` }).getEnvironmentFlags())).toEqual(forAnybody)
  })

  test('a feature that there is not is off and without a value', async () => {
    const flags = await connect().getEnvironmentFlags()
    expect([flags.isFeatureEnabled('no_such_thing'), flags.getFeatureValue('no_such_thing')]).toEqual([false, nothing])
  })

  test('traits that come along decide', async () => {
    const flagsmith = connect()
    const banner = async (identifier: string, traits: Record<string, string | boolean>) =>
      (await flagsmith.getIdentityFlags(identifier, traits)).getFeatureValue('banner')
    expect(await banner('remote-1', { plan: 'team' })).toBe('Hello, tester')
    expect(await banner('remote-2', { plan: 'team', banned: true })).toBe('Welcome')
    expect(await banner('remote-3', { plan: 'team', email: 'eve@acme.test' })).toBe('Hello, colleague')
    expect(await banner('remote-4', { plan: 'team', country: 'DK' })).toBe('Hello, tester')
    expect(await banner('remote-5', { country: 'DK' })).toBe('Hej')
  })

  test('an override for one identity beats those for segments', async () => {
    const flags = await connect().getIdentityFlags('vip', { email: 'vip@acme.test' }, true)
    expect([flags.getFeatureValue('banner'), flags.isFeatureEnabled('quick_search'), flags.isFeatureEnabled('night_sale')]).toEqual([
      'Welcome back',
      false,
      true,
    ])
  })

  test('a variant that is pinned for an identity is what it gets, and a segment’s weights are what the segment gets', async () => {
    expect((await connect().getIdentityFlags('pinned')).getFeatureValue('checkout')).toBe('one-page')
    expect((await connect().getIdentityFlags('remote-6', { app_version: '2.10.0' })).getFeatureValue('checkout')).toBe('express')
  })

  test('what is stored of an identity counts without being sent again', async () => {
    expect((await connect().getIdentityFlags('ada')).getFeatureValue('banner')).toBe('Hello, colleague')
  })
})

describe('traits', () => {
  test('are stored with their types, changed, and deleted by null', async () => {
    const flagsmith = connect()
    await flagsmith.getIdentityFlags('grace', { plan: 'pro', age: 85, ratio: 0.5, banned: false, note: '', 'favourite colour': 'blue' })
    expect(await storedTraits(server, project, 'grace')).toEqual({
      plan: 'pro',
      age: 85,
      ratio: 0.5,
      banned: false,
      note: '',
      'favourite colour': 'blue',
    })
    const flags = await flagsmith.getIdentityFlags('grace', { plan: null, age: 86 })
    expect(await storedTraits(server, project, 'grace')).toEqual({
      age: 86,
      ratio: 0.5,
      banned: false,
      note: '',
      'favourite colour': 'blue',
    })
    expect(flags.getFeatureValue('banner')).toBe('Welcome')
  })

  test('that are transient decide and are not stored', async () => {
    const flags = await connect().getIdentityFlags('linus', {
      plan: { value: 'pro', transient: true },
      age: { value: 54, transient: false },
    })
    expect(flags.getFeatureValue('banner')).toBe('Hello, tester')
    expect(await storedTraits(server, project, 'linus')).toEqual({ age: 54 })
  })

  test('of a transient identity decide together with what is stored, and neither is stored', async () => {
    const flagsmith = connect()
    expect((await flagsmith.getIdentityFlags('passer-by', { plan: 'pro' }, true)).getFeatureValue('banner')).toBe('Hello, tester')
    expect(await storedTraits(server, project, 'passer-by')).toBeUndefined()
    await flagsmith.getIdentityFlags('resident', { plan: 'pro' })
    expect((await flagsmith.getIdentityFlags('resident', { banned: true }, true)).getFeatureValue('banner')).toBe('Welcome')
    expect(await storedTraits(server, project, 'resident')).toEqual({ plan: 'pro' })
  })

  test('an identifier may hold any characters', async () => {
    const identifier = 'user 1/ü+%2F?&#, “Zoë” 🦊'
    await connect().getIdentityFlags(identifier, { plan: 'pro' })
    expect(await storedTraits(server, project, identifier)).toEqual({ plan: 'pro' })
  })
})

describe('local evaluation', () => {
  test('needs a server-side key', () => {
    expect(() => connect({ enableLocalEvaluation: true })).toThrow('server-side environment key')
  })

  test('the document is refused to a client-side key', async () => {
    const answer = await server.send('GET', '/api/v1/environment-document/', {
      headers: { 'x-environment-key': project.environment.api_key },
    })
    expect(answer).toMatchObject({ status: 403, body: { detail: 'Invalid or missing Environment key' } })
  })

  test('tells the same of the environment as remote evaluation', async () => {
    const local = told(await connectLocally().getEnvironmentFlags())
    const remote = told(await connect({ environmentKey: project.serverKey }).getEnvironmentFlags())
    expect(withNulls(local)).toEqual(withNulls(remote))
  })

  test('tells the same of identities: overrides, pinned variants, segments, weights and percentages', async () => {
    const [local, remote] = [connectLocally(), connect({ environmentKey: project.serverKey })]
    const visitors: [string, Record<string, string | boolean>][] = [
      ['vip', {}],
      ['pinned', { app_version: '2.1.0' }],
      ['local-1', { plan: 'pro', country: 'SE' }],
      ['local-2', { email: 'bob@acme.test', app_version: '1.9.9' }],
      ['local-3', { app_version: '3.0.0-beta.1' }],
      ...Array.from({ length: 40 }, (_, number): [string, Record<string, string>] => [`local visitor ${number}`, {}]),
    ]
    for (const [identifier, traits] of visitors) {
      const mine = told(await local.getIdentityFlags(identifier, traits))
      expect({ identifier, flags: withNulls(mine) }).toEqual({
        identifier,
        flags: withNulls(told(await remote.getIdentityFlags(identifier, traits, true))),
      })
    }
  })

  test('a change is seen after the next poll', async () => {
    const { id } = await createFeature(server, project, { name: 'polled', initial_value: 'before' })
    const polled = vi.fn<() => void>()
    const flagsmith = connectLocally({ environmentRefreshIntervalSeconds: 0.1, onEnvironmentChange: polled })
    const value = async () => (await flagsmith.getEnvironmentFlags()).getFeatureValue('polled')
    expect(await value()).toBe('before')
    await changeDefault(server, project, id, { feature_state_value: 'after' })
    const polls = polled.mock.calls.length
    // The next to end may have begun before the change.
    await vi.waitFor(() => expect(polled.mock.calls.length).toBeGreaterThan(polls + 1))
    expect(await value()).toBe('after')
  })

  test('an override for an identity is seen, changed and removed with updates of the environment', async () => {
    const flagsmith = connectLocally()
    const banner = async () => {
      await flagsmith.updateEnvironment()
      return (await flagsmith.getIdentityFlags('guest')).getFeatureValue('banner')
    }
    expect(await banner()).toBe('Welcome')
    const { identity, id } = await overrideFor(server, project, 'guest', {
      feature: project.features.banner,
      enabled: true,
      feature_state_value: 'For you',
    })
    expect(await banner()).toBe('For you')
    const overrides = server.as(project.authorization, api.identityOverrides)
    const params = { environment_key: project.environment.api_key, identity, feature_state: id }
    await overrides.update({ params, body: { feature_state_value: 'Only for you' } })
    expect(await banner()).toBe('Only for you')
    await overrides.delete({ params })
    expect(await banner()).toBe('Welcome')
  })

  test('segments of an identity are known by name', async () => {
    const segments = await connectLocally().getIdentitySegments('local-4', { plan: 'team', country: 'NO' })
    expect(segments.map(({ name }) => name)).toEqual(expect.arrayContaining(['testers', 'nordics']))
  })

  test('nothing is stored', async () => {
    await connectLocally().getIdentityFlags('local-5', { plan: 'pro' })
    expect(await storedTraits(server, project, 'local-5')).toBeUndefined()
  })
})

test('evaluations that a client counts arrive in the database', async () => {
  const { id } = await createFeature(server, project, { name: 'counted', default_enabled: true })
  const flags = await connect({ enableAnalytics: true }).getEnvironmentFlags()
  for (let times = 0; times < 3; times += 1) flags.isFeatureEnabled('counted')
  flags.getFeatureValue('counted')
  flags.isFeatureEnabled('no_such_thing')
  await flags.analyticsProcessor?.flush()
  await vi.waitFor(async () => expect(await countsOf(id)).toEqual([{ feature_name: 'counted', count: 4 }]), { timeout: 5000 })
  const { rows } = await server.control.pool.query(`select count(*)::int from usage_counts where feature_name = 'no_such_thing'`)
  expect(rows).toEqual([{ count: 0 }])
})

describe('without the server', () => {
  const standIn = (name: string) => new DefaultFlag(`default ${name}`, true)

  test('that refuses the key, defaults are told, or the failure where there are none', async () => {
    const refused = { environmentKey: 'no-such-key' }
    const flags = await connect({ ...refused, defaultFlagHandler: standIn }).getIdentityFlags('ada')
    expect([flags.isFeatureEnabled('banner'), flags.getFeatureValue('banner'), flags.getFlag('banner').isDefault]).toEqual([
      true,
      'default banner',
      true,
    ])
    await expect(connect(refused).getEnvironmentFlags()).rejects.toThrow('no default flag handler')
  })

  test('that is gone, defaults are told, and whoever evaluates locally goes on with what it has', async () => {
    const other = await startServer()
    const elsewhere = await other.makeProject()
    const { id: feature } = await createFeature(other, elsewhere, { name: 'banner', default_enabled: true, initial_value: 'Welcome' })
    await overrideFor(other, elsewhere, 'vip', { feature, enabled: true, feature_state_value: 'Welcome back' })
    const gone = {
      apiUrl: `${other.url}/api/v1/`,
      environmentKey: elsewhere.environment.api_key,
      requestRetryDelayMilliseconds: 1,
      retries: 1,
    }
    const local = connect({ ...gone, environmentKey: elsewhere.serverKey, enableLocalEvaluation: true })
    expect((await local.getIdentityFlags('vip')).getFeatureValue('banner')).toBe('Welcome back')
    await other.close()
    expect((await connect({ ...gone, defaultFlagHandler: standIn }).getEnvironmentFlags()).getFeatureValue('banner')).toBe('default banner')
    await local.updateEnvironment()
    expect((await local.getIdentityFlags('vip')).getFeatureValue('banner')).toBe('Welcome back')
  })

  test('a file with the document is enough', async () => {
    const document = await server.send('GET', '/api/v1/environment-document/', { headers: { 'x-environment-key': project.serverKey } })
    const directory = await mkdtemp(join(tmpdir(), 'halyard-offline-'))
    try {
      const file = join(directory, 'environment.json')
      await writeFile(file, document.text)
      const offline = new Flagsmith({ offlineMode: true, offlineHandler: new LocalFileHandler(file), logger: quiet })
      expect((await offline.getEnvironmentFlags()).getFeatureValue('page_size')).toBe(25)
      expect((await offline.getIdentityFlags('anyone', { plan: 'pro' })).getFeatureValue('banner')).toBe('Hello, tester')
      expect((await offline.getIdentityFlags('vip')).isFeatureEnabled('quick_search')).toBe(false)
    } finally {
      await rm(directory, { recursive: true })
    }
  })
})

/** Where there is no value, remote evaluation tells undefined and local evaluation null. */
const withNulls = (flags: ReturnType<typeof told>) =>
  Object.fromEntries(Object.entries(flags).map(([name, { enabled, value }]) => [name, { enabled, value: value ?? null }]))

async function countsOf(feature: number): Promise<unknown[]> {
  const { rows } = await server.control.pool.query(
    `select feature_name, sum(count)::int as count from usage_counts u join features f on f.name = u.feature_name
      where f.id = $1 and u.environment_id = $2 and u.resource = 'evaluations' group by feature_name`,
    [feature, project.environment.id],
  )
  return rows
}
