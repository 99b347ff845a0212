import { fileURLToPath } from 'node:url'
import type { OFREPWebProvider as WebProvider } from '@openfeature/ofrep-web-provider'
import type { OpenFeature as WebOpenFeature, ProviderEvents as WebProviderEvents } from '@openfeature/web-sdk'
import { build } from 'vite'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { startServer, type TestServer } from '../start-server.ts'
import { startBrowser, type TestBrowser, type TestPage } from './browser.ts'
import { changeDefault, createFeature, populateProject, storedTraits, type PopulatedProject } from './populated-project.ts'

/** In the page: see `openfeature-page.ts`. */
declare const OpenFeature: typeof WebOpenFeature
declare const ProviderEvents: typeof WebProviderEvents
declare const OFREPWebProvider: typeof WebProvider

let server: TestServer
let project: PopulatedProject
let browser: TestBrowser
let opened: TestPage
beforeAll(async () => {
  server = await startServer()
  project = await populateProject(server)
  browser = await startBrowser(await bundle('openfeature-page.ts'))
})
afterAll(async () => {
  await browser.close()
  await server.close()
})
beforeEach(async () => {
  opened = await browser.open()
})
afterEach(() => opened.close())

async function bundle(entry: string): Promise<string> {
  const path = fileURLToPath(new URL(entry, import.meta.url))
  const built = await build({ configFile: false, logLevel: 'error', build: { write: false, lib: { entry: path, formats: ['es'] } } })
  const [script] = 'output' in built ? built.output : Array.isArray(built) ? (built[0]?.output ?? []) : []
  if (script?.type !== 'chunk') throw new Error(`${entry} did not become a script.`)
  return script.code
}

const connect = (context: Record<string, string | boolean>) =>
  opened.page.evaluate(
    async ({ baseUrl, key, context }) => {
      const provider = new OFREPWebProvider({ baseUrl, headers: [['Authorization', `Bearer ${key}`]] })
      // It has none; its type says so in a way that the type of providers does not take.
      await OpenFeature.setProviderAndWait(Object.assign(provider, { hooks: [] }), context)
    },
    { baseUrl: server.url, key: project.environment.api_key, context },
  )
const text = (flag: string) => opened.page.evaluate((flag) => OpenFeature.getClient().getStringDetails(flag, 'the default'), flag)

test('a page of another origin gets flags of every type', async () => {
  await connect({ targetingKey: 'page-1' })
  const values = await opened.page.evaluate(() => {
    const client = OpenFeature.getClient()
    return [
      client.getBooleanValue('quick_search', false),
      client.getBooleanValue('metric_units', false),
      client.getStringValue('theme', ''),
      client.getStringValue('retired', 'the default'),
    ]
  })
  expect(values).toEqual([true, true, '{"primary":"#0af","sizes":[1,2]}', 'the default'])
  expect(await text('banner')).toMatchObject({ value: 'Welcome', reason: 'STATIC' })
  expect(await text('margins')).toMatchObject({ value: 'the default', errorCode: 'FLAG_NOT_FOUND' })
})

test('a page is told of its targeting and its variant', async () => {
  await connect({ targetingKey: 'pinned', plan: 'pro' })
  expect(await text('banner')).toMatchObject({ value: 'Hello, tester', reason: 'TARGETING_MATCH' })
  expect(await text('checkout')).toMatchObject({ value: 'one-page', variant: 'one_page', reason: 'SPLIT' })
  expect(await storedTraits(server, project, 'pinned')).toEqual({})
})

test('another context brings other flags, of the same identity and of another', async () => {
  await connect({ targetingKey: 'page-2', plan: 'pro' })
  expect(await text('banner')).toMatchObject({ value: 'Hello, tester' })
  // The provider shows what it has kept of the identity, and asks with the ETag of the former context.
  await opened.page.evaluate(() => OpenFeature.setContext({ targetingKey: 'page-2', plan: 'free' }))
  await opened.page.waitForFunction(() => OpenFeature.getClient().getStringValue('banner', '') === 'Welcome')
  await opened.page.evaluate(() => OpenFeature.setContext({ targetingKey: 'vip' }))
  expect(await text('banner')).toMatchObject({ value: 'Welcome back' })
})

test('a change reaches the page without a reload', async () => {
  const { id } = await createFeature(server, project, { name: 'live', default_enabled: true, initial_value: 'before' })
  await connect({ targetingKey: 'page-3' })
  expect(await text('live')).toMatchObject({ value: 'before' })
  await opened.page.evaluate(() => {
    const told: unknown[] = []
    Object.assign(globalThis, { told })
    OpenFeature.getClient().addHandler(ProviderEvents.ConfigurationChanged, (details) => told.push(details?.flagsChanged))
  })
  await changeDefault(server, project, id, { feature_state_value: 'after' })
  await opened.page.waitForFunction(() => OpenFeature.getClient().getStringValue('live', '') === 'after')
  await opened.page.waitForFunction('told.length > 0')
  expect(await opened.page.evaluate('told')).toEqual([['live']])
})
