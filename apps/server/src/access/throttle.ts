import { throttled } from '@halyard/contract'
import { sql } from 'kysely'
import { hashKey } from '../runtime/secrets.ts'
import type { Queryable } from './rows.ts'

/** The first attempts are free; from then on each waits twice as long as the one before. */
interface Patience {
  readonly free: number
  readonly firstDelaySeconds: number
  readonly delaySecondsMax: number
  readonly memorySeconds: number
}

const hour = 3600
const patience = {
  password: { free: 10, firstDelaySeconds: 2, delaySecondsMax: hour / 4, memorySeconds: 24 * hour },
  code: { free: 5, firstDelaySeconds: 2, delaySecondsMax: hour / 4, memorySeconds: 24 * hour },
  'reset mail': { free: 5, firstDelaySeconds: 24 * hour, delaySecondsMax: 24 * hour, memorySeconds: 24 * hour },
  // A mail for somebody else: by a caller, into an organisation, and to one address.
  inviting: { free: 100, firstDelaySeconds: 60, delaySecondsMax: hour, memorySeconds: hour },
  'inviting into': { free: 500, firstDelaySeconds: 60, delaySecondsMax: hour, memorySeconds: 24 * hour },
  'being invited': { free: 5, firstDelaySeconds: hour, delaySecondsMax: 24 * hour, memorySeconds: 24 * hour },
} as const satisfies Record<string, Patience>

export type Attempted = keyof typeof patience

/**
 * Counts an attempt against an account before it is looked at, over all processes; 429 with the time to wait when it comes too soon.
 * Counted outside of edits, so that what fails counts. Without the database nothing is looked at.
 */
export async function takeAttempt(db: Queryable, what: Attempted, account: string | number): Promise<void> {
  const { free, firstDelaySeconds, delaySecondsMax, memorySeconds } = patience[what]
  const subject = subjectOf(what, account)
  const taken = await sql`
    with forgotten as (
      delete from attempts where subject_hash in (
        select subject_hash from attempts
         where forgotten_at < clock_timestamp() and subject_hash <> ${subject} limit 10 for update skip locked))
    insert into attempts as known (subject_hash, taken, open_at, forgotten_at)
    values (${subject}, 1, clock_timestamp(), clock_timestamp() + make_interval(secs => ${memorySeconds}))
    on conflict (subject_hash) do update
      set taken = case when known.forgotten_at < clock_timestamp() then 1 else known.taken + 1 end,
          open_at = clock_timestamp() + make_interval(secs => case
            when known.forgotten_at < clock_timestamp() or known.taken + 1 < ${free} then 0
            else least(${firstDelaySeconds} * power(2, least(known.taken + 1 - ${free}, 30)), ${delaySecondsMax}) end),
          forgotten_at = clock_timestamp() + make_interval(secs => ${memorySeconds})
      where known.open_at <= clock_timestamp()
    returning taken`.execute(db)
  if (taken.rows.length === 0) throw throttled(await secondsUntilOpen(db, subject))
}

/** After an attempt that was right. */
export const forgetAttempts = async (db: Queryable, what: Attempted, account: string | number): Promise<void> => {
  await db.deleteFrom('attempts').where('subject_hash', '=', subjectOf(what, account)).execute()
}

const subjectOf = (what: Attempted, account: string | number): Buffer => hashKey(`${what}: ${account}`)

async function secondsUntilOpen(db: Queryable, subject: Buffer): Promise<number> {
  const { rows } = await sql<{ seconds: number }>`
    select extract(epoch from open_at - clock_timestamp())::float8 as seconds from attempts where subject_hash = ${subject}`.execute(db)
  return rows[0]?.seconds ?? 0
}
