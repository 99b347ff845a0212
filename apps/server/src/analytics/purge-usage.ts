import { sql, type RawBuilder } from 'kysely'
import type { Database } from '../runtime/database.ts'

/** Ends usage and events that are older than this; when features were first and last evaluated stays. */
export async function purgeUsage(control: Database, days: number): Promise<void> {
  const until = sql`clock_timestamp() - make_interval(days => ${days})`
  await deleteInPieces(control, sql`usage_counts`, sql`hour < ${until}`)
  await deleteInPieces(control, sql`sdk_events`, sql`received_at < ${until}`)
}

async function deleteInPieces({ db }: Database, table: RawBuilder<unknown>, where: RawBuilder<unknown>): Promise<void> {
  for (;;) {
    // By where rows lie: neither table has an index for this, which is asked once a day.
    const purged = await sql`delete from ${table} where ctid = any(array(select ctid from ${table} where ${where} limit 5000))`.execute(db)
    if ((purged.numAffectedRows ?? 0n) === 0n) return
  }
}
