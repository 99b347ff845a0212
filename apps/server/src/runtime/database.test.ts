import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { startCutWire } from '../testing/cut-wire.ts'
import { describeOnServer } from '../testing/describe-on-server.ts'
import { noMigrations, openTestDatabase, quiet } from '../testing/test-database.ts'
import { DatabaseBusy, isDatabaseUnavailable, openDatabase, type Database } from './database.ts'

let database: Database

beforeAll(async () => {
  database = await openTestDatabase({ migrations: noMigrations })
  await database.pool.query('create table notes (id bigint primary key, text text not null)')
})
afterAll(() => database.close())

const notes = async () => (await database.pool.query<{ id: number; text: string }>('select id, text from notes order by id')).rows
const failureOf = (work: Promise<unknown>) =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  )

describe('values', () => {
  const valueOf = async (expression: string) =>
    (await database.pool.query<{ value: unknown }>(`select ${expression} as value`)).rows[0]?.value

  test('bigint is a number while one can hold it, and an error beyond', async () => {
    expect(await valueOf('9007199254740991::bigint')).toBe(9007199254740991)
    expect(await valueOf('array[1, null, -3]::bigint[]')).toEqual([1, null, -3])
    await expect(valueOf('9007199254740992::bigint')).rejects.toThrow(RangeError)
    expect(await valueOf('1')).toBe(1)
  })

  test('numeric is a number: whole ones exactly, others to the nearest', async () => {
    expect(await valueOf('(select sum(n) from generate_series(1, 4::bigint) n)')).toBe(10)
    expect(await valueOf('(select avg(n) from generate_series(1, 2) n)')).toBe(1.5)
    expect(await valueOf('1::numeric / 3')).toBeCloseTo(1 / 3, 15)
    await expect(valueOf('123456789012345678901234567890::numeric')).rejects.toThrow(RangeError)
  })

  test('an instant is a Date, a day is text, jsonb is parsed', async () => {
    expect(await valueOf(`'2024-02-29 12:00:00.123+02'::timestamptz`)).toEqual(new Date('2024-02-29T10:00:00.123Z'))
    expect(await valueOf(`'2024-02-29'::date`)).toBe('2024-02-29')
    expect(await valueOf(`'{"a": [1]}'::jsonb`)).toEqual({ a: [1] })
  })

  test('instants are printed in UTC whatever the server prefers', async () => {
    expect(await valueOf(`'2024-02-29 12:00:00+02'::timestamptz::text`)).toBe('2024-02-29 10:00:00+00')
  })
})

describe('a transaction', () => {
  test('commits what it wrote and answers what it returned', async () => {
    const answer = await database.transaction(async (tx) => {
      await sql`insert into notes values (1, 'kept')`.execute(tx)
      return 'done'
    })
    expect(answer).toBe('done')
    expect(await notes()).toEqual([{ id: 1, text: 'kept' }])
  })

  test('is undone when its work throws, and the error is passed on', async () => {
    const refused = new Error('no')
    const work = database.transaction(async (tx) => {
      await sql`insert into notes values (2, 'undone')`.execute(tx)
      throw refused
    })
    await expect(work).rejects.toBe(refused)
    expect(await notes()).toHaveLength(1)
  })

  test('is undone when a statement fails, and the connection serves the next', async () => {
    const work = database.transaction(async (tx) => {
      await sql`insert into notes values (2, 'undone')`.execute(tx)
      await sql`insert into notes values (1, 'duplicate')`.execute(tx)
    })
    await expect(work).rejects.toMatchObject({ code: '23505' })
    expect(await notes()).toHaveLength(1)
  })

  test.each(['40001', '40P01'])('runs again after a conflict (%s), four times in all', async (code) => {
    const conflict = sql`do ${sql.raw(`$$ begin raise exception 'conflict' using errcode = '${code}'; end $$`)}`
    let runs = 0
    const third = database.transaction(async (tx) => {
      runs += 1
      if (runs < 3) await conflict.execute(tx)
      return runs
    })
    expect(await third).toBe(3)
    runs = 0
    const never = database.transaction(async (tx) => {
      runs += 1
      await conflict.execute(tx)
    })
    await expect(never).rejects.toMatchObject({ code })
    expect(runs).toBe(4)
  })
})

describe('notifications', () => {
  test('reach the listeners of their channel when the transaction commits', async () => {
    const heard: string[] = []
    await database.listen('one', { onPayload: (payload) => heard.push(`one ${payload}`), onReconnected: () => undefined })
    await database.listen('two', { onPayload: (payload) => heard.push(`two ${payload}`), onReconnected: () => undefined })
    await database.transaction(async (tx) => {
      await sql`select pg_notify('one', 'a'), pg_notify('two', 'b'), pg_notify('three', 'c')`.execute(tx)
    })
    await vi.waitFor(() => expect(heard.toSorted()).toEqual(['one a', 'two b']))
  })
})

describe('trouble', () => {
  test('a refused statement does not mean that the database is unavailable', async () => {
    expect(isDatabaseUnavailable(await failureOf(database.pool.query('select 1/0')))).toBe(false)
    expect(isDatabaseUnavailable(new Error('anything'))).toBe(false)
  })

  test('a server that is not there is unavailable, known in under a second', async () => {
    const closed = createServer().listen(0, '127.0.0.1')
    await once(closed, 'listening')
    const port = portOf(closed.address())
    closed.close()
    expect(await unavailableSoon(`postgres://halyard@127.0.0.1:${port}/none`)).toBe(true)
  })

  test('a server that accepts and says nothing is unavailable, known in under a second', async () => {
    const silent = createServer().listen(0, '127.0.0.1')
    await once(silent, 'listening')
    expect(await unavailableSoon(`postgres://halyard@127.0.0.1:${portOf(silent.address())}/none`)).toBe(true)
    silent.close()
  })

  test('listening to a server that is not there waits, and ends with the database', async () => {
    const unreachable = await openDatabase({ url: 'postgres://halyard@127.0.0.1:1/none', dataDir: '', poolSize: 1, log: quiet })
    let over = false
    const listening = unreachable.listen('any', { onPayload: () => undefined, onReconnected: () => undefined }).then(() => (over = true))
    await failureOf(unreachable.pool.query('select 1'))
    expect(over).toBe(false)
    await unreachable.close()
    expect(await listening).toBe(true)
  })
})

// A server may be cut off and may cancel; a thread of this process cannot.
describeOnServer('a server', (serverUrl) => {
  test('whose connection for notifications was cut goes on notifying, and tells the listener of the gap', async () => {
    const heard: string[] = []
    let gaps = 0
    await database.listen('persistent', { onPayload: (payload) => heard.push(payload), onReconnected: () => (gaps += 1) })
    await database.pool.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
          where datname = current_database() and pid <> pg_backend_pid() and (query like 'listen %' or query = 'select 1')`,
    )
    await vi.waitFor(() => expect(gaps).toBe(1), { timeout: 5_000 })
    await database.pool.query(`select pg_notify('persistent', 'again')`)
    await vi.waitFor(() => expect(heard).toEqual(['again']), { timeout: 5_000 })
  })

  test('a statement that was cancelled for taking too long says unavailable, and the connection serves on', async () => {
    const slow = database.transaction(async (tx) => {
      await sql`set local statement_timeout = 20`.execute(tx)
      await sql`select pg_sleep(5)`.execute(tx)
    })
    const failure = await failureOf(slow)
    expect(failure).toMatchObject({ code: '57014' })
    expect(isDatabaseUnavailable(failure)).toBe(true)
    expect(await notes()).toHaveLength(1)
  })

  test('statements have 5 s, except those of a session', async () => {
    const { rows } = await database.pool.query('show statement_timeout')
    expect(rows).toEqual([{ statement_timeout: '5s' }])
    const limit = await database.withSession(async (session) => (await session.query('show statement_timeout')).rows)
    expect(limit).toEqual([{ statement_timeout: '0' }])
  })

  test('idle connections that became silent are found out in under a second, and replaced when the network is back', async () => {
    const wire = await startCutWire(new URL(serverUrl))
    const silent = await openDatabase({ url: wire.url, dataDir: '', poolSize: 4, log: quiet })
    const ask = () => silent.db.transaction().execute((tx) => sql`select 1`.execute(tx))
    await Promise.all([ask(), ask(), ask(), ask()])
    wire.swallow()
    // Who was used just now is trusted.
    await pause(300)
    const before = performance.now()
    const failures = await Promise.all([failureOf(ask()), failureOf(silent.pool.query('select 1')), failureOf(ask())])
    expect(performance.now() - before).toBeLessThan(1000)
    expect(failures.map(isDatabaseUnavailable)).toEqual([true, true, true])
    wire.mend()
    await vi.waitFor(ask, { timeout: 5000 })
    await silent.close()
    await wire.close()
  })

  test('who finds every connection busy waits for one, whether statements are many or long', async () => {
    const small = await openDatabase({ url: serverUrl, dataDir: '', poolSize: 2, log: quiet })
    const ask = (seconds: number) => small.pool.query('select pg_sleep($1)', [seconds])
    await Promise.all(Array.from({ length: 60 }, () => ask(0.05)))
    await Promise.all([ask(1.5), ask(1.5), ask(0), ask(0)])
    await small.close()
  })

  test('so many wait for a connection and no more', async () => {
    const small = await openDatabase({ url: serverUrl, dataDir: '', poolSize: 4, log: quiet })
    const asked = await Promise.allSettled(Array.from({ length: 300 }, () => small.pool.query('select')))
    const refusals = asked.map((each) => (each.status === 'rejected' ? each.reason : undefined))
    expect(refusals.slice(0, 100)).toEqual(Array(100).fill(undefined))
    for (const refusal of refusals.slice(4 + 256)) expect(refusal).toBeInstanceOf(DatabaseBusy)
    await small.close()
  })

  test('who waits for a connection hears in under a second that the server fell silent', async () => {
    const wire = await startCutWire(new URL(serverUrl))
    const small = await openDatabase({ url: wire.url, dataDir: '', poolSize: 1, log: quiet })
    const busy = failureOf(small.pool.query('select pg_sleep(1)'))
    await vi.waitFor(() => expect(small.pool.totalCount - small.pool.idleCount).toBe(1))
    wire.swallow()
    const before = performance.now()
    expect(isDatabaseUnavailable(await failureOf(small.pool.query('select 1')))).toBe(true)
    expect(performance.now() - before).toBeLessThan(1000)
    wire.cut()
    await busy
    await small.close()
    await wire.close()
  })

  test('a connection that was cut fails its own statement and no other', async () => {
    const cut = database.transaction(async (tx) => {
      await sql`select pg_terminate_backend(pg_backend_pid())`.execute(tx)
    })
    expect(isDatabaseUnavailable(await failureOf(cut))).toBe(true)
    expect(await Promise.all(Array.from({ length: 8 }, notes))).toHaveLength(8)
  })
})

/** Whether every way of asking says in less than a second that there is no database. */
async function unavailableSoon(url: string): Promise<boolean> {
  const unreachable = await openDatabase({ url, dataDir: '', poolSize: 2, log: quiet })
  const begun = performance.now()
  const failures = await Promise.all([
    failureOf(unreachable.pool.query('select 1')),
    failureOf(unreachable.transaction(async () => undefined)),
    failureOf(unreachable.pool.query('select 1')),
  ])
  const ms = performance.now() - begun
  await unreachable.close()
  return ms < 1_000 && failures.every(isDatabaseUnavailable)
}

function portOf(address: AddressInfo | string | null): number {
  return address !== null && typeof address === 'object' ? address.port : 0
}
