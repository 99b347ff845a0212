import { api } from '@halyard/contract'
import { CompiledQuery, sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import type { Database } from '../runtime/database.ts'
import { startServer, type TestServer } from '../testing/start-server.ts'
import { openTestDatabase, quiet } from '../testing/test-database.ts'
import { drainQueue, startSearchProjection, walkOn } from './project-search.ts'
import { counting, gathering, listIdentities, matchesOf, walking } from './search-queries.ts'
import { createIdentityStore } from './remember-identity.ts'

let server: TestServer
let database: Database
beforeAll(async () => {
  ;[server, database] = await Promise.all([startServer(), openTestDatabase()])
})
afterAll(() => Promise.all([server.close(), database.close()]))

async function startSearching(seen: Readonly<Record<string, Record<string, string | number | boolean>>>) {
  const { authorization, environment } = await server.makeProject()
  const params = { environment_key: environment.api_key }
  const identities = server.as(authorization, api.identities)
  const identify = async (identifier: string, traits: Record<string, unknown> = {}) => {
    const body = { identifier, traits: Object.entries(traits).map(([trait_key, trait_value]) => ({ trait_key, trait_value })) }
    const answer = await server.send('POST', '/api/v1/identities/', { headers: { 'x-environment-key': environment.api_key }, body })
    expect(answer.status).toBe(200)
  }
  for (const [identifier, traits] of Object.entries(seen)) await identify(identifier, traits)
  const find = async (q: string) => (await identities.list({ params, query: { q } })).results.map(({ identifier }) => identifier)
  /** A moment later. */
  const findSoon = (q: string, expected: readonly string[]) =>
    vi.waitFor(async () => expect(await find(q)).toEqual(expected), { timeout: 10_000, interval: 50 })
  return { authorization, environment, params, identities, identify, find, findSoon }
}

describe('searching identities', () => {
  test('finds parts in any case, signs as they are, and in quotation marks exactly', async () => {
    const names = ['Ada@example.com', 'bob@example.com', '100%', '100x', 'ÉLAN', 'example', '\u{1F600}smile', 'ΟΔΟΣ']
    const { find, findSoon, identities, params } = await startSearching(Object.fromEntries(names.map((name) => [name, {}])))
    await findSoon('ΔΟΣ', ['ΟΔΟΣ'])
    expect(await find('EXAMPLE')).toEqual(['Ada@example.com', 'bob@example.com', 'example'])
    expect(await find('100%')).toEqual(['100%'])
    expect(await find('100')).toEqual(['100%', '100x'])
    expect(await find('_')).toEqual([])
    expect(await find('Da')).toEqual(['Ada@example.com'])
    expect(await find('élan')).toEqual(['ÉLAN'])
    expect(await find('\u{1F600}SM')).toEqual(['\u{1F600}smile'])
    expect(await find('"example"')).toEqual(['example'])
    expect(await find('"exampl"')).toEqual([])
    const first = await identities.list({ params, query: { q: 'example', page_size: 2 } })
    expect(first).toMatchObject({ count: 3, next: expect.stringContaining('cursor=bob') })
    const second = await identities.list({ params, query: { q: 'example', page_size: 2, cursor: 'bob@example.com' } })
    expect(second).toMatchObject({ count: 3, next: null, results: [{ identifier: 'example' }] })
  })

  test('finds by trait, as the trait was last set, and whose identifier looks like one too', async () => {
    const { find, findSoon, identify } = await startSearching({
      ada: { plan: 'gold', age: 36, vip: true },
      bob: { plan: 'silver', town: 'New York' },
      'plan:gold:7': {},
    })
    await findSoon('plan:gold', ['ada', 'plan:gold:7'])
    expect(await find('age:36')).toEqual(['ada'])
    expect(await find('vip:true')).toEqual(['ada'])
    expect(await find('town:"New York"')).toEqual(['bob'])
    expect(await find('plan:Gold')).toEqual(['plan:gold:7'])
    expect(await find('plan:gol')).toEqual(['plan:gold:7'])
    await identify('bob', { plan: 'gold' })
    await identify('ada', { plan: null })
    await findSoon('plan:gold', ['bob', 'plan:gold:7'])
    expect(await find('plan:silver')).toEqual([])
  })

  test('leaves out at once who was deleted, and other environments always', async () => {
    const { find, findSoon, identities, params } = await startSearching({ adalove: {}, adabyron: {} })
    const elsewhere = await startSearching({ adaelsewhere: {} })
    await elsewhere.findSoon('ada', ['adaelsewhere'])
    await findSoon('ada', ['adabyron', 'adalove'])
    const [byron] = (await identities.list({ params, query: { q: '"adabyron"' } })).results
    await identities.delete({ params: { ...params, identity: byron?.id ?? 0 } })
    expect(await find('ada')).toEqual(['adalove'])
  })
})

const traitsOf = (number: number) =>
  new Map<string, string | number>([
    ['plan', number % 3 === 0 ? 'gold' : 'free'],
    ['number', number],
  ])

async function fill(environmentId: number, amount: number): Promise<void> {
  const store = createIdentityStore(database, { log: quiet, now: () => new Date(), deadlineMs: 60_000 })
  const sightings = Array.from({ length: amount }, (_, number) =>
    store.rememberIdentity({ environmentId }, { identifier: `user-${number}@example.com`, mode: 'persist', traits: traitsOf(number) }),
  )
  await Promise.all(sightings)
  await store.close()
}

async function drain(): Promise<void> {
  while (await drainQueue(database));
}

const rowsOf = async (table: 'identity_search_queue' | 'identity_searches' | 'identities', environmentId: number) => {
  const { count } = await database.db
    .selectFrom(table)
    .select((select) => select.fn.countAll<number>().as('count'))
    .where('environment_id', '=', environmentId)
    .executeTakeFirstOrThrow()
  return count
}

describe('the search', () => {
  const users = 12_000
  beforeAll(async () => {
    await fill(1, users)
    await drain()
    await database.pool.query('analyze identity_searches')
  }, 120_000)

  test('looks up terms by their index, walks by key when there are many, and the identities have no index on traits', async () => {
    const explain = async ({ sql: text, parameters }: CompiledQuery) =>
      database.transaction(async (tx) => {
        // A table this small is cheaper read whole.
        await sql`set local enable_seqscan = off`.execute(tx)
        const { rows } = await tx.executeQuery<{ 'QUERY PLAN': string }>(CompiledQuery.raw(`explain ${text}`, [...parameters]))
        return rows.map((row) => row['QUERY PLAN']).join('\n')
      })
    const page = { after: '', limit: 50 }
    for (const q of ['user-123', '1234@ex']) {
      const matches = matchesOf(1, q)
      for (const plan of [
        await explain(gathering(1, { ...page, matches }).compile(database.db)),
        await explain(counting(1, matches).compile(database.db)),
      ]) {
        expect(plan).toContain('Bitmap Index Scan on identity_searches_by_term')
        expect(plan).not.toContain('Seq Scan')
      }
    }
    const walked = await explain(walking(1, { ...page, matches: matchesOf(1, 'plan:gold') }).compile(database.db))
    expect(walked).toContain('identity_searches_pkey')
    const { rows } = await database.pool.query<{ definition: string }>(
      `select indexdef as definition from pg_indexes where tablename = 'identities'`,
    )
    expect(rows.map(({ definition }) => definition).filter((definition) => definition.includes('traits'))).toEqual([])
  })

  test('counts to 10 000 exactly and estimates above, and every page follows the last', async () => {
    const find = (q: string, after = '', limit = 200) => listIdentities(database.db, 1, { q, after, limit })
    expect(await find('plan:gold')).toMatchObject({ count: users / 3 })
    expect(await find('user-119')).toMatchObject({ count: 111, next: undefined })
    const many = await find('example.com', '', 5000)
    expect(Math.abs(many.count - users)).toBeLessThan(600)
    const seen = new Set<string>()
    for (let after: string | undefined = ''; after !== undefined;) {
      const { rows, next } = await find('example.com', after, 5000)
      for (const { identifier } of rows) seen.add(identifier)
      after = next
    }
    expect(seen.size).toBe(users)
  })

  test('is filled from identities that were there before it, by key, and begins where it stopped', async () => {
    await fill(3, 50)
    await drain()
    await sql`delete from identity_searches where environment_id = 3`.execute(database.db)
    await sql`delete from identity_search_walks`.execute(database.db)
    while (!(await walkOn(database)));
    expect(await rowsOf('identity_search_queue', 3)).toBe(50)
    expect(await walkOn(database)).toBe(true)
    expect(await rowsOf('identity_search_queue', 3)).toBe(50)
    await drain()
    expect(await rowsOf('identity_searches', 3)).toBe(50)
  }, 60_000)

  test('ends up as the identities are, whatever many write and several fill it', async () => {
    const projections = [startSearchProjection(database, quiet), startSearchProjection(database, quiet)]
    const store = createIdentityStore(database, { log: quiet, now: () => new Date(), deadlineMs: 60_000 })
    const write = (round: number, number: number) =>
      store.rememberIdentity({ environmentId: 4 }, { identifier: `ada-${number}`, mode: 'persist', traits: new Map([['round', round]]) })
    for (let round = 1; round <= 20; round += 1) await Promise.all(Array.from({ length: 20 }, (_, number) => write(round, number)))
    await vi.waitFor(
      async () => {
        expect(await rowsOf('identity_search_queue', 4)).toBe(0)
        expect(await listIdentities(database.db, 4, { q: 'round:20', after: '', limit: 100 })).toMatchObject({ count: 20 })
      },
      { timeout: 20_000, interval: 100 },
    )
    expect(await listIdentities(database.db, 4, { q: 'round:19', after: '', limit: 100 })).toMatchObject({ count: 0 })
    await store.close()
    await Promise.all(projections.map((projection) => projection.stop()))
  }, 60_000)
})
