import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { DatabaseError, type ClientBase } from 'pg'
import type { Database } from './database.ts'

export type Store = 'control' | 'identity'

/** A migration that must not run; the message says what to do about it. */
export class MigrationRefused extends Error {
  override readonly name = 'MigrationRefused'
}

export interface Migration {
  readonly number: number
  readonly name: string
  readonly checksum: string
  readonly sql: string
}

/** From the source and from the build alike: both are two folders below the package. */
export const migrationsDirectory = (store: Store) => fileURLToPath(new URL(`../../migrations/${store}/`, import.meta.url))

/**
 * Brings a store up to date, and answers with the names of the migrations it ran. Any number of processes may start at once.
 * Each migration is one transaction with its bookkeeping row: one that is killed half way leaves nothing.
 */
export async function migrate(database: Database, store: Store, directory: string = migrationsDirectory(store)): Promise<string[]> {
  const migrations = await readMigrations(directory)
  return database.withSession(async (session) => {
    await session.query(`select pg_advisory_lock(hashtext('halyard migrations'))`)
    try {
      await session.query(bookkeeping)
      const pending = await findPending(session, store, migrations)
      for (const migration of pending) await applyPatiently(session, store, migration)
      return pending.map((migration) => migration.name)
    } finally {
      // A connection that broke has released its lock with it.
      await session.query(`select pg_advisory_unlock(hashtext('halyard migrations'))`).catch(() => undefined)
    }
  })
}

/** The migrations of a directory in order: `0001_name.sql`, numbers unique. */
export async function readMigrations(directory: string): Promise<Migration[]> {
  const files = (await readdir(directory)).filter((file) => file.endsWith('.sql')).sort()
  const migrations = await Promise.all(files.map((file) => readMigration(directory, file)))
  for (const [index, migration] of migrations.entries()) {
    const before = migrations[index - 1]
    if (before?.number === migration.number)
      throw new MigrationRefused(`${before.name} and ${migration.name} have the same number. Renumber the newer one.`)
  }
  return migrations
}

async function readMigration(directory: string, file: string): Promise<Migration> {
  const name = file.slice(0, -'.sql'.length)
  if (!/^\d{4}_[a-z0-9_]+$/.test(name)) throw new MigrationRefused(`${file} is not named like 0001_lower_case.sql.`)
  // Line ends are those of whoever checked the file out.
  const sql = (await readFile(join(directory, file), 'utf8')).replaceAll('\r\n', '\n')
  return { number: Number(name.slice(0, 4)), name, checksum: createHash('sha256').update(sql).digest('hex'), sql }
}

const bookkeeping = `
  create table if not exists schema_migrations (
    store text not null,
    number integer not null,
    name text not null,
    checksum text not null,
    applied_at timestamptz not null default clock_timestamp(),
    primary key (store, number)
  );
  comment on table schema_migrations is 'operational: the migrations this database has had'`

async function findPending(session: ClientBase, store: Store, migrations: readonly Migration[]): Promise<Migration[]> {
  const { rows } = await session.query<Pick<Migration, 'number' | 'name' | 'checksum'>>(
    'select number, name, checksum from schema_migrations where store = $1 order by number',
    [store],
  )
  const known = new Map(migrations.map((migration) => [migration.number, migration]))
  for (const applied of rows) {
    const migration = known.get(applied.number)
    if (migration === undefined) {
      throw new MigrationRefused(
        `The ${store} database is newer than this version of Halyard: it has had migration ${applied.name}, which is unknown here. ` +
          'Start the newer version again, or restore a backup from before the upgrade.',
      )
    }
    if (migration.checksum !== applied.checksum) {
      throw new MigrationRefused(
        `Migration ${applied.name} was changed after the ${store} database had had it. ` +
          'Restore the file as it was released, and put the change into a new migration.',
      )
    }
  }
  const applied = new Set(rows.map((row) => row.number))
  const pending = migrations.filter((migration) => !applied.has(migration.number))
  const last = rows.at(-1)
  const late = pending.find((migration) => last !== undefined && migration.number < last.number)
  if (late && last) {
    throw new MigrationRefused(
      `Migration ${late.name} comes before ${last.name}, which the ${store} database has already had. Give it a higher number.`,
    )
  }
  return pending
}

const lockNotAvailable = '55P03'
const patientAttempts = 20

/**
 * Waits for locks for 3 s at a time: every other statement on the table queues behind one that waits, so a migration that waited
 * for as long as a slow report would stop the service for as long.
 */
async function applyPatiently(session: ClientBase, store: Store, migration: Migration): Promise<void> {
  for (let tried = 1; ; tried += 1) {
    try {
      await apply(session, store, migration)
      return
    } catch (error) {
      const busy = error instanceof DatabaseError && error.code === lockNotAvailable
      if (!busy) throw new Error(`Migration ${migration.name} failed and was rolled back.`, { cause: error })
      if (tried === patientAttempts) {
        throw new MigrationRefused(
          `Migration ${migration.name} could not lock its tables in ${tried} attempts. Try again when the database is less busy.`,
        )
      }
      await pause(500 * (0.5 + Math.random()))
    }
  }
}

async function apply(session: ClientBase, store: Store, { number, name, checksum, sql }: Migration): Promise<void> {
  await session.query('begin')
  try {
    await session.query(`set local lock_timeout = '3s'`)
    const row = `insert into schema_migrations (store, number, name, checksum) values ($1, $2, $3, $4)
       returning pg_current_xact_id()::text as transaction`
    const {
      rows: [begun],
    } = await session.query<{ transaction: string }>(row, [store, number, name, checksum])
    await session.query(sql)
    const {
      rows: [ending],
    } = await session.query<{ transaction: string }>('select pg_current_xact_id()::text as transaction')
    if (begun?.transaction !== ending?.transaction)
      throw new MigrationRefused(`${name} commits by itself. A migration is one transaction: remove the commit.`)
    await session.query('commit')
  } catch (error) {
    await session.query('rollback').catch(() => undefined)
    throw error
  }
}
