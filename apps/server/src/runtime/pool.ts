import type { AsyncLocalStorage } from 'node:async_hooks'
import type { PostgresCursor, PostgresPool, PostgresPoolClient, PostgresQueryResult } from 'kysely'
import { Pool, type ClientConfig, type PoolClient } from 'pg'
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
  return new Pool({ ...serverConnection({ connectionString: url, limits: 'ordinary' }), max: size, idleTimeoutMillis: 30 * second })
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
