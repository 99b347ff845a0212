import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { api } from '@halyard/contract'
import { sql } from 'kysely'
import { pino } from 'pino'
import { expect, test } from 'vitest'
import * as z from 'zod'
import { createClient } from '@halyard/client'
import { openDatabase } from '../runtime/database.ts'
import { createOutbound } from '../runtime/outbound.ts'
import { startHalyard, type Halyard } from '../start.ts'
import { describeOnServer } from './describe-on-server.ts'
import { startServer, testConfig } from './start-server.ts'
import { allMigrations, createServerDatabase } from './test-database.ts'

const log = pino({ level: 'silent' })

async function startOn(databaseUrl: string): Promise<Halyard> {
  const control = await openDatabase({ url: databaseUrl, dataDir: '', poolSize: 4, log })
  return startHalyard({
    config: { ...testConfig, databaseUrl, dataDir: await mkdtemp(join(tmpdir(), 'halyard-test-')) },
    control,
    identities: control,
    outbound: createOutbound(testConfig.outbound),
    log,
    now: () => new Date(),
  })
}

interface Pair {
  readonly writer: Halyard
  readonly reader: Halyard
}

/** Two processes' worth of server on one database; the second serves a project that the first made. */
async function withTwo(serverUrl: string, work: (pair: Pair & Made) => Promise<void>): Promise<void> {
  const { url, drop } = await createServerDatabase(serverUrl, allMigrations)
  const [writer, reader] = [await startOn(url), await startOn(url)]
  try {
    await work({ writer, reader, ...(await make(writer.url)) })
  } finally {
    await Promise.all([writer.stop(), reader.stop()])
    await drop()
  }
}

type Made = Awaited<ReturnType<typeof make>>

async function make(baseUrl: string) {
  const person = { email: 'ada@example.com', password: 'correct horse battery', first_name: 'Ada', last_name: 'L' }
  const { key } = await createClient({ baseUrl }, api.users).create({ body: person })
  const options = { baseUrl, authorization: `Token ${key}` }
  const organisation = await createClient(options, api.organisations).create({ body: { name: 'Acme' } })
  const project = await createClient(options, api.projects).create({ body: { name: 'Shop', organisation: organisation.id } })
  const environment = await createClient(options, api.environments).create({ body: { name: 'Production', project: project.id } })
  const features = createClient(options, api.features)
  const serverKeys = createClient(options, api.environmentApiKeys)
  const addFeature = (name: string) => features.create({ params: { project: project.id }, body: { name } })
  return { environment, serverKeys, addFeature }
}

async function flagNames(halyard: Pick<Halyard, 'url'>, key: string): Promise<string[] | number> {
  const response = await fetch(`${halyard.url}/api/v1/flags/`, { headers: { 'x-environment-key': key } })
  if (!response.ok) return response.status
  return flagsReply.parse(await response.json()).map((flag) => flag.feature.name)
}

const flagsReply = z.array(z.object({ feature: z.object({ name: z.string() }) }))

const soon = { timeout: 2000, interval: 10 }

test('with one process, what was written is served when the write is answered', async () => {
  const server = await startServer()
  try {
    const { environment, addFeature } = await make(server.url)
    const flags = () => flagNames(server, environment.api_key)
    expect(await flags()).toEqual([])
    await addFeature('one')
    expect(await flags()).toEqual(['one'])
  } finally {
    await server.close()
  }
})

describeOnServer('with several processes on one database', (serverUrl) => {
  test('a change made through one is served by the others', async () => {
    await withTwo(serverUrl, async ({ reader, environment, addFeature }) => {
      expect(await flagNames(reader, environment.api_key)).toEqual([])
      await addFeature('one')
      await expect.poll(() => flagNames(reader, environment.api_key), soon).toEqual(['one'])
    })
  })

  test('a process whose notifications were cut off sees it by comparing revisions', async () => {
    await withTwo(serverUrl, async ({ writer, reader, environment, addFeature }) => {
      expect(await flagNames(reader, environment.api_key)).toEqual([])
      await sql`select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and query ilike 'listen%'`.execute(
        writer.runtime.control.db,
      )
      await addFeature('unheard')
      await expect.poll(() => flagNames(reader, environment.api_key), soon).toEqual(['unheard'])
    })
  })

  test('a server-side key works everywhere once it is made, and nowhere two seconds after it is switched off or deleted', async () => {
    await withTwo(serverUrl, async ({ reader, environment, serverKeys }) => {
      const params = { environment_key: environment.api_key }
      expect(await flagNames(reader, environment.api_key)).toEqual([])
      const one = await serverKeys.create({ params, body: { name: 'One' } })
      const other = await serverKeys.create({ params, body: { name: 'Other' } })
      await expect.poll(() => flagNames(reader, one.key), soon).toEqual([])
      await expect.poll(() => flagNames(reader, other.key), soon).toEqual([])
      await serverKeys.update({ params: { ...params, environment_api_key: one.id }, body: { active: false } })
      await serverKeys.delete({ params: { ...params, environment_api_key: other.id } })
      await expect.poll(() => flagNames(reader, one.key), soon).toBe(403)
      await expect.poll(() => flagNames(reader, other.key), soon).toBe(403)
    })
  })

  test('no process goes back to an older revision while changes come fast', async () => {
    await withTwo(serverUrl, async ({ reader, environment, addFeature }) => {
      const seen: number[] = []
      const names = Array.from({ length: 20 }, (_, index) => `feature_${index}`)
      const writing = (async () => {
        for (const name of names) await addFeature(name)
        return 'written'
      })()
      do {
        const served = await flagNames(reader, environment.api_key)
        seen.push(Array.isArray(served) ? served.length : -1)
      } while ((await Promise.race([writing, Promise.resolve('still writing')])) !== 'written')
      expect(seen).toEqual(seen.toSorted((one, other) => one - other))
      await expect.poll(() => flagNames(reader, environment.api_key), soon).toHaveLength(20)
    })
  })
})
