import type { Database } from './database.ts'

/** A job in the hands of this process, for as long as its lease lasts. */
export interface LeasedJob {
  readonly id: number
  readonly name: string
  readonly payload: unknown
  /** Counts from 1. */
  readonly attempt: number
  readonly token: string
}

/** A worker that dies is noticed after this; one that lives renews in time. */
export const leaseSeconds = 60
export const maxAttempts = 10

// Statements of their own rather than transactions: each is one, and the embedded database has one session to share.
const claimStatement = {
  name: 'jobs-claim',
  text: `
    update jobs
       set lease_token = gen_random_uuid(), leased_until = clock_timestamp() + make_interval(secs => $3), attempts = attempts + 1
     where id in (
       select id from jobs
        where name = any($1) and failed_at is null and attempts < ${maxAttempts}
          and (lease_token is null and run_at <= clock_timestamp() or leased_until < clock_timestamp())
        order by run_at, id
        limit $2
          for update skip locked)
    returning id, name, payload, attempts as attempt, lease_token as token`,
}

const waitStatement = {
  name: 'jobs-wait',
  text: `
    select extract(epoch from min(case when lease_token is null then run_at else leased_until end) - clock_timestamp()) * 1000 as ms
      from jobs where name = any($1) and failed_at is null and attempts < ${maxAttempts}`,
}

/** Takes up to `limit` due jobs of the given names; also those whose worker stopped before it was done. */
export async function claimJobs({ pool }: Database, names: readonly string[], limit: number): Promise<LeasedJob[]> {
  const { rows } = await pool.query<LeasedJob>({ ...claimStatement, values: [names, limit, leaseSeconds] })
  return rows.sort((one, other) => one.id - other.id)
}

/** How long until the next job is due; undefined when none waits. */
export async function msUntilNextJob({ pool }: Database, names: readonly string[]): Promise<number | undefined> {
  const { rows } = await pool.query<{ ms: number | null }>({ ...waitStatement, values: [names] })
  return rows[0]?.ms ?? undefined
}

/** Answers with the tokens that still count. */
export async function renewLeases({ pool }: Database, tokens: readonly string[]): Promise<Set<string>> {
  const text = `
    update jobs set leased_until = clock_timestamp() + make_interval(secs => $2)
     where lease_token = any($1)
    returning lease_token as token`
  const { rows } = await pool.query<{ token: string }>({ name: 'jobs-renew', text, values: [tokens, leaseSeconds] })
  return new Set(rows.map((row) => row.token))
}

/** Whether the job was still this worker's. */
export async function finishJob({ pool }: Database, job: LeasedJob): Promise<boolean> {
  const finished = await pool.query({
    name: 'jobs-finish',
    text: 'delete from jobs where id = $1 and lease_token = $2',
    values: [job.id, job.token],
  })
  return finished.rowCount === 1
}

/** Puts a job back to run again after a while; unless the same was enqueued meanwhile, which will do. */
export async function retryJob({ pool }: Database, job: LeasedJob, retry: { error: string; afterSeconds: number }): Promise<boolean> {
  const statement = {
    name: 'jobs-retry',
    text: `
      with repeated as (
        delete from jobs as failed using jobs as waiting
         where failed.id = $1 and failed.lease_token = $2
           and waiting.name = failed.name and waiting.key = failed.key and waiting.lease_token is null and waiting.failed_at is null
        returning failed.id
      ), put_back as (
        update jobs set lease_token = null, leased_until = null, last_error = $3, run_at = clock_timestamp() + make_interval(secs => $4)
         where id = $1 and lease_token = $2 and not exists (select from repeated)
        returning id
      )
      select id from repeated union all select id from put_back`,
    values: [job.id, job.token, retry.error, retry.afterSeconds],
  }
  const put = await pool.query(statement).catch((error: unknown) => {
    // Enqueued between the two halves: now it is there to be seen.
    if (isUniqueViolation(error)) return pool.query(statement)
    throw error
  })
  return put.rowCount === 1
}

/** Gives a job up. It stays, with the reason, until somebody decides. */
export async function buryJob({ pool }: Database, job: LeasedJob, error: string): Promise<boolean> {
  const text = `
    update jobs set lease_token = null, leased_until = null, failed_at = clock_timestamp(), last_error = $3
     where id = $1 and lease_token = $2`
  const buried = await pool.query({ name: 'jobs-bury', text, values: [job.id, job.token, error] })
  return buried.rowCount === 1
}

/** Gives up jobs that ended every worker that tried them. Answers with their ids. */
export async function buryAbandonedJobs({ pool }: Database, names: readonly string[]): Promise<number[]> {
  const text = `
    update jobs
       set lease_token = null, leased_until = null, failed_at = clock_timestamp(),
           last_error = coalesce(last_error || E'\\n', '') || 'Its worker stopped before it was done, at attempt ' || attempts || '.'
     where name = any($1) and failed_at is null and attempts >= ${maxAttempts} and leased_until < clock_timestamp()
    returning id`
  const { rows } = await pool.query<{ id: number }>({ name: 'jobs-bury-abandoned', text, values: [names] })
  return rows.map((row) => row.id)
}

function isUniqueViolation(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === '23505'
}
