import { setTimeout as pause } from 'node:timers/promises'
import { sql, type Transaction } from 'kysely'
import type { Logger } from 'pino'
import type { Database } from './database.ts'
import {
  buryAbandonedJobs,
  buryJob,
  claimJobs,
  finishJob,
  leaseSeconds,
  maxAttempts,
  msUntilNextJob,
  renewLeases,
  retryJob,
  type LeasedJob,
} from './job-queue.ts'
import type { Tables } from './tables.ts'

export interface JobRequest {
  readonly name: string
  /** Anything JSON can hold. */
  readonly payload: unknown
  /** By the database's clock; at once when absent. */
  readonly runAt?: Date
  /**
   * Of the jobs with one name and key, one waits: this request joins it, with the newer payload and the earlier time. A job that is
   * running does not count, because it may have read what this transaction is about to change.
   */
  readonly key?: string
}

/** Wakes the workers of every process. Lost ones are made up for by polling. */
export const jobsChannel = 'halyard_jobs'

/**
 * Enqueues a job in the transaction: it runs if and only if the transaction commits, at least once. Two transactions that enqueue
 * the same key wait for each other, so enqueue keyed jobs last, and in one order.
 */
export async function enqueue(tx: Transaction<Tables>, { name, payload, runAt, key }: JobRequest): Promise<void> {
  // `do update` rather than `do nothing`: it locks the waiting job, so that no worker runs it before this transaction has committed.
  await sql`
    with enqueued as (
      insert into jobs as waiting (name, payload, key, run_at)
      values (${name}, ${JSON.stringify(payload)}::jsonb, ${key ?? null}, coalesce(${runAt ?? null}::timestamptz, clock_timestamp()))
      on conflict (name, key) where key is not null and lease_token is null and failed_at is null
      do update set payload = excluded.payload, run_at = least(waiting.run_at, excluded.run_at)
      returning id
    )
    select pg_notify(${jobsChannel}, '') from enqueued`.execute(tx)
}

export interface RunningJob {
  readonly id: number
  /** Counts from 1; a job may run more than once even if it never fails. */
  readonly attempt: number
  /** Aborted when the job was given to another worker, because this process was stopped or cut off for too long. */
  readonly signal: AbortSignal
}

/** Works outside any transaction, is safe to repeat, and throws to be tried again later. */
export type JobHandler = (payload: unknown, job: RunningJob) => Promise<void>

export interface WorkerOptions {
  readonly log: Logger
  readonly now: () => Date
  readonly concurrency?: number
  readonly pollMs?: number
  readonly retryDelaySeconds?: (attempt: number) => number
}

export interface JobWorker {
  /** Resolves when notifications wake this worker. It works before, by polling. */
  readonly listening: Promise<void>
  /** Takes no more jobs and waits for the ones it has. */
  stop(): Promise<void>
}

/** Runs the jobs that have a handler here; jobs of other names are left for processes that know them. */
export function startWorker(database: Database, handlers: Readonly<Record<string, JobHandler>>, options: WorkerOptions): JobWorker {
  return new PollingWorker(database, handlers, options)
}

const second = 1_000
// A job that somebody else is taking just now looks due.
const shortestWaitMs = 50

class PollingWorker implements JobWorker {
  readonly listening: Promise<void>
  readonly #database: Database
  readonly #handlers: Readonly<Record<string, JobHandler>>
  readonly #names: readonly string[]
  readonly #options: Required<WorkerOptions>
  readonly #running = new Map<string, { done: Promise<void>; lease: AbortController }>()
  readonly #stopping = new AbortController()
  readonly #upkeep: NodeJS.Timeout
  readonly #loop: Promise<void>
  #alarm = new AbortController()

  constructor(database: Database, handlers: Readonly<Record<string, JobHandler>>, options: WorkerOptions) {
    this.#database = database
    this.#handlers = handlers
    this.#names = Object.keys(handlers)
    this.#options = { concurrency: 4, pollMs: 5 * second, retryDelaySeconds: exponentialDelay, ...options }
    const wake = () => this.#alarm.abort()
    this.listening = database.listen(jobsChannel, { onPayload: wake, onReconnected: wake })
    this.listening.catch((error: unknown) => options.log.warn({ err: error }, 'jobs are found by polling alone'))
    this.#upkeep = setInterval(() => void this.#keepUp(), (leaseSeconds / 3) * second)
    this.#loop = this.#work()
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    this.#alarm.abort()
    await this.#loop
    await Promise.all([...this.#running.values()].map(({ done }) => done))
    clearInterval(this.#upkeep)
  }

  async #work(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      // Set before looking: what arrives while we look wakes us at once.
      this.#alarm = new AbortController()
      const waitMs = await this.#claim().catch((error: unknown) => {
        this.#options.log.warn({ err: error }, 'jobs could not be claimed')
        return this.#options.pollMs
      })
      if (!this.#stopping.signal.aborted) await pause(waitMs, undefined, { signal: this.#alarm.signal }).catch(() => undefined)
    }
  }

  /** Starts what is due, as far as there is room, and answers how long to wait before looking again. */
  async #claim(): Promise<number> {
    const room = this.#options.concurrency - this.#running.size
    // A job that ends wakes us.
    if (room === 0) return this.#options.pollMs
    const jobs = await claimJobs(this.#database, this.#names, room)
    for (const job of jobs) this.#start(job)
    if (jobs.length === room) return this.#options.pollMs
    const nextMs = await msUntilNextJob(this.#database, this.#names)
    return Math.min(this.#options.pollMs, Math.max(shortestWaitMs, nextMs ?? Infinity))
  }

  #start(job: LeasedJob): void {
    const lease = new AbortController()
    const done = this.#run(job, lease.signal).finally(() => {
      this.#running.delete(job.token)
      this.#alarm.abort()
    })
    this.#running.set(job.token, { done, lease })
  }

  async #run(job: LeasedJob, signal: AbortSignal): Promise<void> {
    const { log, now } = this.#options
    const started = now().getTime()
    const about = { job: job.name, id: job.id, attempt: job.attempt }
    const failure = await this.#attempt(job, signal)
    const settle = () => (failure === undefined ? finishJob(this.#database, job) : this.#settleFailure(job, failure))
    try {
      const ours = await persist(settle)
      const outcome = { ...about, ms: now().getTime() - started }
      if (!ours) log.warn(outcome, 'job ended after its lease: another worker has it')
      else if (failure === undefined) log.debug(outcome, 'job done')
      else log.warn({ ...outcome, err: failure.error, final: job.attempt >= maxAttempts }, 'job failed')
    } catch (error) {
      log.error({ ...about, err: error }, 'job ended but could not be marked: it runs again when its lease ends')
    }
  }

  async #attempt(job: LeasedJob, signal: AbortSignal): Promise<{ error: unknown } | undefined> {
    try {
      const handler = this.#handlers[job.name]
      if (handler === undefined) throw new Error(`No handler for jobs named ${job.name}.`)
      await handler(job.payload, { id: job.id, attempt: job.attempt, signal })
      return undefined
    } catch (error) {
      return { error }
    }
  }

  #settleFailure(job: LeasedJob, failure: { error: unknown }): Promise<boolean> {
    const error = describe(failure.error)
    if (job.attempt >= maxAttempts) return buryJob(this.#database, job, error)
    return retryJob(this.#database, job, { error, afterSeconds: this.#options.retryDelaySeconds(job.attempt) })
  }

  async #keepUp(): Promise<void> {
    try {
      const tokens = [...this.#running.keys()]
      if (tokens.length > 0) {
        const renewed = await renewLeases(this.#database, tokens)
        for (const token of tokens) if (!renewed.has(token)) this.#running.get(token)?.lease.abort()
      }
      const buried = await buryAbandonedJobs(this.#database, this.#names)
      if (buried.length > 0) this.#options.log.error({ ids: buried }, 'jobs given up: every worker that tried them stopped')
    } catch (error) {
      this.#options.log.warn({ err: error }, 'job leases could not be renewed')
    }
  }
}

/** 5 s, 15 s, 45 s … an hour, each between half and all of it: what failed together must not come back together. */
function exponentialDelay(attempt: number): number {
  return Math.min(5 * 3 ** (attempt - 1), 3_600) * (0.5 + Math.random() / 2)
}

const persistAttempts = 5

/** The work is done: a database that is away for a moment must not have it done again. */
async function persist<T>(mark: () => Promise<T>): Promise<T> {
  for (let tried = 1; ; tried += 1) {
    try {
      return await mark()
    } catch (error) {
      if (tried === persistAttempts) throw error
      await pause(second)
    }
  }
}

function describe(error: unknown): string {
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
  // PostgreSQL text holds no NUL.
  return text.replaceAll('\0', '').slice(0, 4_000)
}
