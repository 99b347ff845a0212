import { chmodSync, cpSync, mkdtempSync, readdirSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { api } from '@halyard/contract'
import { createClient } from '@halyard/client'
import { afterEach, beforeAll, expect, test, vi } from 'vitest'
import { startMain, type Child } from './child-process.ts'
import { startCutWire } from './cut-wire.ts'
import { describeOnServer } from './describe-on-server.ts'
import { allMigrations, createServerDatabase } from './test-database.ts'

// Starts of whole processes, some of them first ones, take their time on a busy machine.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 })

const started: Child[] = []
afterEach(async () => {
  await Promise.all(started.splice(0).map((child) => child.kill()))
})

const newDirectory = () => mkdtempSync(join(tmpdir(), 'halyard-process-'))

// A first start takes seconds; most tests begin with a copy of what one left behind.
const startedBefore = newDirectory()
const usedDirectory = () => {
  const directory = newDirectory()
  cpSync(startedBefore, directory, { recursive: true })
  return directory
}

async function start(environment: Record<string, string>): Promise<{ child: Child; url: string }> {
  const child = startMain({ LOG_LEVEL: 'error', ...environment })
  started.push(child)
  const line = await child.line('Halyard ')
  return { child, url: line.split(' is at ')[1] ?? '' }
}

const admin = { ADMIN_EMAIL: 'Ada@Example.com', ADMIN_PASSWORD: 'correct horse battery' }

beforeAll(async () => {
  const { child } = await start({ DATA_DIR: startedBefore, ...admin })
  expect(await child.stop()).toBe(0)
})

async function signIn(url: string): Promise<string> {
  const signedIn = await createClient({ baseUrl: url }, api.users).login({
    body: { email: 'ada@example.com', password: admin.ADMIN_PASSWORD },
  })
  return `Token ${'key' in signedIn ? signedIn.key : ''}`
}

const post = (url: string, body: unknown, headers: Record<string, string> = {}) =>
  fetch(url, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body) })

test('a first start prints what to do next, and it works', async () => {
  const { child, url } = await start({ DATA_DIR: newDirectory() })
  const link = (await child.line(`  ${url}/setup?token=`)).trim()
  const command = await child.line('  curl -H')
  const [, key = '', address = ''] = /X-Environment-Key: (\S+)' '(\S+)'/.exec(command) ?? []
  const flags = await fetch(address, { headers: { 'x-environment-key': key } })
  expect(await flags.json()).toMatchObject({
    identifier: 'ada',
    flags: expect.arrayContaining([expect.objectContaining({ enabled: true })]),
  })

  const person = { email: 'ada@example.com', password: 'correct horse battery', first_name: 'Ada', last_name: 'L' }
  const token = new URL(link).searchParams.get('token')
  expect((await fetch(link)).status).toBe(200)
  const [one, other] = await Promise.all([1, 2].map(() => post(`${url}/api/v1/setup/`, { token, ...person })))
  expect([one?.status, other?.status]).toEqual(expect.arrayContaining([201, 403]))
  const organisations = await createClient({ baseUrl: url, authorization: await signIn(url) }, api.organisations).list({})
  expect(organisations.results).toMatchObject([{ name: 'Demo', role: 'ADMIN' }])
})

test('what it keeps is for its owner alone, in a directory that others may enter too', async () => {
  const directory = newDirectory()
  chmodSync(directory, 0o755)
  const { child } = await start({ DATA_DIR: directory })
  await child.stop()
  const entries = readdirSync(directory)
  const open = entries.filter((name) => (statSync(join(directory, name)).mode & 0o077) !== 0)
  expect(entries).toEqual(expect.arrayContaining(['postgres', 'secret.key']))
  expect(open).toEqual([])
})

test('a port that is taken is said plainly, and the next start still shows the demo', async () => {
  const directory = newDirectory()
  const { url } = await start({ DATA_DIR: usedDirectory() })
  const clashing = startMain({ DATA_DIR: directory, PORT: new URL(url).port })
  started.push(clashing)
  expect(await clashing.exitCode).toBe(1)
  expect(clashing.complaint()).toContain('Choose another port')
  const { child } = await start({ DATA_DIR: directory })
  expect(await child.line('  curl -H')).toContain('X-Environment-Key')
})

test('ADMIN_EMAIL and ADMIN_PASSWORD make the first administrator, and then there is no set-up link', async () => {
  const { child, url } = await start({ DATA_DIR: usedDirectory() })
  const authorization = await signIn(url)
  const organisation = await createClient({ baseUrl: url, authorization }, api.organisations).create({ body: { name: 'Acme' } })
  expect(organisation.role).toBe('ADMIN')
  expect(child.lines.some((line) => line.includes('/setup?token='))).toBe(false)
})

test('a second process on the same directory is refused and says who has it', async () => {
  const directory = usedDirectory()
  const { child } = await start({ DATA_DIR: directory })
  const second = startMain({ DATA_DIR: directory })
  started.push(second)
  expect(await second.exitCode).toBe(1)
  expect(second.complaint()).toContain(String(child.pid))
  expect(second.complaint()).not.toContain('at async')
})

test('asked to stop, it ends streams and exits with 0 well under ten seconds', async () => {
  const { child, url } = await start({ DATA_DIR: usedDirectory() })
  const environments = await createClient({ baseUrl: url, authorization: await signIn(url) }, api.environments).list({
    query: { project: 1 },
  })
  const stream = await fetch(`${url}/sse/environments/${environments.results[0]?.api_key}/stream`)
  expect(stream.status).toBe(200)
  const ended = stream.text()
  const before = performance.now()
  expect(await child.stop()).toBe(0)
  expect(performance.now() - before).toBeLessThan(10_000)
  await ended
})

test('killed again and again, it loses nothing that it acknowledged', async () => {
  const environment = { DATA_DIR: usedDirectory() }
  const acknowledged: string[] = []
  let projectId: number | undefined
  for (let round = 0; round < 3; round += 1) {
    const { child, url } = await start(environment)
    const authorization = await signIn(url)
    const options = { baseUrl: url, authorization }
    if (projectId === undefined) {
      const organisation = await createClient(options, api.organisations).create({ body: { name: 'Acme' } })
      projectId = (await createClient(options, api.projects).create({ body: { name: 'Shop', organisation: organisation.id } })).id
    }
    const features = createClient(options, api.features)
    const params = { project: projectId }
    const kept = (await features.list({ params })).results.map(({ name }) => name)
    expect(kept).toEqual(expect.arrayContaining(acknowledged))
    // Written without pause until the kill, which comes in the middle of whatever is being written then.
    const writing = writeUntilRefused(async (index) => {
      const name = `feature_${round}_${index}`
      await features.create({ params, body: { name } })
      acknowledged.push(name)
    })
    await vi.waitUntil(() => acknowledged.length >= (round + 1) * 10, { timeout: 30_000 })
    await child.kill()
    await writing
  }
  expect(acknowledged.length).toBeGreaterThanOrEqual(30)
}, 120_000)

async function writeUntilRefused(write: (index: number) => Promise<void>): Promise<void> {
  for (let index = 0; ; index += 1) {
    try {
      await write(index)
    } catch {
      return
    }
  }
}

describeOnServer('when the database is cut off', (serverUrl) => {
  test('reads go on, identities are answered degraded, writes are refused at once, and all of it heals', async () => {
    const { url: databaseUrl, drop } = await createServerDatabase(serverUrl, allMigrations)
    const wire = await startCutWire(new URL(databaseUrl))
    const environment = {
      DATABASE_URL: wire.url,
      SECRET_KEY: 'a secret key for tests, 32 characters and more',
      DATA_DIR: newDirectory(),
      DEMO: 'true',
      LOG_LEVEL: 'silent',
      ...admin,
    }
    try {
      const { child, url } = await start(environment)
      const [, key = ''] = /X-Environment-Key: (\S+)'/.exec(await child.line('  curl -H')) ?? []
      const headers = { 'x-environment-key': key }
      const authorization = await signIn(url)
      const flags = await (await fetch(`${url}/api/v1/flags/`, { headers })).text()
      await post(`${url}/api/v1/identities/`, { identifier: 'ada', traits: [] }, headers)

      wire.cut()
      expect(await (await fetch(`${url}/api/v1/flags/`, { headers })).text()).toBe(flags)
      await expectDegraded(url, headers)
      await expectRefusedSoon(url, authorization)

      await child.kill()
      const again = await start(environment)
      expect(await (await fetch(`${again.url}/api/v1/flags/`, { headers })).text()).toBe(flags)
      await expectDegraded(again.url, headers)
      await expectRefusedSoon(again.url, authorization)

      wire.mend()
      await expect.poll(() => createOrganisation(again.url, authorization), { timeout: 20_000, interval: 200 }).toBe(201)
    } finally {
      await Promise.all(started.splice(0).map((child) => child.kill()))
      await wire.close()
      await drop()
    }
  }, 120_000)
})

async function expectDegraded(url: string, headers: Record<string, string>): Promise<void> {
  const answer = await post(
    `${url}/api/v1/identities/`,
    { identifier: 'ada', traits: [{ trait_key: 'plan', trait_value: 'beta' }] },
    headers,
  )
  expect([answer.status, answer.headers.get('halyard-degraded')]).toEqual([200, 'traits-not-stored'])
  const body: unknown = await answer.json()
  expect(body).toMatchObject({ traits: expect.arrayContaining([expect.objectContaining({ trait_key: 'plan' })]) })
}

const createOrganisation = async (url: string, authorization: string) =>
  (await post(`${url}/api/v1/organisations/`, { name: 'Acme' }, { authorization })).status

async function expectRefusedSoon(url: string, authorization: string): Promise<void> {
  const before = performance.now()
  expect(await createOrganisation(url, authorization)).toBe(503)
  expect(performance.now() - before).toBeLessThan(2000)
}
