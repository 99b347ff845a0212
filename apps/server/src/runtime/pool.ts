import type { AsyncLocalStorage } from 'node:async_hooks'
import { setImmediate as letOthersRun, setTimeout as pause } from 'node:timers/promises'
import { callbackify } from 'node:util'
import type { PostgresCursor, PostgresPool, PostgresPoolClient, PostgresQueryResult } from 'kysely'
import { Client, DatabaseError, Pool, type ClientConfig, type PoolClient } from 'pg'
import { columnTypes } from './column-types.ts'
import { DatabaseBusy, isConnectionUsable } from './database-unavailable.ts'
import type { EmbeddedDatabase } from './embedded.ts'

const second = 1_000

/** A statement that takes longer than this is cancelled by PostgreSQL; migrations and maintenance are exempt (`withSession`). */
export const statementTimeoutMs = 5 * second

// Requests are answered with 503 in under a second when the database cannot be reached.
const connectMs = 900

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
    connectionTimeoutMillis: connectMs,
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
  return new ServerPool(url, size)
}

/** The pool's limit is for waiting, and it hands all it was given to its clients. */
class PromptClient extends Client {
  constructor(options?: ClientConfig) {
    super({ ...options, connectionTimeoutMillis: connectMs })
  }
}

const idleMs = second / 4
// With either of the others less than a second, in which a request that cannot be served is refused.
const answerMs = 300
const replacementMs = 600
const silenceMs = { noticed: 200, asked: 450 } as const

// A busy database is waited for, as long as a statement may take, but not by any number.
const turnMs = statementTimeoutMs
const waitingMax = 256

/**
 * Who finds all connections taken waits for one while the server answers, and for less than a second when it does not.
 * A connection that was idle is asked whether it still answers before anybody waits for it: a network that swallows packets
 * tells nobody that it does. When one does not, those that were idle as long are not asked any more, and a new one has to come soon.
 */
class ServerPool extends Pool {
  readonly #idleSince = new WeakMap<PoolClient, number>()
  readonly #url: string
  #silentAt = 0
  #answeredAt = 0
  #asking: Promise<boolean> | undefined

  constructor(url: string, size: number) {
    const connection = serverConnection({ connectionString: url, limits: 'ordinary' })
    super({ ...connection, Client: PromptClient, max: size, connectionTimeoutMillis: turnMs, idleTimeoutMillis: 30 * second })
    this.#url = url
    this.on('connect', () => (this.#answeredAt = performance.now()))
    this.on('release', (error, client) => {
      this.#idleSince.set(client, performance.now())
      if (!error) this.#answeredAt = performance.now()
    })
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
    const client = await this.#connectInTurn()
    const idleSince = this.#idleSince.get(client)
    if (idleSince === undefined || (await this.#answers(client, idleSince))) return client
    client.release(true)
    const replacement = this.#connectAnswering()
    // Who waits because others do waits as long as they.
    return this.waitingCount > 0 ? replacement : within(replacementMs, replacement)
  }

  async #connectInTurn(): Promise<PoolClient> {
    if (this.idleCount > this.waitingCount) return super.connect()
    if (this.waitingCount >= waitingMax) throw new DatabaseBusy()
    const startedAt = performance.now()
    const given = new AbortController()
    const connecting = super.connect()
    try {
      return await Promise.race([connecting, this.#untilSilent(given.signal)])
    } catch (error) {
      releaseLater(connecting)
      throw performance.now() - startedAt < turnMs ? error : new DatabaseBusy()
    } finally {
      given.abort()
    }
  }

  /** Throws once the server gives no sign for a while, and none when it is asked for one. */
  async #untilSilent(given: AbortSignal): Promise<never> {
    for (;;) {
      const since = performance.now()
      await pause(silenceMs.noticed, undefined, { signal: given })
      if (this.#answeredAt >= since) continue
      this.#asking ??= this.#isThere().finally(() => (this.#asking = undefined))
      if (!(await this.#asking)) throw tooLate()
    }
  }

  // Every connection may be busy with something long: only another one tells.
  async #isThere(): Promise<boolean> {
    const ordinary = serverConnection({ connectionString: this.#url, limits: 'none' })
    const client = new Client({ ...ordinary, connectionTimeoutMillis: silenceMs.asked })
    client.on('error', () => undefined)
    try {
      await client.connect()
      return true
    } catch (error) {
      return error instanceof DatabaseError && error.code === tooManyConnections
    } finally {
      client.end().catch(() => undefined)
    }
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

const tooManyConnections = '53300'
const tooLate = () => new Error('timeout exceeded when trying to connect')

/** A connection that comes too late goes back to the pool. */
const releaseLater = (connecting: Promise<PoolClient>): void => {
  connecting.then((client) => client.release()).catch(() => undefined)
}

async function within(milliseconds: number, connecting: Promise<PoolClient>): Promise<PoolClient> {
  let timer: NodeJS.Timeout | undefined
  const isOver = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      releaseLater(connecting)
      reject(tooLate())
    }, milliseconds)
  })
  try {
    return await Promise.race([connecting, isOver])
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
