import { existsSync } from 'node:fs'
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { startScript } from '../testing/child-process.ts'
import { describeOnServer } from '../testing/describe-on-server.ts'
import { createServerDatabase, noMigrations, openTestDatabase, quiet, snapshotOf } from '../testing/test-database.ts'
import { openDatabase, type Database } from './database.ts'
import { migrate, migrationsDirectory } from './migrate.ts'

let scratch: string
let database: Database

beforeAll(async () => {
  database = await openTestDatabase({ migrations: noMigrations })
})
afterAll(() => database.close())

beforeEach(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'halyard-migrate-'))
  await database.pool.query('drop schema public cascade; create schema public')
})
afterEach(() => rm(scratch, { recursive: true }))

async function migrations(files: Record<string, string>): Promise<string> {
  const directory = await mkdtemp(join(scratch, 'set-'))
  await Promise.all(Object.entries(files).map(([name, text]) => writeFile(join(directory, `${name}.sql`), text)))
  return directory
}

const applied = async (on: Database = database) =>
  (await on.pool.query<{ name: string }>(`select name from schema_migrations where store = 'control' order by number`)).rows.map(
    (row) => row.name,
  )
const tableExists = async (name: string, on: Database = database) =>
  (await on.pool.query<{ exists: boolean }>('select to_regclass($1) is not null as exists', [name])).rows[0]?.exists

const farms = 'create table farms (name text)'
const barns = 'create table barns (name text)'

test('a fresh database gets every migration in order, and nothing the second time', async () => {
  const directory = await migrations({ '0002_barns': `${barns}; insert into farms values ('before')`, '0001_farms': farms })
  expect(await migrate(database, 'control', directory)).toEqual(['0001_farms', '0002_barns'])
  expect(await migrate(database, 'control', directory)).toEqual([])
  expect(await applied()).toEqual(['0001_farms', '0002_barns'])
})

test('our own migrations run on both stores of one database', async () => {
  await migrate(database, 'control')
  await migrate(database, 'identity')
  expect(await tableExists('jobs')).toBe(true)
  expect(await tableExists('identities')).toBe(true)
})

test('the stores count by themselves', async () => {
  await migrate(database, 'control', await migrations({ '0001_farms': farms }))
  expect(await migrate(database, 'identity', await migrations({ '0001_barns': barns }))).toEqual(['0001_barns'])
})

test('a migration that fails leaves nothing of itself, and is run again when it was put right', async () => {
  const broken = await migrations({ '0001_farms': farms, '0002_barns': `${barns}; select 1/0` })
  await expect(migrate(database, 'control', broken)).rejects.toThrow('Migration 0002_barns failed and was rolled back.')
  expect([await applied(), await tableExists('barns')]).toEqual([['0001_farms'], false])
  const fixed = await migrations({ '0001_farms': farms, '0002_barns': barns })
  expect(await migrate(database, 'control', fixed)).toEqual(['0002_barns'])
})

describe('is refused, with what to do,', () => {
  test('a database that a newer version has migrated', async () => {
    await migrate(database, 'control', await migrations({ '0001_farms': farms, '0002_barns': barns }))
    const older = migrate(database, 'control', await migrations({ '0001_farms': farms }))
    await expect(older).rejects.toThrow(
      /newer than this version of Halyard.*0002_barns.*Start the newer version again, or restore a backup/,
    )
  })

  test('a migration that was changed after it was applied', async () => {
    await migrate(database, 'control', await migrations({ '0001_farms': farms }))
    const changed = migrate(database, 'control', await migrations({ '0001_farms': `${farms};` }))
    await expect(changed).rejects.toThrow(/0001_farms was changed.*put the change into a new migration/)
  })

  test('a migration numbered before one that was applied', async () => {
    await migrate(database, 'control', await migrations({ '0002_barns': barns }))
    const late = migrate(database, 'control', await migrations({ '0001_farms': farms, '0002_barns': barns }))
    await expect(late).rejects.toThrow(/0001_farms comes before 0002_barns.*Give it a higher number/)
  })

  test('two migrations with one number, and a file that is not named like a migration', async () => {
    await expect(migrate(database, 'control', await migrations({ '0001_farms': farms, '0001_barns': barns }))).rejects.toThrow(
      /same number/,
    )
    await expect(migrate(database, 'control', await migrations({ farms }))).rejects.toThrow(/farms.sql is not named like/)
  })

  test('a migration that commits by itself', async () => {
    const directory = await migrations({ '0001_farms': `${farms}; commit; begin` })
    await expect(migrate(database, 'control', directory)).rejects.toMatchObject({
      cause: expect.objectContaining({ message: expect.stringContaining('commits by itself') }),
    })
  })
})

test('line ends do not count as a change', async () => {
  await migrate(database, 'control', await migrations({ '0001_farms': `${farms};\nselect 1` }))
  expect(await migrate(database, 'control', await migrations({ '0001_farms': `${farms};\r\nselect 1` }))).toEqual([])
})

test('an embedded database whose process is killed in the middle of a migration has nothing of it', async () => {
  const dataDir = join(scratch, 'data')
  // Written to the host's directory the moment the migration is half done.
  const sign = `do $$ begin execute format('copy (select 1) to %L', current_setting('data_directory') || '/half_way'); end $$`
  const directory = await migrations({ '0001_farms': farms, '0002_barns': `${barns}; ${sign}; select pg_sleep(60)` })
  const child = startScript('migrate-script.ts', '', dataDir, directory)
  await vi.waitFor(() => expect(existsSync(join(dataDir, 'postgres', 'half_way'))).toBe(true), { timeout: 25_000, interval: 20 })
  await child.kill()
  const reopened = await openDatabase({ url: undefined, dataDir, poolSize: 1, log: quiet, snapshot: await snapshotOf(noMigrations) })
  expect([await applied(reopened), await tableExists('barns', reopened)]).toEqual([['0001_farms'], false])
  await reopened.close()
})

describeOnServer('a server', (serverUrl) => {
  test('four processes that start at once migrate a server once', async () => {
    const server = await createServerDatabase(serverUrl, noMigrations)
    const directory = await mkdtemp(join(scratch, 'all-'))
    await cp(migrationsDirectory('control'), directory, { recursive: true })
    const processes = Array.from({ length: 4 }, () => startScript('migrate-script.ts', server.url, '', directory))
    expect(await Promise.all(processes.map((process) => process.exitCode))).toEqual([0, 0, 0, 0])
    await server.drop()
  })

  test('a server whose migrating process is killed has nothing of the migration, and its lock is free', async () => {
    const server = await createServerDatabase(serverUrl, noMigrations)
    const watcher = await openDatabase({ url: server.url, dataDir: '', poolSize: 2, log: quiet })
    const directory = await migrations({ '0001_farms': farms, '0002_barns': `${barns}; select pg_sleep(60)` })
    const child = startScript('migrate-script.ts', server.url, '', directory)
    const sleeping = `from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep'`
    await vi.waitFor(async () => expect((await watcher.pool.query(`select ${sleeping}`)).rowCount).toBe(1), { timeout: 20_000 })
    await child.kill()
    // PostgreSQL notices at the end of the statement that nobody is there; we do not wait a minute for that.
    await watcher.pool.query(`select pg_terminate_backend(pid) ${sleeping}`)
    expect([await applied(watcher), await tableExists('barns', watcher)]).toEqual([['0001_farms'], false])
    expect(await migrate(watcher, 'control', await migrations({ '0001_farms': farms, '0002_barns': barns }))).toEqual(['0002_barns'])
    await watcher.close()
    await server.drop()
  })

  test('a migration gives way to those who use its table, and succeeds when they are done', async () => {
    await migrate(database, 'control', await migrations({ '0001_farms': farms }))
    const reader = await database.pool.connect()
    await reader.query('begin; lock table farms in access share mode')
    const altering = migrate(
      database,
      'control',
      await migrations({ '0001_farms': farms, '0002_barns': 'alter table farms add column acres int' }),
    )
    const waiting = `select from pg_locks where relation = 'farms'::regclass and not granted`
    const lockTimesOut = async () => expect((await database.pool.query(waiting)).rowCount).toBe(0)
    await vi.waitFor(async () => expect((await database.pool.query(waiting)).rowCount).toBe(1), { timeout: 5_000 })
    await vi.waitFor(lockTimesOut, { timeout: 5_000 })
    await reader.query('commit')
    reader.release()
    expect(await altering).toEqual(['0002_barns'])
  })
})
