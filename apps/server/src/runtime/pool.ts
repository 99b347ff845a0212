import type { AsyncLocalStorage } from 'node:async_hooks'
import { setImmediate as letOthersRun, setTimeout as pause } from 'node:timers/promises'
import { callbackify } from 'node:util'
import type { PostgresCursor, PostgresPool, PostgresPoolClient, PostgresQueryResult } from 'kysely'
import { Pool, type ClientConfig, type PoolClient, type PoolConfig } from 'pg'
import { columnTypes } from './column-types.ts'
import { isConnectionUsable } from './database-unavailable.ts'
import type { EmbeddedDatabase } from './embedded.ts'

const second = 1_000

/** A statement that takes longer than this is cancelled by PostgreSQL; migrations and maintenance are exempt (`withSession`). */
export const statementTimeoutMs = 5 * second

export interface ServerConnectionOptions {
  readonly connectionString: string
  readonly limits: 'ordinary' | 'none'
}

/** What every connection to a PostgreSQL server has in common. */
export function serverConnection({ connectionString, limits }: ServerConnectionOptions): ClientConfig {
  return {
    connectionString,
    types: columnTypes(),
    application_name: 'halyard',
    // Dates and text made by SQL must not depend on how the server or the role is set up.
    options: '-c TimeZone=UTC -c DateStyle=ISO',
    // Requests are answered with 503 in under a second when the database cannot be reached.
    connectionTimeoutMillis: 900,
    keepAlive: true,
    keepAliveInitialDelayMillis: 5 * second,
    ...(limits === 'none'
      ? {}
      : {
          statement_timeout: statementTimeoutMs,
          idle_in_transaction_session_timeout: 60 * second,
          // PostgreSQL cancels first; this one is for a connection that was cut without a word.
          query_timeout: statementTimeoutMs + second,
        }),
  }
}

export function createServerPool(url: string, size: number): Pool {
  return new ServerPool({ ...serverConnection({ connectionString: url, limits: 'ordinary' }), max: size, idleTimeoutMillis: 30 * second })
}

const idleMs = second / 4
// Together less than a second, in which a request that cannot be served is refused.
const answerMs = 300
const replacementMs = 600

/**
 * A connection that was idle is asked whether it still answers before anybody waits for it: a network that swallows packets
 * tells nobody that it does. When one does not, those that were idle as long are not asked any more, and a new one has to come soon.
 */
class ServerPool extends Pool {
  readonly #idleSince = new WeakMap<PoolClient, number>()
  #silentAt = 0

  constructor(options: PoolConfig) {
    super(options)
    this.on('release', (_error, client) => this.#idleSince.set(client, performance.now()))
  }

  override connect(): Promise<PoolClient>
  override connect(callback: ConnectCallback): void
  override connect(callback?: ConnectCallback): Promise<PoolClient> | undefined {
    if (callback === undefined) return this.#connectAnswering()
    callbackify(() => this.#connectAnswering())((error, client) => {
      // Without a client on failure, whatever the types of callbackify say.
      if (error) callback(error, undefined, () => undefined)
      else callback(undefined, client, (broken) => client.release(broken))
    })
    return undefined
  }

  async #connectAnswering(): Promise<PoolClient> {
    const client = await super.connect()
    const idleSince = this.#idleSince.get(client)
    if (idleSince === undefined || (await this.#answers(client, idleSince))) return client
    client.release(true)
    const replacement = this.#connectAnswering()
    // Who waits because others do waits as long as they.
    return this.waitingCount > 0 ? replacement : within(replacementMs, replacement)
  }

  async #answers(client: PoolClient, idleSince: number): Promise<boolean> {
    if (performance.now() - idleSince < idleMs) return true
    if (idleSince < this.#silentAt) return false
    let isAnswering: boolean | undefined
    const answered = client.query('select').then(
      () => (isAnswering = true),
      () => (isAnswering = false),
    )
    const given = new AbortController()
    await Promise.race([answered, pause(answerMs, undefined, { signal: given.signal }).catch(() => undefined)])
    given.abort()
    // An answer that waits because this process was busy is there after one more turn.
    if (isAnswering === undefined) await letOthersRun()
    if (isAnswering) return true
    this.#silentAt = performance.now()
    return false
  }
}

/** A connection that comes too late goes back to the pool. */
async function within(milliseconds: number, connecting: Promise<PoolClient>): Promise<PoolClient> {
  let timer: NodeJS.Timeout | undefined
  const tooLate = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      connecting.then((client) => client.release()).catch(() => undefined)
      reject(new Error('timeout exceeded when trying to connect'))
    }, milliseconds)
  })
  try {
    return await Promise.race([connecting, tooLate])
  } finally {
    clearTimeout(timer)
  }
}

/** Set while a transaction of the embedded database is open in this asynchronous scope. */
export type TransactionScope = AsyncLocalStorage<{ open: boolean }>

/**
 * The only session of the embedded database, as a pool of one. Asking the pool from inside a transaction would wait for the
 * transaction, which waits for the answer: that is refused at once, and so found by the first test that does it.
 */
export class EmbeddedPool extends Pool {
  readonly #scope: TransactionScope

  constructor(embedded: EmbeddedDatabase, scope: TransactionScope) {
    super({
      stream: () => embedded.connect(),
      types: columnTypes(),
      // Given, so that the environment's PGUSER, PGSSLMODE and the like do not reach a database that has neither.
      user: 'postgres',
      database: 'postgres',
      ssl: false,
      max: 1,
      idleTimeoutMillis: 0,
      connectionTimeoutMillis: 30 * second,
    })
    this.#scope = scope
  }

  override connect(): Promise<PoolClient>
  override connect(callback: ConnectCallback): void
  override connect(callback?: ConnectCallback): Promise<PoolClient> | undefined {
    if (this.#scope.getStore()?.open !== true) {
      if (callback === undefined) return super.connect()
      super.connect(callback)
      return undefined
    }
    const mistake = new Error(
      'This query is inside a transaction but not on it. Use the transaction: the embedded database has one session.',
    )
    if (callback === undefined) return Promise.reject(mistake)
    callback(mistake, undefined, () => undefined)
    return undefined
  }
}

type ConnectCallback = (error: Error | undefined, client: PoolClient | undefined, release: (error?: Error | boolean) => void) => void

/** The pool as Kysely uses it, except that a broken connection is not put back: `pg` would queue the next query behind the lost one. */
export function kyselyPool(pool: Pool): PostgresPool {
  return { connect: async () => new LentClient(await pool.connect()), end: () => pool.end() }
}

class LentClient implements PostgresPoolClient {
  readonly #client: PostgresPoolClient
  readonly #giveBack: (broken: boolean) => void
  #usable = true

  constructor(client: PoolClient) {
    this.#client = client
    this.#giveBack = (broken) => client.release(broken)
  }

  query<R>(text: string, values: readonly unknown[]): Promise<PostgresQueryResult<R>>
  query<R>(cursor: PostgresCursor<R>): PostgresCursor<R>
  query<R>(textOrCursor: string | PostgresCursor<R>, values: readonly unknown[] = []): Promise<PostgresQueryResult<R>> | PostgresCursor<R> {
    if (typeof textOrCursor !== 'string') return this.#client.query(textOrCursor)
    return this.#client.query<R>(textOrCursor, values).catch((error: unknown) => {
      this.#usable &&= isConnectionUsable(error)
      throw error
    })
  }

  release(): void {
    this.#giveBack(!this.#usable)
  }
}
