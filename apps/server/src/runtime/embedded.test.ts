import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { startScript } from '../testing/child-process.ts'
import { noMigrations, quiet, snapshotOf } from '../testing/snapshot.ts'
import { isDatabaseUnavailable, openDatabase, type Database } from './database.ts'
import { DirectoryInUse } from './directory-lock.ts'

describe('one session in memory', () => {
  let database: Database

  beforeAll(async () => {
    database = await openDatabase({
      url: undefined,
      dataDir: '',
      poolSize: 1,
      log: quiet,
      memory: true,
      snapshot: await snapshotOf(noMigrations),
    })
  })
  afterAll(() => database.close())

  const ask = async (text: string, values: unknown[] = []) => (await database.pool.query(text, values)).rows

  test('carries every type there and back', async () => {
    const at = new Date('2024-02-29T12:34:56.789Z')
    const [row] = await ask(
      `select $1::int as int, $2::text as text, $3::timestamptz as at, $4::jsonb as json, $5::bytea as bytes, $6::text[] as texts,
              null as nothing, true as yes, 1.5::float8 as float`,
      [42, 'Zoë ✓ 🚩', at, { nested: [1, 'two', null] }, Buffer.from([0, 255]), ['a', 'b,"c']],
    )
    expect(row).toEqual({
      int: 42,
      text: 'Zoë ✓ 🚩',
      at,
      json: { nested: [1, 'two', null] },
      bytes: Buffer.from([0, 255]),
      texts: ['a', 'b,"c'],
      nothing: null,
      yes: true,
      float: 1.5,
    })
  })

  test('answers an error with its SQLSTATE and works on', async () => {
    await expect(ask('select 1/0')).rejects.toMatchObject({ code: '22012', message: 'division by zero' })
    await expect(ask('select $1::int', ['x'])).rejects.toMatchObject({ code: '22P02' })
    await expect(ask('select nonsense')).rejects.toMatchObject({ code: '42703' })
    expect(await ask('select 1 as one')).toEqual([{ one: 1 }])
  })

  test('keeps a named statement through a failure of it', async () => {
    const halve = (number: string) => database.pool.query({ name: 'halve', text: 'select 10 / $1::int as half', values: [number] })
    expect((await halve('2')).rows).toEqual([{ half: 5 }])
    await expect(halve('0')).rejects.toMatchObject({ code: '22012' })
    expect((await halve('5')).rows).toEqual([{ half: 2 }])
  })

  test('carries 5 MB in and out', async () => {
    const large = 'ü'.repeat(2_500_000)
    const [row] = await ask('select $1::text as text, octet_length($1::text) as bytes', [large])
    expect(row.bytes).toBe(5_000_000)
    expect(row.text === large).toBe(true)
  })

  test('gives each of many at once the answer to its own question', async () => {
    const numbers = Array.from({ length: 200 }, (_, index) => index)
    const answers = await Promise.all(
      numbers.map((number) => (number % 10 === 9 ? ask('select 1/0').catch(() => []) : ask('select $1::int as number', [number]))),
    )
    expect(answers).toEqual(numbers.map((number) => (number % 10 === 9 ? [] : [{ number }])))
  })

  test('forgets what a broken connection left in the session', async () => {
    const client = await database.pool.connect()
    await client.query('create table leftovers (a int)')
    await client.query(`set timezone to 'Asia/Tokyo'; begin; insert into leftovers values (1)`)
    client.release(new Error('broken'))
    expect(await ask(`select current_setting('timezone') as zone, (select count(*) from leftovers) as rows`)).toEqual([
      { zone: 'UTC', rows: 0 },
    ])
  })

  test('delivers notifications of a transaction when it commits, also after the connection was made anew', async () => {
    const received: string[] = []
    let reconnections = 0
    await database.listen('Some channel', { onPayload: (payload) => received.push(payload), onReconnected: () => (reconnections += 1) })
    await database.pool.query(`select pg_notify('Some channel', 'first')`)
    await expect(ask('select 1/0')).rejects.toThrow('division by zero')
    await database.pool.query(`begin; select pg_notify('Some channel', 'second'); rollback`)
    await database.pool.query(`begin; select pg_notify('Some channel', 'third'); commit`)
    expect(received).toEqual(['first', 'third'])
    expect(reconnections).toBe(1)
  })

  test('leaves the event loop free while it works', async () => {
    let turns = 0
    const counting = setInterval(() => (turns += 1), 1)
    const query = ask('select count(*) as n from generate_series(1, 2000000)')
    expect(await query).toEqual([{ n: 2_000_000 }])
    clearInterval(counting)
    expect(turns).toBeGreaterThan(20)
  })

  test('survives JSON nested deeper than its stack', async () => {
    await expect(ask(`select (repeat('[', 100000) || repeat(']', 100000))::jsonb`)).rejects.toMatchObject({ code: '54001' })
    expect(await ask('select 1 as one')).toEqual([{ one: 1 }])
  })

  test('refuses a query beside the transaction it is in, at once', async () => {
    const work = database.transaction(async () => ask('select 1'))
    await expect(work).rejects.toThrow('inside a transaction but not on it')
    const throughKysely = database.transaction(() => database.db.selectFrom('changes').selectAll().execute())
    await expect(throughKysely).rejects.toThrow('inside a transaction but not on it')
    expect(await ask('select 1 as one')).toEqual([{ one: 1 }])
  })

  test('lets what a transaction left running ask after its end', async () => {
    let afterwards: Promise<unknown[]> = Promise.resolve([])
    let end = () => {}
    const ended = new Promise<void>((resolve) => (end = resolve))
    await database.transaction(async () => {
      afterwards = ended.then(() => ask('select 1 as one'))
    })
    end()
    expect(await afterwards).toEqual([{ one: 1 }])
  })

  test('a dump starts another with the same rows', async () => {
    await ask('create table dumped as select 7 as seven')
    const copy = await openDatabase({ url: undefined, dataDir: '', poolSize: 1, log: quiet, memory: true, snapshot: await database.dump() })
    expect((await copy.pool.query('select * from dumped')).rows).toEqual([{ seven: 7 }])
    await copy.close()
  })
})

// PGlite's PostgreSQL ends when a COPY from its client finds no client.
const fatal = 'create temporary table copied (a int); copy copied from stdin'

describe('in memory', () => {
  test('a crash makes the database unavailable', async () => {
    const database = await openDatabase({
      url: undefined,
      dataDir: '',
      poolSize: 1,
      log: quiet,
      memory: true,
      snapshot: await snapshotOf(noMigrations),
    })
    const crash = await database.pool.query(fatal).catch((error: unknown) => error)
    expect(isDatabaseUnavailable(crash)).toBe(true)
    const after = await database.pool.query('select 1').catch((error: unknown) => error)
    expect(isDatabaseUnavailable(after)).toBe(true)
    await database.close()
  })
})

describe('a directory', () => {
  let dataDir: string
  const open = async () => openDatabase({ url: undefined, dataDir, poolSize: 1, log: quiet, snapshot: await snapshotOf(noMigrations) })

  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'halyard-data-'))
  })
  afterEach(() => rm(dataDir, { recursive: true }))

  test('keeps rows from one opening to the next, and is open once at a time', async () => {
    const first = await open()
    await first.pool.query('create table kept as select 1 as one')
    await expect(open()).rejects.toThrow(DirectoryInUse)
    await first.close()
    const second = await open()
    expect((await second.pool.query('select * from kept')).rows).toEqual([{ one: 1 }])
    await second.close()
  })

  test('comes back by itself, with its rows, after a crash', async () => {
    const database = await open()
    await database.pool.query('create table kept as select 1 as one')
    await expect(database.pool.query(fatal)).rejects.toSatisfy(isDatabaseUnavailable)
    expect((await database.pool.query('select * from kept')).rows).toEqual([{ one: 1 }])
    await database.close()
  })

  test('begins again after a first start that was killed half way', async () => {
    await mkdir(join(dataDir, 'postgres'))
    await writeFile(join(dataDir, 'postgres', 'PG_VERSION'), '18\n')
    await writeFile(join(dataDir, 'postgres.first-start'), '')
    const database = await open()
    expect((await database.pool.query('select 1 as one')).rows).toEqual([{ one: 1 }])
    expect(existsSync(join(dataDir, 'postgres.first-start'))).toBe(false)
    await database.close()
  })

  test('of another version of PostgreSQL is refused with the reason', async () => {
    const database = await open()
    await database.close()
    await writeFile(join(dataDir, 'postgres', 'PG_VERSION'), '17\n')
    await expect(open()).rejects.toThrow(/does not start.*initialized by PostgreSQL version 17/)
  })

  test('loses nothing that was acknowledged when the process is killed in the middle of transactions', { timeout: 120_000 }, async () => {
    let acknowledged = 0
    for (let kills = 0; kills < 2; kills += 1) {
      const writer = startScript('write-rows-script.ts', dataDir, String(acknowledged + 1))
      await writer.line(`committed ${acknowledged + 40}`)
      await writer.kill()
      acknowledged = Math.max(...writer.lines.map((line) => Number(line.slice('committed '.length))))
      const database = await open()
      const { rows: pairs } = await database.pool.query<{ number: number; halves: number }>(
        'select number, count(*) as halves from pairs group by number',
      )
      await database.pool.query('delete from pairs where number > $1', [acknowledged])
      await database.close()
      const numbers = new Set(pairs.map((pair) => pair.number))
      const missing = Array.from({ length: acknowledged }, (_, index) => index + 1).filter((number) => !numbers.has(number))
      expect(missing).toEqual([])
      expect(pairs.filter((pair) => pair.halves !== 2)).toEqual([])
    }
  })
})
