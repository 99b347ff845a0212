import { sql, type Transaction } from 'kysely'
import type { Actor } from '../access/actor.ts'
import type { Database } from '../runtime/database.ts'
import type { SecretKeys } from '../runtime/secrets.ts'
import type { Tables } from '../runtime/tables.ts'

/** One actor, one transaction, one moment. Every statement inside uses `tx`. */
export interface Edit {
  readonly tx: Transaction<Tables>
  readonly actor: Actor
  /** Strictly later than the last edit of the same project, in whole milliseconds: the order of instants is the order of commits. */
  readonly at: Date
  readonly origin: Origin
  /** The installation's keys, which are not in the database. */
  readonly secretKeys: SecretKeys | undefined
  /** Environments whose revision this edit raised, with the revision; filled by `recordChange`. */
  readonly raised: Map<number, number>
}

/** Where a request came from, for the change log. */
export interface Origin {
  readonly requestId: string | null
  readonly address: string | null
  readonly userAgent: string | null
}

const nowhere: Origin = { requestId: null, address: null, userAgent: null }

/** What an edit keeps others from editing meanwhile. An organisation-wide edit that decides flags holds all its projects. */
export type EditLock =
  | { readonly on: 'project'; readonly id: number }
  | { readonly on: 'organisation'; readonly id: number; readonly withProjects: boolean }
  | { readonly on: 'nothing' }

export interface EditOptions {
  readonly actor: Actor
  readonly lock: EditLock
  readonly origin?: Origin
}

/** Runs `work` as one edit and commits it; answers with the environments it touched. */
export async function runEdit<T>(
  control: Database,
  options: EditOptions,
  work: (edit: Edit) => Promise<T>,
): Promise<{ done: T; raised: ReadonlyMap<number, number> }> {
  return control.transaction(async (tx) => {
    const at = await lockAndTakeInstant(tx, options.lock)
    const raised = new Map<number, number>()
    const origin = options.origin ?? nowhere
    const done = await work({ tx, actor: options.actor, at, origin, raised, secretKeys: control.secretKeys })
    return { done, raised }
  })
}

async function lockAndTakeInstant(tx: Transaction<Tables>, lock: EditLock): Promise<Date> {
  const last = await lockRows(tx, lock)
  const { rows } = await sql<{ at: Date }>`
    select greatest(date_trunc('milliseconds', clock_timestamp()), ${last}::timestamptz + interval '1 millisecond') as at`.execute(tx)
  const [row] = rows
  if (!row) throw new Error('The database did not tell the time.')
  await sql`select set_config('halyard.edit_at', ${row.at.toISOString()}, true)`.execute(tx)
  return row.at
}

async function lockRows(tx: Transaction<Tables>, lock: EditLock): Promise<Date | null> {
  if (lock.on === 'nothing') return null
  if (lock.on === 'project') {
    const project = await tx.selectFrom('projects').select('changed_at').where('id', '=', lock.id).forNoKeyUpdate().executeTakeFirst()
    return project?.changed_at ?? null
  }
  await tx.selectFrom('organisations').select('id').where('id', '=', lock.id).forNoKeyUpdate().execute()
  if (!lock.withProjects) return null
  const projects = await tx
    .selectFrom('projects')
    .select('changed_at')
    .where('organisation_id', '=', lock.id)
    .orderBy('id')
    .forNoKeyUpdate()
    .execute()
  return projects.reduce<Date | null>((latest, { changed_at }) => (latest && latest > changed_at ? latest : changed_at), null)
}
