import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import type { IFlagsmith, IInitConfig } from 'flagsmith/types'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { startServer, type TestServer } from '../start-server.ts'
import { startBrowser, type TestBrowser, type TestPage } from './browser.ts'
import { changeDefault, createFeature, populateProject, storedTraits, type PopulatedProject } from './populated-project.ts'

/** In the page: the package makes itself known under this name. */
declare const flagsmith: IFlagsmith & { identify(identifier: string, traits?: Record<string, unknown>, transient?: boolean): Promise<void> }

let server: TestServer
let project: PopulatedProject
let browser: TestBrowser
let opened: TestPage
beforeAll(async () => {
  server = await startServer()
  project = await populateProject(server)
  // The package's own build for browsers; it needs no bundler.
  browser = await startBrowser(
    await readFile(
      createRequire(import.meta.url)
        .resolve('flagsmith')
        .replace(/\.js$/, '.mjs'),
      'utf8',
    ),
  )
})
afterAll(async () => {
  await browser.close()
  await server.close()
})
beforeEach(async () => {
  opened = await browser.open()
})
afterEach(() => opened.close())

const init = (config: Omit<IInitConfig, 'onChange'> = {}) =>
  opened.page.evaluate((config) => flagsmith.init(config), {
    environmentID: project.environment.api_key,
    api: `${server.url}/api/v1/`,
    ...config,
  })

const value = (name: string) => opened.page.evaluate((name) => flagsmith.getValue(name), name)
const isOn = (name: string) => opened.page.evaluate((name) => flagsmith.hasFeature(name), name)
const traits = () => opened.page.evaluate(() => flagsmith.getAllTraits())

describe('a page of another origin', () => {
  test('gets the flags of the environment with their types, and none that are for servers only', async () => {
    await init()
    const flags = await opened.page.evaluate(() => flagsmith.getAllFlags())
    expect(Object.fromEntries(Object.entries(flags).map(([name, flag]) => [name, [flag.enabled, flag.value]]))).toEqual({
      quick_search: [true, null],
      night_sale: [false, null],
      metric_units: [true, true],
      banner: [true, 'Welcome'],
      page_size: [true, 25],
      theme: [true, '{"primary":"#0af","sizes":[1,2]}'],
      retired: [false, 'long gone'],
      checkout: [true, 'classic'],
    })
    expect(await opened.page.evaluate(() => flagsmith.getValue('theme', { json: true }))).toEqual({ primary: '#0af', sizes: [1, 2] })
  })

  test('may send headers of its own', async () => {
    await init({ headers: { 'X-Tenant': 'acme', baggage: 'a=b' }, applicationMetadata: { name: 'shop', version: '1.2.3' } })
    expect(await value('banner')).toBe('Welcome')
  })

  test('may read the instant of the flags', async () => {
    const header = await opened.page.evaluate(
      async ({ url, key }) =>
        (await fetch(`${url}/api/v1/flags/`, { headers: { 'X-Environment-Key': key } })).headers.get('X-Flagsmith-Document-Updated-At'),
      { url: server.url, key: project.environment.api_key },
    )
    expect(header).toMatch(/^\d{10}\.\d+$/)
  })
})

describe('an identity', () => {
  test('begins with the page, with its traits', async () => {
    await init({ identity: 'browser-1', traits: { plan: 'pro', visits: 3 } })
    expect(await value('banner')).toBe('Hello, tester')
    expect(await traits()).toEqual({ plan: 'pro', visits: 3 })
    expect(await storedTraits(server, project, 'browser-1')).toEqual({ plan: 'pro', visits: 3 })
  })

  test('signs in, tells more of itself, takes something back, and signs out', async () => {
    await init()
    await opened.page.evaluate(() => flagsmith.identify('browser-2', { country: 'SE' }))
    expect(await value('banner')).toBe('Hej')
    await opened.page.evaluate(() => flagsmith.setTrait('plan', 'team'))
    expect(await value('banner')).toBe('Hello, tester')
    await opened.page.evaluate(() => flagsmith.setTraits({ plan: null, country: null, likes_cats: false }))
    expect(await value('banner')).toBe('Welcome')
    expect(await traits()).toEqual({ likes_cats: false })
    expect(await storedTraits(server, project, 'browser-2')).toEqual({ likes_cats: false })
    await opened.page.evaluate(() => flagsmith.logout())
    expect(await traits()).toEqual({})
  })

  test('gets its own overrides, and what is stored of it', async () => {
    await init({ identity: 'vip' })
    expect([await value('banner'), await isOn('quick_search')]).toEqual(['Welcome back', false])
    await opened.page.evaluate(() => flagsmith.identify('ada'))
    expect(await value('banner')).toBe('Hello, colleague')
    expect(await traits()).toEqual({ email: 'ada@acme.test', age: 36, score: 1.5, is_admin: true })
  })

  test('may have any characters', async () => {
    await init({ identity: 'user 1+ü/%&?#🦊@x.com' })
    expect(await storedTraits(server, project, 'user 1+ü/%&?#🦊@x.com')).toEqual({})
  })

  test('that is transient is not stored', async () => {
    await init({
      evaluationContext: { identity: { identifier: 'passing', transient: true, traits: { plan: { value: 'pro', transient: true } } } },
    })
    expect(await value('banner')).toBe('Hello, tester')
    await opened.page.evaluate(() => flagsmith.identify('also passing', {}, true))
    expect(await value('banner')).toBe('Welcome')
    expect([await storedTraits(server, project, 'passing'), await storedTraits(server, project, 'also passing')]).toEqual([
      undefined,
      undefined,
    ])
  })

  test('that has no name is given one, which stays while its traits do', async () => {
    await init({ traits: { plan: 'pro' } })
    const name = await opened.page.evaluate(() => flagsmith.identity)
    expect(name).toMatch(/^[0-9a-f]{64}$/)
    expect(await value('banner')).toBe('Hello, tester')
    expect(await storedTraits(server, project, String(name))).toBeUndefined()
    await opened.page.evaluate(() => flagsmith.getFlags())
    expect(await opened.page.evaluate(() => flagsmith.identity)).toBe(name)
  })
})

test('evaluations that the page counts arrive in the database', async () => {
  await createFeature(server, project, { name: 'seen_in_page', default_enabled: true })
  await opened.page.clock.install()
  await init({ enableAnalytics: true })
  for (let times = 0; times < 3; times += 1) await isOn('seen_in_page')
  await isOn('no_such_thing')
  // Counts are sent every ten seconds of the page's time.
  const sent = opened.page.waitForResponse((response) => response.url().endsWith('/analytics/flags/'))
  await opened.page.clock.fastForward(10_000)
  expect((await sent).status()).toBe(200)
  await vi.waitFor(
    async () => {
      const { rows } = await server.control.pool.query(
        `select count::int from usage_counts where resource = 'evaluations' and feature_name = 'seen_in_page'`,
      )
      expect(rows).toEqual([{ count: 3 }])
    },
    { timeout: 5000 },
  )
})

test('a change reaches the page without a reload, by one request', async () => {
  const { id } = await createFeature(server, project, { name: 'live', initial_value: 'before' })
  const { page } = opened
  const asked: string[] = []
  page.on('request', (request) => {
    if (request.method() === 'GET' && request.url().endsWith('/flags/')) asked.push(request.url())
  })
  const config = {
    environmentID: project.environment.api_key,
    api: `${server.url}/api/v1/`,
    realtime: true,
    eventSourceUrl: `${server.url}/`,
  }
  await page.evaluate(async (config) => {
    const told: unknown[] = []
    Object.assign(globalThis, { told })
    await flagsmith.init({ ...config, onChange: (_, { flagsChanged }) => told.push({ flagsChanged, value: flagsmith.getValue('live') }) })
  }, config)
  expect(await value('live')).toBe('before')
  await changeDefault(server, project, id, { enabled: true, feature_state_value: 'after' })
  await page.waitForFunction(() => flagsmith.getValue('live') === 'after')
  expect(await page.evaluate('told')).toEqual([expect.anything(), { flagsChanged: ['live'], value: 'after' }])
  expect(await isOn('live')).toBe(true)
  expect(asked).toHaveLength(2)
})
