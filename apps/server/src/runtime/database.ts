import { AsyncLocalStorage } from 'node:async_hooks'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { Kysely, PostgresDialect, type Transaction } from 'kysely'
import { Client, DatabaseError, type ClientBase, type Pool } from 'pg'
import type { Logger } from 'pino'
import { lockDirectory, type DirectoryLock } from './directory-lock.ts'
import { startEmbedded, type EmbeddedDatabase } from './embedded.ts'
import { EmbeddedNotifications, ServerNotifications, type ChannelListener, type Notifications } from './notifications.ts'
import { createServerPool, EmbeddedPool, kyselyPool, serverConnection, type TransactionScope } from './pool.ts'
import type { SecretKeys } from './secrets.ts'
import type { Tables } from './tables.ts'

export { DatabaseBusy, isDatabaseUnavailable } from './database-unavailable.ts'

export interface Database {
  /** Kysely over the pool. */
  readonly db: Kysely<Tables>
  /** For hand-written hot statements (named prepared statements). */
  readonly pool: Pool
  readonly embedded: boolean
  /** With which edits encrypt what is personal; undefined where a database is only looked after. */
  readonly secretKeys: SecretKeys | undefined
  /**
   * Runs `work` in one READ COMMITTED transaction and commits; rolls back and rethrows what it throws. After a deadlock or a
   * serialisation failure `work` runs again, up to three times: it must have no effect outside the transaction.
   */
  transaction<T>(work: (tx: Transaction<Tables>) => Promise<T>): Promise<T>
  /**
   * Resolves when the channel is listened to. While the server cannot be reached it keeps trying, so do not await it on the way
   * to serving. Notifications may be lost; `onReconnected` says when.
   */
  listen(channel: string, listener: ChannelListener): Promise<void>
  /** A connection without time limits for migrations and maintenance; the embedded database lends its only one. */
  withSession<T>(work: (session: ClientBase) => Promise<T>): Promise<T>
  /** The embedded database as bytes to start another from; undefined with a server. */
  dump(): Promise<Uint8Array> | undefined
  close(): Promise<void>
}

export interface DatabaseOptions {
  /** Of a PostgreSQL server; undefined is the embedded database. */
  readonly url: string | undefined
  /** Where the embedded database lives. */
  readonly dataDir: string
  readonly poolSize: number
  readonly secretKeys?: SecretKeys
  readonly log: Logger
  /** A `dump` for a new embedded database to begin from. */
  readonly snapshot?: Uint8Array | undefined
  /** Embedded, and gone when closed. */
  readonly memory?: boolean
}

/** Opens the embedded database, or a pool to a server, which need not be reachable yet. */
export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  return options.url === undefined ? openEmbedded(options) : openServer(options.url, options)
}

function openServer(url: string, { poolSize, log, secretKeys }: DatabaseOptions): Database {
  const pool = createServerPool(url, poolSize)
  const notifications = new ServerNotifications(url, log)
  return assemble({
    pool,
    secretKeys,
    log,
    notifications,
    embedded: undefined,
    withSession: (work) => withServerSession(url, work),
    async close() {
      await notifications.close()
      await pool.end()
    },
  })
}

async function openEmbedded({ dataDir, log, secretKeys, snapshot, memory = false }: DatabaseOptions): Promise<Database> {
  const lock = memory ? undefined : await lockEmbedded(dataDir, log)
  const storage = memory ? 'memory' : { dataDir: join(dataDir, 'postgres') }
  const onCrash = (reason: string) =>
    log.error({ reason }, 'the embedded database crashed; it starts again from its files at the next query')
  const embedded = await startEmbedded({ storage, snapshot, onCrash }).catch(async (error: unknown) => {
    await lock?.release()
    throw error
  })
  const scope: TransactionScope = new AsyncLocalStorage()
  const pool = new EmbeddedPool(embedded, scope)
  return assemble({
    pool,
    secretKeys,
    log,
    notifications: new EmbeddedNotifications(pool),
    embedded: { database: embedded, scope },
    withSession: (work) => withEmbeddedSession(pool, work),
    async close() {
      await pool.end()
      await embedded.close()
      await lock?.release()
    },
  })
}

function lockEmbedded(dataDir: string, log: Logger): Promise<DirectoryLock> {
  return lockDirectory(dataDir, () =>
    log.fatal({ dataDir }, 'the lock of the data directory was removed: another process may open it and rows may be lost'),
  )
}

interface Parts {
  readonly pool: Pool
  readonly secretKeys: SecretKeys | undefined
  readonly log: Logger
  readonly notifications: Notifications
  readonly embedded: { readonly database: EmbeddedDatabase; readonly scope: TransactionScope } | undefined
  readonly withSession: Database['withSession']
  readonly close: () => Promise<void>
}

function assemble({ pool, secretKeys, log, notifications, embedded, withSession, close }: Parts): Database {
  logConnectionErrors(pool, log)
  const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool: kyselyPool(pool) }) })
  const attempt = <T>(work: (tx: Transaction<Tables>) => Promise<T>) => db.transaction().setIsolationLevel('read committed').execute(work)
  const scoped = <T>(work: (tx: Transaction<Tables>) => Promise<T>) => (embedded ? attempt(inScope(embedded.scope, work)) : attempt(work))
  let closing: Promise<void> | undefined
  return {
    db,
    pool,
    embedded: embedded !== undefined,
    secretKeys,
    transaction: (work) => retryConflicts(() => scoped(work)),
    listen: (channel, listener) => notifications.listen(channel, listener),
    withSession,
    dump: () => embedded?.database.dumpDataDir(),
    close: () => (closing ??= close()),
  }
}

/** Notes that a transaction is open in everything `work` calls, and no longer in what it leaves running. */
function inScope<T>(scope: TransactionScope, work: (tx: Transaction<Tables>) => Promise<T>): (tx: Transaction<Tables>) => Promise<T> {
  return async (tx) => {
    const transaction = { open: true }
    try {
      return await scope.run(transaction, () => work(tx))
    } finally {
      transaction.open = false
    }
  }
}

const conflictAttempts = 4
const conflicts = new Set(['40001', '40P01'])

async function retryConflicts<T>(attempt: () => Promise<T>): Promise<T> {
  for (let tried = 1; ; tried += 1) {
    try {
      return await attempt()
    } catch (error) {
      const code = error instanceof DatabaseError ? error.code : undefined
      if (code === undefined || !conflicts.has(code) || tried === conflictAttempts) throw error
      await pause(10 * 2 ** tried * (0.5 + Math.random()))
    }
  }
}

/** A connection that breaks emits an error whether or not anybody uses it; without a listener that would end the process. */
function logConnectionErrors(pool: Pool, log: Logger): void {
  pool.on('error', (error) => log.warn({ err: error }, 'an idle database connection broke'))
  pool.on('connect', (client) => {
    client.on('error', (error: Error) => log.debug({ err: error }, 'a database connection broke'))
  })
}

async function withServerSession<T>(url: string, work: (session: ClientBase) => Promise<T>): Promise<T> {
  const session = new Client(serverConnection({ connectionString: url, limits: 'none' }))
  session.on('error', () => undefined)
  try {
    await session.connect()
    return await work(session)
  } finally {
    await session.end().catch(() => undefined)
  }
}

async function withEmbeddedSession<T>(pool: Pool, work: (session: ClientBase) => Promise<T>): Promise<T> {
  const session = await pool.connect()
  try {
    return await work(session)
  } finally {
    // Not put back: the next connection begins without what `work` set or locked.
    session.release(true)
  }
}
