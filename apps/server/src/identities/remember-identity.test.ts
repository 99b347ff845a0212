import type { TraitValue } from '@halyard/engine'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Database } from '../runtime/database.ts'
import { describeOnServer } from '../testing/describe-on-server.ts'
import { openTestDatabase, quiet } from '../testing/test-database.ts'
import { batchStatements, type StoreLayout } from './queries.ts'
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

  test('adding to a trait fails, because the sum would be a guess, and asks nobody to add again', async () => {
    await expect(store.incrementTrait(place, 'ada', 'count', 1)).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('may have been applied'),
      headers: {},
    })
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

// The embedded database has one session, which cannot wait for itself.
describeOnServer('two sessions', () => {
  test('a batch that PostgreSQL chose to end a deadlock is tried again', async () => {
    await Promise.all([see('a'), see('b')])
    const rival = await database.pool.connect()
    try {
      const update = (identifier: string) =>
        rival.query('update identities set updated_at = now() where environment_id = $1 and identifier = $2', [
          place.environmentId,
          identifier,
        ])
      await rival.query('begin')
      await update('b')
      const sightings = Promise.all([see('a', { seen: true }), see('b', { seen: true })])
      await vi.waitFor(async () => {
        const { rows } = await database.pool.query(
          `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
        )
        expect(rows).toHaveLength(1)
      })
      // Whoever waited first is chosen, which is the batch.
      await update('a')
      await rival.query('commit')
      expect((await sightings).map((answer) => answer.degraded)).toEqual([false, false])
      expect((await look('b')).traits).toEqual(traits({ seen: true }))
    } finally {
      rival.release()
    }
  })
})
