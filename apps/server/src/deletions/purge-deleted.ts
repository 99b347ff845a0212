import type { DeletedKind } from '@halyard/contract'
import { sql } from 'kysely'
import { system } from '../access/actor.ts'
import type { Queryable } from '../access/rows.ts'
import { runEdit, type Edit } from '../changes/edit.ts'
import { recordChange } from '../changes/record-change.ts'
import type { Database } from '../runtime/database.ts'
import { restorableSince } from './rules.ts'

interface Stores {
  readonly control: Database
  readonly identities: Database
}

interface Due {
  readonly kind: DeletedKind
  readonly id: number
  readonly project_id: number
  readonly organisation_id: number
}

/**
 * The job that follows deletions when their time is over: ends everything that cannot be restored any more, whichever deletion it
 * was enqueued for. It may stop anywhere and be run again. `now` is the database's, as in the edits that restore.
 */
export async function purgeDeleted({ control, identities }: Stores, now?: Date): Promise<void> {
  const until = restorableSince(now ?? (await databaseTime(control.db)))
  for (;;) {
    const due = await listDue(control.db, until)
    if (due.length === 0) return
    for (const each of due) {
      if (each.kind === 'environment') {
        await forgetIdentities(identities.db, each)
        await emptyEnvironment(control, each)
      }
      await purge(control, each)
    }
  }
}

async function databaseTime(db: Queryable): Promise<Date> {
  const { rows } = await sql<{ now: Date }>`select clock_timestamp() as now`.execute(db)
  const [row] = rows
  if (!row) throw new Error('The database did not tell the time.')
  return row.now
}

/** Environments before the projects they are in, a hundred at a time. */
async function listDue(db: Queryable, until: Date): Promise<Due[]> {
  const { rows } = await sql<Due>`
    select kind, id, project_id, organisation_id from (
      select 1 as turn, 'environment' as kind, e.id, p.id as project_id, p.organisation_id
        from environments e join projects p on p.id = e.project_id join organisations o on o.id = p.organisation_id
       where least(e.deleted_at, p.deleted_at, o.deleted_at) <= ${until}
      union all
      select 2, 'feature', f.id, p.id, p.organisation_id from features f join projects p on p.id = f.project_id where f.deleted_at <= ${until}
      union all
      select 2, 'segment', s.id, p.id, p.organisation_id from segments s join projects p on p.id = s.project_id where s.deleted_at <= ${until}
      union all
      select 3, 'project', p.id, p.id, p.organisation_id from projects p join organisations o on o.id = p.organisation_id
       where least(p.deleted_at, o.deleted_at) <= ${until}
    ) due order by turn, id limit 100`.execute(db)
  return rows
}

const identitiesAtOnce = 1000

// The identity store may be sharded: rows are named by their keys.
export async function forgetIdentities(identities: Queryable, environment: { readonly id: number }): Promise<void> {
  await forgetRows(identities, 'identities', environment)
  await sql`delete from identity_search_queue where environment_id = ${environment.id}`.execute(identities)
  await forgetRows(identities, 'identity_searches', environment)
}

async function forgetRows(
  identities: Queryable,
  table: 'identities' | 'identity_searches',
  environment: { readonly id: number },
): Promise<void> {
  for (;;) {
    const rows = await identities
      .selectFrom(table)
      .select(['bucket', 'identifier'])
      .where('environment_id', '=', environment.id)
      .orderBy('identifier')
      .limit(identitiesAtOnce)
      .execute()
    if (rows.length === 0) return
    await identities
      .deleteFrom(table)
      .where('environment_id', '=', environment.id)
      .where((where) =>
        where(
          where.refTuple('bucket', 'identifier'),
          'in',
          rows.map((row) => where.tuple(row.bucket, row.identifier)),
        ),
      )
      .execute()
  }
}

const rowsAtOnce = 5000

/** What an environment may have very much of, in pieces: overrides, which are configuration, and what was counted and received. */
async function emptyEnvironment(control: Database, due: Due): Promise<void> {
  for (;;) {
    const overrides = await control.db
      .selectFrom('feature_states')
      .select('id')
      .where('environment_id', '=', due.id)
      .where('identifier', 'is not', null)
      .limit(rowsAtOnce)
      .execute()
    if (overrides.length === 0) break
    await editOf(control, due, async (edit) => {
      const ids = overrides.map(({ id }) => id)
      await sql`delete from feature_states where id = any(${ids}::integer[])`.execute(edit.tx)
      await recordPurge(edit, due, { identity_overrides: ids.length })
    })
  }
  await deleteInPieces(control.db, sql`identity_keys`, sql`environment_id = ${due.id}`)
  await deleteInPieces(control.db, sql`sdk_events`, sql`environment_id = ${due.id}`)
  await deleteInPieces(control.db, sql`usage_counts`, sql`environment_id = ${due.id}`)
}

const tables = { project: 'projects', environment: 'environments', feature: 'features', segment: 'segments' } as const

async function purge(control: Database, due: Due): Promise<void> {
  await editOf(control, due, async (edit) => {
    const before = await edit.tx.deleteFrom(tables[due.kind]).where('id', '=', due.id).returningAll().executeTakeFirst()
    await recordPurge(edit, due, before ?? {})
  })
  // The past of what is left must stay readable, and that of a feature or segment belongs to it. Keys stay known for ever, so that
  // nobody else is given one.
  if (due.kind === 'environment')
    await deleteInPieces(
      control.db,
      sql`document_history`,
      sql`project_id = ${due.project_id} and environment_id = ${due.id} and kind <> 'environment'`,
    )
  if (due.kind === 'project') await deleteInPieces(control.db, sql`document_history`, sql`project_id = ${due.id} and kind <> 'environment'`)
}

const editOf = async <T>(control: Database, { project_id: id }: Due, work: (edit: Edit) => Promise<T>): Promise<T> =>
  (await runEdit(control, { actor: system('purge_deleted'), lock: { on: 'project', id } }, work)).done

function recordPurge(edit: Edit, due: Due, before: object): Promise<void> {
  const project = { id: due.project_id, organisation_id: due.organisation_id }
  const environment = due.kind === 'environment' ? { environment: { id: due.id, project_id: due.project_id } } : {}
  return recordChange(edit, { type: `${due.kind}.purged`, project, ...environment, subject: due.id, before })
}

async function deleteInPieces(db: Queryable, table: ReturnType<typeof sql>, where: ReturnType<typeof sql>): Promise<void> {
  for (;;) {
    const { numAffectedRows } = await sql`
      delete from ${table} where ctid in (select ctid from ${table} where ${where} limit ${rowsAtOnce})`.execute(db)
    if (Number(numAffectedRows ?? 0) < rowsAtOnce) return
  }
}
