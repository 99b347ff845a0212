import { createHash, randomUUID } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { pino } from 'pino'
import { openDatabase, type Database } from '../runtime/database.ts'
import { migrate, migrationsDirectory, readMigrations } from '../runtime/migrate.ts'

/** Which migrations a test database has had: a directory for each store, undefined for none. */
export interface MigrationSet {
  readonly control: string | undefined
  readonly identity: string | undefined
}

export const allMigrations: MigrationSet = { control: migrationsDirectory('control'), identity: migrationsDirectory('identity') }
export const noMigrations: MigrationSet = { control: undefined, identity: undefined }

export const quiet = pino({ level: 'silent' })

/** Names a set by everything in it. */
export async function hashMigrations(set: MigrationSet): Promise<string> {
  const hash = createHash('sha256')
  for (const directory of [set.control, set.identity]) {
    const migrations = directory === undefined ? [] : await readMigrations(directory)
    hash.update(JSON.stringify(migrations.map(({ name, checksum }) => [name, checksum])))
  }
  return hash.digest('hex').slice(0, 16)
}

export async function migrateAll(database: Database, set: MigrationSet): Promise<void> {
  if (set.control !== undefined) await migrate(database, 'control', set.control)
  if (set.identity !== undefined) await migrate(database, 'identity', set.identity)
}

const cacheDirectory = fileURLToPath(new URL('../../../../node_modules/.cache/halyard/', import.meta.url))
const keptForMs = 24 * 3_600_000

/** The embedded database with the migrations of a set, as bytes; made once and kept between runs. */
export async function snapshotOf(set: MigrationSet): Promise<Uint8Array> {
  const file = join(cacheDirectory, `${pgliteVersion()}-${await hashMigrations(set)}.tar`)
  if (!existsSync(file)) await writeSnapshot(file, set)
  return readFile(file)
}

async function writeSnapshot(file: string, set: MigrationSet): Promise<void> {
  const isEmpty = set.control === undefined && set.identity === undefined
  const snapshot = isEmpty ? undefined : await snapshotOf(noMigrations)
  const database = await openDatabase({ url: undefined, dataDir: '', poolSize: 1, log: quiet, memory: true, snapshot })
  try {
    await migrateAll(database, set)
    const dump = await database.dump()
    if (dump === undefined) throw new Error('The embedded database gave no dump.')
    await mkdir(cacheDirectory, { recursive: true })
    await removeOldSnapshots()
    // Two processes may do this at once; each puts a whole file in place.
    const unfinished = `${file}.${randomUUID()}`
    // Unpacked: every test file reads it, and unpacking takes a third of the time to start.
    await writeFile(unfinished, gunzipSync(dump))
    await rename(unfinished, file)
  } finally {
    await database.close()
  }
}

async function removeOldSnapshots(): Promise<void> {
  for (const name of await readdir(cacheDirectory)) {
    const file = join(cacheDirectory, name)
    if (Date.now() - (await stat(file)).mtimeMs > keptForMs) await rm(file, { force: true })
  }
}

function pgliteVersion(): string {
  const entry = createRequire(import.meta.url).resolve('@electric-sql/pglite')
  const { version } = JSON.parse(readFileSync(join(entry, '../../package.json'), 'utf8'))
  return String(version)
}
