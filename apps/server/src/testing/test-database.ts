import { randomUUID } from 'node:crypto'
import { Client } from 'pg'
import { openDatabase, type Database } from '../runtime/database.ts'
import { allMigrations, hashMigrations, migrateAll, quiet, snapshotOf, type MigrationSet } from './snapshot.ts'

export { allMigrations, noMigrations, quiet, snapshotOf, type MigrationSet } from './snapshot.ts'

export interface TestDatabaseOptions {
  readonly migrations?: MigrationSet
  readonly poolSize?: number
}

export const testSecretKeys = { secretKey: 'a secret key for tests, 32 characters and more', previousSecretKeys: [] }

/** Of a PostgreSQL 15 whose role may create databases; unset, tests run on the embedded database. */
export const testServerUrl = process.env['TEST_DATABASE_URL']

/** A migrated database of the test's own: embedded in memory, or on the server at TEST_DATABASE_URL, where closing it drops it. */
export async function openTestDatabase({ migrations = allMigrations, poolSize = 4 }: TestDatabaseOptions = {}): Promise<Database> {
  const common = { dataDir: '', poolSize, log: quiet, secretKeys: testSecretKeys }
  if (testServerUrl === undefined) {
    return openDatabase({ ...common, url: undefined, memory: true, snapshot: await snapshotOf(migrations) })
  }
  const { url, drop } = await createServerDatabase(testServerUrl, migrations)
  const database = await openDatabase({ ...common, url })
  return {
    ...database,
    async close() {
      await database.close()
      await drop()
    },
  }
}

/** A database on the test server, for tests that need more than one process or pool on it. */
export async function createServerDatabase(
  serverUrl: string,
  migrations: MigrationSet,
): Promise<{ url: string; drop: () => Promise<void> }> {
  const template = await ensureTemplate(serverUrl, migrations)
  const name = `halyard_test_${randomUUID().replaceAll('-', '')}`
  await onServer(serverUrl, (server) => server.query(`create database ${name} template ${template}`))
  return {
    url: urlOf(serverUrl, name),
    drop: () => onServer(serverUrl, async (server) => void (await server.query(`drop database if exists ${name} with (force)`))),
  }
}

/** Makes the template of a set unless it exists, one process at a time. */
export async function ensureTemplate(serverUrl: string, migrations: MigrationSet): Promise<string> {
  const template = `halyard_template_${await hashMigrations(migrations)}`
  await onServer(serverUrl, async (server) => {
    await server.query(`select pg_advisory_lock(hashtext('halyard test templates'))`)
    const { rowCount } = await server.query('select from pg_database where datname = $1', [template])
    if (rowCount === 1) return
    // Under another name until it is whole: a run that was stopped leaves no half template.
    const unfinished = `${template}_unfinished`
    await server.query(`drop database if exists ${unfinished} with (force)`)
    await server.query(`create database ${unfinished} template template0 encoding 'UTF8'`)
    const database = await openDatabase({ url: urlOf(serverUrl, unfinished), dataDir: '', poolSize: 1, log: quiet })
    try {
      await migrateAll(database, migrations)
    } finally {
      await database.close()
    }
    await server.query(`alter database ${unfinished} rename to ${template}`)
  })
  return template
}

async function onServer<T>(serverUrl: string, work: (server: Client) => Promise<T>): Promise<T> {
  const server = new Client({ connectionString: serverUrl })
  await server.connect()
  try {
    return await work(server)
  } finally {
    await server.end()
  }
}

function urlOf(serverUrl: string, database: string): string {
  const url = new URL(serverUrl)
  url.pathname = `/${database}`
  return url.href
}
