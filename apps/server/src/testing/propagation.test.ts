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
  const control = await openDatabase({ url: databaseUrl, dataDir: '', poolSize: 4, log, secretKeys: testConfig })
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
  const scheduled = createClient(options, api.scheduledChanges)
  const addFeature = (name: string) => features.create({ params: { project: project.id }, body: { name } })
  return { environment, serverKeys, addFeature, scheduled }
}

async function flagNames(halyard: Pick<Halyard, 'url'>, key: string): Promise<string[] | number> {
  const response = await fetch(`${halyard.url}/api/v1/flags/`, { headers: { 'x-environment-key': key } })
  if (!response.ok) return response.status
  return flagsReply.parse(await response.json()).map((flag) => flag.feature.name)
}

async function fetchValue(halyard: Pick<Halyard, 'url'>, key: string): Promise<unknown> {
  const response = await fetch(`${halyard.url}/api/v1/flags/`, { headers: { 'x-environment-key': key } })
  const [flag] = valuesReply.parse(await response.json())
  return flag?.feature_state_value
}

const valuesReply = z.array(z.object({ feature_state_value: z.unknown() }))
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

  test('a scheduled change goes live once whichever process is first, and late ones in order once a process is back', async () => {
    const { url, drop } = await createServerDatabase(serverUrl, allMigrations)
    const [one, other] = [await startOn(url), await startOn(url)]
    const stopped: Halyard[] = []
    try {
      const { environment, addFeature, scheduled } = await make(one.url)
      const { id } = await addFeature('one')
      const params = { environment: environment.id, feature: id }
      const { db } = other.runtime.control
      const schedule = async (inMs: number, value: string) => {
        const { rows } = await sql<{ at: Date }>`select clock_timestamp() + make_interval(secs => ${inMs / 1000}) as at`.execute(db)
        const environment_default = { feature_state_value: { string_value: value } }
        return scheduled.create({
          params,
          body: { live_from: rows[0]?.at.toISOString() ?? '', environment_default, ignore_conflicts: true },
        })
      }
      const { uuid } = await schedule(500, 'first')
      for (const halyard of [one, other]) {
        const value = () => fetchValue(halyard, environment.api_key)
        await expect.poll(value, soon).toBe('first')
      }
      const published = await db
        .selectFrom('changes')
        .select('id')
        .where('type', '=', 'feature_version.published')
        .where('subject_id', '=', uuid)
        .execute()
      expect(published).toHaveLength(1)
      await schedule(60_000, 'third')
      await schedule(50_000, 'second')
      stopped.push(one, other)
      await Promise.all(stopped.map((halyard) => halyard.stop()))
      const due = await openDatabase({ url, dataDir: '', poolSize: 1, log })
      // Time passes while nobody is there.
      await due.transaction(async (tx) => {
        await sql`select set_config('halyard.edit_at', clock_timestamp()::text, true)`.execute(tx)
        await sql`set local session_replication_role = replica`.execute(tx)
        await sql`update feature_versions set live_from = live_from - interval '70 seconds' where number is null`.execute(tx)
        await sql`update jobs set run_at = run_at - interval '70 seconds'`.execute(tx)
      })
      await due.close()
      const back = await startOn(url)
      stopped.push(back)
      await expect.poll(() => fetchValue(back, environment.api_key), soon).toBe('third')
      const values = await sql<{ value: string }>`
        select body ->> 'value' as value from document_history where kind = 'feature_state' order by from_at desc limit 3`.execute(
        back.runtime.control.db,
      )
      expect(values.rows.map(({ value }) => value)).toEqual(['third', 'second', 'first'])
      await back.stop()
    } finally {
      await Promise.all([one, other, ...stopped].map((halyard) => halyard.stop()))
      await drop()
    }
  })
})
