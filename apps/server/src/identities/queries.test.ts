import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Database } from '../runtime/database.ts'
import { describeOnServer } from '../testing/describe-on-server.ts'
import { openTestDatabase, quiet } from '../testing/test-database.ts'
import { batchStatements, incrementStatement } from './queries.ts'
import { createIdentityStore } from './remember-identity.ts'
import { identityKey } from './rules.ts'

let database: Database
beforeAll(async () => {
  database = await openTestDatabase()
})
afterAll(() => database.close())

describe('the statements', () => {
  async function fill(): Promise<void> {
    const { write } = batchStatements('one-table')
    const all = Array.from({ length: 10_000 }, (_, index) => ({
      ...identityKey(1, `user ${index}`),
      traits: '{"plan":"pro","age":36,"city":"London"}',
    }))
    for (let start = 0; start < all.length; start += 1000) await database.pool.query(write(all.slice(start, start + 1000), new Date()))
    await database.pool.query('analyze identities')
  }

  const explain = async ({ text, values }: { text: string; values?: unknown[] | undefined }) =>
    (await database.pool.query<{ 'QUERY PLAN': string }>(`explain ${text}`, values ?? [])).rows.map((row) => row['QUERY PLAN']).join('\n')

  test('look every identity up by the primary key alone', async () => {
    await fill()
    const keys = Array.from({ length: 200 }, (_, index) => identityKey(1, `user ${index * 40}`))
    for (const layout of ['one-table', 'sharded'] as const) {
      const { read, write } = batchStatements(layout)
      for (const some of [keys.slice(0, 1), keys.slice(0, 10), keys]) {
        const reading = await explain(read(some))
        expect(reading).toContain('identities_pkey')
        expect(reading).not.toMatch(/Seq Scan|identities_by_id/)
        const writing = await explain(
          write(
            some.map((key) => ({ ...key, traits: '{}' })),
            new Date(),
          ),
        )
        expect(writing).toContain('Conflict Arbiter Indexes: identities_pkey')
        expect(writing).not.toMatch(/Seq Scan|Index Scan/)
      }
    }
    expect(await explain(incrementStatement(identityKey(1, 'ada'), { trait: 'count', by: 1, at: new Date() }))).toContain('identities_pkey')
  })

  test('use only immutable functions where rows collide, which is all that a sharded store accepts', async () => {
    const key = identityKey(1, 'ada')
    const statements = [
      batchStatements('one-table').write([], new Date()),
      batchStatements('sharded').write([{ ...key, traits: '{}' }], new Date()),
    ]
    const texts = [...statements, incrementStatement(key, { trait: 'count', by: 1, at: new Date() })].map(
      ({ text }) => text.split('do update')[1] ?? '',
    )
    const names = texts.flatMap((text) => [...text.matchAll(/(\w+)\(/g)].map(([, name]) => name))
    const { rows } = await database.pool.query<{ name: string; volatility: string }>(
      'select distinct proname as name, provolatile as volatility from pg_proc where proname = any($1)',
      [names],
    )
    expect(rows.map(({ name }) => name)).toEqual(expect.arrayContaining(['jsonb_strip_nulls', 'jsonb_set']))
    for (const row of rows) expect(row).toMatchObject({ volatility: 'i' })
  })

  // The embedded database tells no statistics of this kind.
  describeOnServer('on a server', () => {
    test('update rows in place', async () => {
      const own = await openTestDatabase({ poolSize: 4 })
      try {
        await own.pool.query('alter table identities set (autovacuum_enabled = false)')
        const store = createIdentityStore(own, { log: quiet, now: () => new Date(), deadlineMs: 30_000 })
        const seeAll = (numbers: readonly number[], round: number) =>
          Promise.all(
            numbers.map((number) =>
              store.rememberIdentity(
                { environmentId: 1 },
                { identifier: `user ${number}`, mode: 'persist', traits: new Map([['round', round]]) },
              ),
            ),
          )
        const numbers = Array.from({ length: 20_000 }, (_, number) => number)
        await seeAll(numbers, 0)
        // A tenth of them, from all over the table: what the room left on each page holds. Beyond that, room is made by pruning,
        // which waits for the oldest transaction of the whole server: of any other test.
        const some = Array.from({ length: 2000 }, (_, index) => (index * 7919) % numbers.length)
        for (let start = 0; start < some.length; start += 500) await seeAll(some.slice(start, start + 500), 1)
        await store.close()
        // Connections tell the statistics what they did when they are asked to.
        await Promise.all(Array.from({ length: 4 }, () => own.pool.query('select pg_stat_force_next_flush(), pg_sleep(0.1)')))
        const { rows } = await own.pool.query<{ updates: number; hot: number }>(
          `select n_tup_upd as updates, n_tup_hot_upd as hot from pg_stat_user_tables where relname = 'identities'`,
        )
        const [{ updates, hot } = { updates: 0, hot: 0 }] = rows
        expect(updates).toBe(2000)
        expect(hot / updates).toBeGreaterThanOrEqual(0.95)
      } finally {
        await own.close()
      }
    })
  })
})

describe('tables of the identity store', () => {
  const identityTables = `select c.oid, c.relname from pg_class c where obj_description(c.oid, 'pg_class') like 'identity:%'`

  test('have the bucket in every unique key, so that they can be distributed by it', async () => {
    const { rows } = await database.pool.query<{ table: string; columns: string[] }>(
      `select t.relname as table, array_agg(a.attname::text) as columns
         from (${identityTables}) t
         join pg_index i on i.indrelid = t.oid and i.indisunique
         join pg_attribute a on a.attrelid = t.oid and a.attnum = any(i.indkey)
        group by t.relname, i.indexrelid`,
    )
    expect(rows.length).toBeGreaterThan(0)
    for (const key of rows) expect(key.columns).toContain('bucket')
  })

  test('have no triggers, no references and no generated columns, which a distributed table refuses', async () => {
    const { rows } = await database.pool.query(
      `select t.relname from (${identityTables}) t join pg_trigger g on g.tgrelid = t.oid
       union all select t.relname from (${identityTables}) t join pg_constraint c on c.contype = 'f' and t.oid in (c.conrelid, c.confrelid)
       union all select t.relname from (${identityTables}) t
                   join pg_attribute a on a.attrelid = t.oid and (a.attidentity <> '' or a.attgenerated <> '')`,
    )
    expect(rows).toEqual([])
  })
})
