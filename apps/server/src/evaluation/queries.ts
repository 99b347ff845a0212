import { changes } from '@halyard/contract'
import { sql } from 'kysely'
import * as z from 'zod'
import type { Queryable } from '../access/rows.ts'
import { documentRow, DocumentRows } from './document-rows.ts'
import type { HistoryRow } from './read-rows.ts'

export interface ReadRows {
  readonly rows: DocumentRows
  /** When the document was last changed until the instant asked for. */
  readonly updatedAt: Date
}

const documentChanges = Object.entries(changes).flatMap(([type, kind]) => (kind.touches === 'document' ? [type] : []))

/** Every row that makes an environment's document, in one statement and so of one moment: now, or as they were at an instant. */
export async function readDocumentRows(db: Queryable, environmentId: number, instant?: Date): Promise<ReadRows | undefined> {
  const counted = instant ? sql`h.from_at <= ${instant} and h.until_at > ${instant}` : sql`h.until_at = 'infinity'`
  const { rows } = await sql<HistoryRow>`
    with place as (
      select e.id as environment_id, p.id as project_id, p.organisation_id
        from environments e join projects p on p.id = e.project_id where e.id = ${environmentId}
    )
    select 'revision' as kind, 0 as entity_id, jsonb_build_object('updated_at', r.updated_at) as body
      from place join environment_revisions r using (environment_id)
    union all
    select h.kind, h.entity_id, h.body from place join document_history h on h.kind = 'organisation' and h.entity_id = place.organisation_id where ${counted}
    union all
    select h.kind, h.entity_id, h.body from place join document_history h on h.project_id = place.project_id and h.environment_id is null where ${counted}
    union all
    select h.kind, h.entity_id, h.body from place join document_history h on h.project_id = place.project_id and h.environment_id = place.environment_id
     where ${counted}`.execute(db)
  const found = rows.find((row) => row.kind === 'revision')
  if (!found) return undefined
  const documentRows = new DocumentRows()
  for (const row of rows) if (row !== found) documentRows.put(row.entity_id, documentRow.parse(row))
  const { updated_at: updatedAt } = updatedBody.parse(found.body)
  return { rows: documentRows, updatedAt: instant ? await findUpdatedAt(db, environmentId, instant) : updatedAt }
}

const updatedBody = z.object({ updated_at: z.coerce.date() })

// The change log knows when the document had last changed; the revision row knows only about now.
async function findUpdatedAt(db: Queryable, environmentId: number, instant: Date): Promise<Date> {
  const { rows } = await sql<{ at: Date | null }>`
    select max(c.at) as at
      from environments e join projects p on p.id = e.project_id
      join changes c on c.environment_id = e.id
                     or c.environment_id is null and c.project_id = p.id
                     or c.environment_id is null and c.project_id is null and c.organisation_id = p.organisation_id
     where e.id = ${environmentId} and c.at <= ${instant} and c.type = any(${documentChanges})`.execute(db)
  return rows[0]?.at ?? instant
}

export interface KeyRow {
  readonly key: string
  readonly audience: 'client' | 'server'
  readonly active: boolean
  readonly expiresAt: Date | null
}

/** The keys that open an environment, or may: its client-side key first, those it had before, and server-side ones. */
export async function listKeys(db: Queryable, environmentId: number): Promise<KeyRow[]> {
  const { rows } = await sql<{ key: string; audience: 'client' | 'server'; active: boolean; expires_at: Date | null }>`
    select api_key as key, 'client' as audience, true as active, null::timestamptz as expires_at, 1 as turn from environments where id = ${environmentId}
     union all
    select key, 'client', true, works_until, 2 from former_client_keys where environment_id = ${environmentId}
     union all
    select key, 'server', active, expires_at, 3 from environment_api_keys where environment_id = ${environmentId}
     order by turn`.execute(db)
  return rows.map(({ key, audience, active, expires_at: expiresAt }) => ({ key, audience, active, expiresAt }))
}

/** Which environment a key is of, whatever its state. */
export async function findEnvironmentIdByKey(db: Queryable, key: string): Promise<number | undefined> {
  if (key.startsWith('ser.')) {
    return (await db.selectFrom('environment_api_keys').select('environment_id').where('key', '=', key).executeTakeFirst())?.environment_id
  }
  const current = await db
    .selectFrom('environments')
    .select('id')
    .where('api_key', '=', key)
    .where('deleted_at', 'is', null)
    .executeTakeFirst()
  if (current) return current.id
  return (await db.selectFrom('former_client_keys').select('environment_id').where('key', '=', key).executeTakeFirst())?.environment_id
}

export interface RevisionOf {
  readonly epoch: number
  readonly revision: number
}

/** The revisions of some environments; those that are missing are gone. */
export async function findRevisions(db: Queryable, environmentIds: readonly number[]): Promise<Map<number, RevisionOf>> {
  if (environmentIds.length === 0) return new Map()
  const rows = await db
    .selectFrom('environment_revisions')
    .crossJoin('deployment')
    .select(['environment_id', 'revision', 'epoch'])
    .where('environment_id', 'in', environmentIds)
    .execute()
  return new Map(rows.map((row) => [row.environment_id, row]))
}
