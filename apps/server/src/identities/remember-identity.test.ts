import type { TraitValue } from '@halyard/engine'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Database } from '../runtime/database.ts'
import { openTestDatabase, quiet, testServerUrl } from '../testing/test-database.ts'
import { batchStatements, incrementStatement, type StoreLayout } from './queries.ts'
import { createIdentityStore, type IdentityStore, type IdentityStoreOptions } from './remember-identity.ts'
import { identityKey } from './rules.ts'

let database: Database
let store: IdentityStore

// Of each test its own: tests share the database, and nothing is cleared.
let place: { environmentId: number }
let environments = 0

const open = (options: Partial<IdentityStoreOptions> = {}, on = database) =>
  createIdentityStore(on, { log: quiet, now: () => new Date(), deadlineMs: 30_000, ...options })

const traits = (values: Record<string, TraitValue>) => new Map(Object.entries(values))
const see = (identifier: string, values: Record<string, TraitValue> = {}, by = store) =>
  by.rememberIdentity(place, { identifier, mode: 'persist', traits: traits(values) })
const look = (identifier: string, by = store) => by.rememberIdentity(place, { identifier, mode: 'read', traits: new Map() })

async function rowOf(identifier: string) {
  const { rows } = await database.pool.query<{ traits: unknown; version: string }>(
    'select traits, xmin::text as version from identities where environment_id = $1 and identifier = $2',
    [place.environmentId, identifier],
  )
  return rows[0]
}

beforeAll(async () => {
  database = await openTestDatabase({ poolSize: 10 })
})
afterAll(() => database.close())

beforeEach(() => {
  environments += 1
  place = { environmentId: environments }
  store = open()
})
afterEach(() => store.close())

describe.each<StoreLayout>(['one-table', 'sharded'])('a store laid out as %s', (layout) => {
  beforeEach(() => {
    store = open({ layout })
  })

  test('makes an identity at its first sighting, and knows it at the second', async () => {
    expect(await see('ada', { plan: 'pro', age: 36, staff: true, gone: null })).toEqual({
      existed: false,
      traits: traits({ plan: 'pro', age: 36, staff: true }),
      degraded: false,
    })
    expect(await see('ada')).toEqual({ existed: true, traits: traits({ age: 36, plan: 'pro', staff: true }), degraded: false })
  })

  test('shows what is stored by key, then what is new as it came', async () => {
    await see('ada', { b: 1, a: 1 })
    const { traits: shown } = await see('ada', { z: 1, c: 1, a: 2 })
    expect([...shown]).toEqual([
      ['a', 2],
      ['b', 1],
      ['z', 1],
      ['c', 1],
    ])
  })

  test('writes nothing when nothing is new', async () => {
    await see('ada', { plan: 'pro', ratio: 0.1, big: 1e300 })
    const before = await rowOf('ada')
    await see('ada', { plan: 'pro', ratio: 0.1, big: 1e300, never: null })
    await see('ada')
    expect(await rowOf('ada')).toEqual(before)
  })

  test('changes, adds and forgets traits, and keeps the others', async () => {
    await see('ada', { plan: 'pro', age: 36, city: 'London' })
    expect((await see('ada', { age: 37, city: null, new: false })).traits).toEqual(traits({ age: 37, plan: 'pro', new: false }))
    expect(await rowOf('ada')).toMatchObject({ traits: { age: 37, plan: 'pro', new: false } })
  })

  test('keeps traits with the names that objects have', async () => {
    const named: ReadonlyMap<string, TraitValue> = new Map([
      ['__proto__', 'a'],
      ['constructor', 'b'],
      ['1', 'c'],
    ])
    await store.rememberIdentity(place, { identifier: 'ada', mode: 'persist', traits: named })
    expect(new Map((await look('ada')).traits)).toEqual(named)
  })

  test('reads without making or changing anything', async () => {
    expect(await look('ada')).toEqual({ existed: false, traits: new Map(), degraded: false })
    await see('ada', { plan: 'pro' })
    const before = await rowOf('ada')
    expect(await store.rememberIdentity(place, { identifier: 'ada', mode: 'read', traits: traits({ plan: 'free' }) })).toMatchObject({
      traits: traits({ plan: 'pro' }),
    })
    expect(await rowOf('ada')).toEqual(before)
  })

  test('keeps environments apart', async () => {
    await see('ada', { plan: 'pro' })
    expect(
      await store.rememberIdentity(
        { environmentId: place.environmentId + 1_000_000 },
        { identifier: 'ada', mode: 'read', traits: new Map() },
      ),
    ).toMatchObject({ existed: false })
  })

  test('takes two hundred first sightings of one identity at the same time', async () => {
    const answers = await Promise.all(Array.from({ length: 200 }, (_, index) => see('ada', { [`trait ${index}`]: index, last: index })))
    for (const [index, answer] of answers.entries()) expect(answer.traits.get(`trait ${index}`)).toBe(index)
    const { traits: stored } = await look('ada')
    expect(stored.size).toBe(201)
    expect(stored.get('last')).toBe(199)
  })

  test('answers each sighting of a hot identity with what it brought and what came before it', async () => {
    await see('ada', { count: -1 })
    const answers = await Promise.all(Array.from({ length: 500 }, (_, index) => see('ada', { count: index, [`seen ${index % 7}`]: true })))
    expect(answers.map((answer) => answer.traits.get('count'))).toEqual(answers.map((_, index) => index))
  })

  test('fails only whom the database refuses', async () => {
    const tooLong = 'x'.repeat(2001)
    const refused = ['a\0b', tooLong, 'surrogate']
    const identifiers = Array.from({ length: 61 }, (_, index) => `user ${index}`)
    const sightings = [...identifiers.slice(0, 20), ...refused, ...identifiers.slice(20)].map((identifier) =>
      see(identifier, identifier === 'surrogate' ? { broken: '\ud800' } : { identifier: 'ok' }),
    )
    const settled = await Promise.allSettled(sightings)
    expect(settled.filter(({ status }) => status === 'rejected')).toHaveLength(3)
    expect(settled.slice(20, 23).map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected'])
    const { rows } = await database.pool.query<{ count: number }>('select count(*) as count from identities where environment_id = $1', [
      place.environmentId,
    ])
    expect(rows[0]?.count).toBe(61)
  })

  test('writes and reads in the order of bytes, also beyond the first plane', async () => {
    const identifiers = ['～', '😀', 'ﬀ', 'a', '￿', '𐀀', 'é', 'zz', 'z', ' ', '퟿']
    await Promise.all(identifiers.map((identifier) => see(identifier, { of: identifier })))
    const { rows } = await database.pool.query<{ identifier: string }>(
      'select identifier from identities where environment_id = $1 order by identifier',
      [place.environmentId],
    )
    const byBytes = identifiers.toSorted((one, other) => Buffer.compare(Buffer.from(one), Buffer.from(other)))
    expect(rows.map((row) => row.identifier)).toEqual(byBytes)
    const read = await Promise.all(identifiers.map((identifier) => look(identifier)))
    expect(read.map((answer) => answer.traits.get('of'))).toEqual(identifiers)
  })

  test('ends as if one writer had come after the other, whatever they bring', async () => {
    const others = open({ layout })
    for (let round = 0; round < 20; round += 1) {
      const identifier = `ada ${round}`
      if (round % 2 === 0) await see(identifier, { a: 0, b: 0 })
      const [one, other] = await Promise.all([see(identifier, { a: 1, b: 1, c: null }), see(identifier, { a: null, b: 2, c: 2 }, others)])
      expect(Object.fromEntries(one.traits)).toMatchObject({ a: 1, b: 1 })
      expect(one.traits.has('c')).toBe(false)
      expect(Object.fromEntries(other.traits)).toMatchObject({ b: 2, c: 2 })
      expect(other.traits.has('a')).toBe(false)
      const { traits: stored } = await look(identifier)
      expect([
        { b: 2, c: 2 },
        { a: 1, b: 1 },
      ]).toContainEqual(Object.fromEntries(stored))
    }
    await others.close()
  })

  test('does not wait for another store that writes the same identities in another order', async () => {
    const stores = [open({ layout }), open({ layout })]
    const identifiers = Array.from({ length: 300 }, (_, index) => `user ${index}`)
    const shuffled = [
      identifiers,
      identifiers.toReversed(),
      identifiers.toSorted((one, other) => (one.length + one > other.length + other ? -1 : 1)),
    ]
    const rounds = shuffled.flatMap((order, round) =>
      stores.flatMap((by, who) => order.map((identifier) => see(identifier, { [`${round}`]: who, round }, by))),
    )
    await Promise.all(rounds)
    const deadlocks = await database.pool.query<{ deadlocks: number }>(
      'select deadlocks from pg_stat_database where datname = current_database()',
    )
    expect(deadlocks.rows[0]?.deadlocks ?? 0).toBe(0)
    await Promise.all(stores.map((by) => by.close()))
  })
})

test('a trait that is forgotten while another process makes the identity is forgotten', async () => {
  const { pool } = database
  const { write } = batchStatements('one-table')
  const key = identityKey(place.environmentId, 'ada')
  await pool.query(write([{ ...key, traits: '{"a":null,"b":1}' }], new Date()))
  expect((await look('ada')).traits).toEqual(traits({ b: 1 }))
  await pool.query(write([{ ...key, traits: '{"a":1}' }], new Date()))
  await pool.query(write([{ ...key, traits: '{"a":null}' }], new Date()))
  expect(await rowOf('ada')).toMatchObject({ traits: { b: 1 } })
})

describe('adding to a trait', () => {
  const add = (identifier: string, by: number) => store.incrementTrait(place, identifier, 'count', by)

  test('begins from nothing, and loses no addition', async () => {
    const sums = await Promise.all(Array.from({ length: 50 }, () => add('ada', 2)))
    expect(sums.toSorted((one, other) => Number(one) - Number(other))).toEqual(Array.from({ length: 50 }, (_, index) => 2 * (index + 1)))
    expect(await add('ada', -100)).toBe(0)
    expect((await look('ada')).traits).toEqual(traits({ count: 0 }))
  })

  test('keeps the other traits, and begins from nothing where it was forgotten', async () => {
    await see('ada', { plan: 'pro', count: null })
    expect(await add('ada', 3)).toBe(3)
    expect((await look('ada')).traits).toEqual(traits({ plan: 'pro', count: 3 }))
  })

  test.each([['text'], ['7'], [true], [1.5], [Number.MAX_SAFE_INTEGER]])('changes nothing when it holds %j', async (value) => {
    await see('ada', { count: value })
    const before = await rowOf('ada')
    expect(await add('ada', 1)).toBe('not-an-integer')
    expect(await rowOf('ada')).toEqual(before)
  })
})

describe('without a database', () => {
  beforeEach(async () => {
    const lost = await openTestDatabase()
    store = open({}, lost)
    await see('ada', { plan: 'pro' })
    await lost.close()
  })

  test('identities are answered with what was last known of them', async () => {
    expect(await see('ada', { plan: 'free' })).toEqual({ existed: true, traits: traits({ plan: 'pro' }), degraded: true })
    expect(await see('bob', { plan: 'free' })).toEqual({ existed: false, traits: new Map(), degraded: true })
    expect(store.degradedCount()).toBe(2)
  })

  test('nothing is known any more of what was forgotten', async () => {
    store.forget(place.environmentId, 'ada')
    expect(await look('ada')).toMatchObject({ existed: false, degraded: true })
  })

  test('adding to a trait fails, because the sum would be a guess', async () => {
    await expect(store.incrementTrait(place, 'ada', 'count', 1)).rejects.toMatchObject({ code: 'unavailable' })
  })
})

test('nobody waits longer than the deadline, and those that were left are not worked later', async () => {
  const impatient = open({ deadlineMs: 100 })
  const holder = await database.pool.connect()
  try {
    await holder.query('begin')
    await holder.query('lock table identities')
    expect(await see('ada', {}, impatient)).toMatchObject({ degraded: true })
  } finally {
    await holder.query('rollback')
    holder.release()
  }
  await impatient.close()
  expect(await see('ada', {}, impatient)).toMatchObject({ degraded: false })
})

describe('the statements', () => {
  async function fill(): Promise<void> {
    const { write } = batchStatements('one-table')
    const all = Array.from({ length: 10_000 }, (_, index) => ({
      ...identityKey(place.environmentId, `user ${index}`),
      traits: '{"plan":"pro","age":36,"city":"London"}',
    }))
    for (let start = 0; start < all.length; start += 1000) await database.pool.query(write(all.slice(start, start + 1000), new Date()))
    await database.pool.query('analyze identities')
  }

  const explain = async ({ text, values }: { text: string; values?: unknown[] | undefined }) =>
    (await database.pool.query<{ 'QUERY PLAN': string }>(`explain ${text}`, values ?? [])).rows.map((row) => row['QUERY PLAN']).join('\n')

  test('look every identity up by the primary key alone', async () => {
    await fill()
    const keys = Array.from({ length: 200 }, (_, index) => identityKey(place.environmentId, `user ${index * 40}`))
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
    expect(await explain(incrementStatement(identityKey(place.environmentId, 'ada'), { trait: 'count', by: 1, at: new Date() }))).toContain(
      'identities_pkey',
    )
  })

  test('use only immutable functions where rows collide', async () => {
    const { rows } = await database.pool.query<{ volatility: string }>(
      `select distinct provolatile as volatility from pg_proc
        where proname in ('jsonb_strip_nulls', 'jsonb_concat', 'jsonb_set', 'jsonb_typeof', 'numeric_in', 'numeric_out', 'jsonb_in', 'trunc', 'abs')`,
    )
    expect(rows.map((row) => row.volatility)).toEqual(['i'])
  })

  // The embedded database tells no statistics of this kind.
  if (testServerUrl !== undefined) {
    test('update rows in place', async () => {
      const own = await openTestDatabase({ poolSize: 4 })
      try {
        await own.pool.query('alter table identities set (autovacuum_enabled = false)')
        const updating = open({}, own)
        const seeAll = (numbers: readonly number[], round: number) =>
          Promise.all(numbers.map((number) => see(`user ${number}`, { round, plan: 'pro' }, updating)))
        const numbers = Array.from({ length: 20_000 }, (_, number) => number)
        await seeAll(numbers, 0)
        // Each once, from all over the table.
        const scattered = numbers.map((number) => (number * 7919) % numbers.length)
        for (let start = 0; start < scattered.length; start += 500) await seeAll(scattered.slice(start, start + 500), 1)
        await updating.close()
        // Connections tell the statistics what they did when they are asked to.
        await Promise.all(Array.from({ length: 4 }, () => own.pool.query('select pg_stat_force_next_flush(), pg_sleep(0.1)')))
        const { rows } = await own.pool.query<{ updates: number; hot: number }>(
          `select n_tup_upd as updates, n_tup_hot_upd as hot from pg_stat_user_tables where relname = 'identities'`,
        )
        const [{ updates, hot } = { updates: 0, hot: 0 }] = rows
        expect(updates).toBe(20_000)
        expect(hot / updates).toBeGreaterThanOrEqual(0.95)
      } finally {
        await own.close()
      }
    })
  }
})

describe('tables of the identity store', () => {
  const identityTables = `select c.oid, c.relname from pg_class c where obj_description(c.oid, 'pg_class') like 'identity:%'`

  test('have the bucket in every unique key, so that they can be distributed by it', async () => {
    const { rows } = await database.pool.query<{ table: string; columns: string[] }>(
      `select t.relname as table, array_agg(a.attname::text) as columns
         from (${identityTables}) t join pg_index i on i.indrelid = t.oid and i.indisunique join pg_attribute a on a.attrelid = t.oid and a.attnum = any(i.indkey)
        group by t.relname, i.indexrelid`,
    )
    expect(rows.length).toBeGreaterThan(0)
    for (const key of rows) expect(key.columns).toContain('bucket')
  })

  test('have no triggers, no references and no generated columns, which a distributed table refuses', async () => {
    const { rows } = await database.pool.query(
      `select t.relname from (${identityTables}) t join pg_trigger g on g.tgrelid = t.oid
       union all select t.relname from (${identityTables}) t join pg_constraint c on c.contype = 'f' and t.oid in (c.conrelid, c.confrelid)
       union all select t.relname from (${identityTables}) t join pg_attribute a on a.attrelid = t.oid and (a.attidentity <> '' or a.attgenerated <> '')`,
    )
    expect(rows).toEqual([])
  })
})
