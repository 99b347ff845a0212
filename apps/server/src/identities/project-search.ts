import { setTimeout as pause } from 'node:timers/promises'
import { sql, type Transaction } from 'kysely'
import type { Database } from '../runtime/database.ts'
import type { Log } from '../runtime/runtime.ts'
import type { Tables } from '../runtime/tables.ts'
import { readTraits, type IdentityKey } from './rules.ts'
import { foldedNames, searchTerms, termsVersion } from './search-terms.ts'

export interface SearchProjection {
  /** Resolves when nothing of it is under way. */
  stop(): Promise<void>
}

const pollMs = 500
// A batch holds the only session of the embedded database for as long as it takes.
const batchMax = { server: 500, embedded: 100 } as const
const walkMax = 5000

/** Keeps the search a moment behind the identities: makes anew what the queue names, and once all there is for another version of the terms. */
export function startSearchProjection(identities: Database, log: Log): SearchProjection {
  const stopped = new AbortController()
  let isWalked = false
  const run = async () => {
    while (!stopped.signal.aborted) {
      try {
        if (await drainQueue(identities)) continue
        const isIdle = isWalked
        isWalked ||= await walkOn(identities)
        if (isIdle) await pause(pollMs, undefined, { signal: stopped.signal })
      } catch (error) {
        if (stopped.signal.aborted) return
        log.warn({ err: error }, 'the search of identities is not filled just now')
        await pause(10 * pollMs, undefined, { signal: stopped.signal }).catch(() => undefined)
      }
    }
  }
  const running = run()
  return {
    async stop() {
      stopped.abort()
      await running
    },
  }
}

interface Queued {
  readonly environment_id: number
  readonly bucket: number
  readonly identifier: string
  /** Null for who is not there any more. */
  readonly id: number | null
  readonly traits: unknown
  readonly dashboard_alias: string | null
}

/** Works off the front of the queue; whether there is more. */
export async function drainQueue(identities: Database): Promise<boolean> {
  const { rowCount } = await identities.pool.query('select from identity_search_queue limit 1')
  if (rowCount === 0) return false
  const limit = identities.embedded ? batchMax.embedded : batchMax.server
  return identities.transaction(async (tx) => {
    if (!(await isAlone(tx))) return false
    const { taken, rows } = await take(tx, limit)
    await put(tx, rows)
    return taken === limit
  })
}

/** One at a time: of two that made the same identity anew, the one that read it earlier could write later. */
async function isAlone(tx: Transaction<Tables>): Promise<boolean> {
  const { rows } = await sql<{ alone: boolean }>`select pg_try_advisory_xact_lock(hashtext('halyard identity search')) as alone`.execute(tx)
  return rows[0]?.alone ?? false
}

// What is queued was committed together with the identity, so that one statement that sees the one sees the other.
async function take(tx: Transaction<Tables>, limit: number): Promise<{ taken: number; rows: readonly Queued[] }> {
  const { rows } = await sql<Queued & { taken: number }>`
    with taken as (
      delete from identity_search_queue where ctid = any (array(select ctid from identity_search_queue limit ${limit}))
      returning environment_id, bucket, identifier
    )
    select distinct on (environment_id, identifier) taken.*, i.id, i.traits, i.dashboard_alias, (select count(*) from taken) as taken
      from taken left join identities i using (environment_id, identifier, bucket)
     order by environment_id, identifier`.execute(tx)
  return { taken: rows[0]?.taken ?? 0, rows }
}

async function put(tx: Transaction<Tables>, rows: readonly Queued[]): Promise<void> {
  const gone = rows.filter(({ id }) => id === null)
  if (gone.length > 0) {
    await sql`
      delete from identity_searches as s
       using unnest(${gone.map((row) => row.environment_id)}::integer[], ${gone.map((row) => row.bucket)}::smallint[],
                    ${gone.map((row) => row.identifier)}::text[]) as k (environment_id, bucket, identifier)
       where s.environment_id = k.environment_id and s.identifier = k.identifier and s.bucket = k.bucket`.execute(tx)
  }
  const there = rows.filter(({ id }) => id !== null)
  if (there.length === 0) return
  const searchable = there.map((row) => ({ identifier: row.identifier, alias: row.dashboard_alias, traits: readTraits(row.traits) }))
  await sql`
    insert into identity_searches as s (environment_id, bucket, identifier, id, folded, terms)
    select k.environment_id, k.bucket, k.identifier, k.id, k.folded, k.terms::bigint[]
      from unnest(${there.map((row) => row.environment_id)}::integer[], ${there.map((row) => row.bucket)}::smallint[],
                  ${there.map((row) => row.identifier)}::text[], ${there.map((row) => row.id)}::bigint[],
                  ${searchable.map(foldedNames)}::text[],
                  ${there.map((row, index) => termsOf(row, searchable[index]))}::text[])
        as k (environment_id, bucket, identifier, id, folded, terms)
    on conflict (environment_id, identifier, bucket) do update set folded = excluded.folded, terms = excluded.terms
     where (s.folded, s.terms) is distinct from (excluded.folded, excluded.terms)`.execute(tx)
}

/** As PostgreSQL writes an array: an array of arrays of different lengths cannot be bound. */
const termsOf = (row: Queued, searchable: Parameters<typeof searchTerms>[1] | undefined): string =>
  `{${searchable ? searchTerms(row.environment_id, searchable).join(',') : ''}}`

/**
 * Removes an identity that was there at an instant, and all that the search knows of it. Nobody fills the search meanwhile; who came
 * since is put into it anew.
 */
export async function forgetIdentity(identities: Database, { environmentId, bucket, identifier }: IdentityKey, until: Date): Promise<void> {
  const own = sql`environment_id = ${environmentId} and bucket = ${bucket} and identifier = ${identifier}`
  await identities.transaction(async (tx) => {
    await sql`select pg_advisory_xact_lock(hashtext('halyard identity search'))`.execute(tx)
    await sql`delete from identities where ${own} and created_at <= ${until}`.execute(tx)
    await sql`delete from identity_searches where ${own}`.execute(tx)
    await sql`delete from identity_search_queue where ${own}`.execute(tx)
    await sql`insert into identity_search_queue select environment_id, bucket, identifier from identities where ${own}`.execute(tx)
  })
}

/** Queues the next ones of all identities, unless that was done for these terms; whether it is done. */
export async function walkOn(identities: Database): Promise<boolean> {
  return identities.transaction(async (tx) => {
    if (!(await isAlone(tx))) return true
    const walk = await tx
      .insertInto('identity_search_walks')
      .values({ version: termsVersion, environment_id: 0, identifier: '' })
      .onConflict((conflict) => conflict.columns(['bucket', 'version']).doUpdateSet({ version: termsVersion }))
      .returningAll()
      .executeTakeFirstOrThrow()
    if (walk.is_finished) return true
    const { rows } = await sql<{ environment_id: number; identifier: string; queued: number }>`
      with next as (
        select environment_id, bucket, identifier from identities
         where (environment_id, identifier) > (${walk.environment_id}, ${walk.identifier})
         order by environment_id, identifier limit ${walkMax}
      ), queued as (
        insert into identity_search_queue select environment_id, bucket, identifier from next
      )
      select environment_id, identifier, count(*) over () as queued from next order by environment_id desc, identifier desc limit 1`.execute(
      tx,
    )
    const [last] = rows
    await tx
      .updateTable('identity_search_walks')
      .set(last ? { environment_id: last.environment_id, identifier: last.identifier } : { is_finished: true })
      .where('version', '=', termsVersion)
      .execute()
    return last === undefined
  })
}
