import { changes } from '@halyard/contract'
import { sql } from 'kysely'
import * as z from 'zod'
import type { Queryable } from '../access/rows.ts'
import { documentRow, type DocumentRow } from './document-rows.ts'

export interface ReadRows {
  readonly rows: DocumentRow[]
  readonly epoch: number
  readonly revision: number
  readonly updatedAt: Date
  readonly previousUpdatedAt: Date | undefined
  readonly streamedAt: Date
}

const revisionBody = z.object({
  epoch: z.int(),
  revision: z.int(),
  updated_at: z.coerce.date(),
  previous_updated_at: z.coerce.date().nullable(),
  streamed_at: z.coerce.date(),
})

const documentChanges = Object.entries(changes).flatMap(([type, kind]) => (kind.touches === 'document' ? [type] : []))

/**
 * Every row that makes an environment's document, with its revision, in one statement and so of one moment. With an instant:
 * as they were then, `updatedAt` being the last change until then.
 */
export async function readDocumentRows(db: Queryable, environmentId: number, instant?: Date): Promise<ReadRows | undefined> {
  const counted = instant ? sql`h.from_at <= ${instant} and h.until_at > ${instant}` : sql`h.until_at = 'infinity'`
  const { rows } = await sql<{ kind: string; body: unknown }>`
    with place as (
      select e.id as environment_id, p.id as project_id, p.organisation_id
        from environments e join projects p on p.id = e.project_id where e.id = ${environmentId}
    )
    select 'revision' as kind,
           jsonb_build_object('epoch', d.epoch, 'revision', r.revision, 'updated_at', r.updated_at,
                              'previous_updated_at', r.previous_updated_at, 'streamed_at', r.streamed_at) as body
      from place join environment_revisions r using (environment_id) cross join deployment d
    union all
    select h.kind, h.body from place join document_history h on h.kind = 'organisation' and h.entity_id = place.organisation_id where ${counted}
    union all
    select h.kind, h.body from place join document_history h on h.project_id = place.project_id and h.environment_id is null where ${counted}
    union all
    select h.kind, h.body from place join document_history h on h.project_id = place.project_id and h.environment_id = place.environment_id
     where ${counted}`.execute(db)
  const found = rows.find((row) => row.kind === 'revision')
  if (!found) return undefined
  const revision = revisionBody.parse(found.body)
  return {
    rows: rows.filter((row) => row !== found).map((row) => documentRow.parse(row)),
    epoch: revision.epoch,
    revision: revision.revision,
    updatedAt: instant ? await findUpdatedAt(db, environmentId, instant) : revision.updated_at,
    previousUpdatedAt: revision.previous_updated_at ?? undefined,
    streamedAt: revision.streamed_at,
  }
}

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
  readonly active: boolean
  readonly expiresAt: Date | null
}

/** The server-side keys of an environment. */
export async function listServerKeys(db: Queryable, environmentId: number): Promise<KeyRow[]> {
  const rows = await db
    .selectFrom('environment_api_keys')
    .select(['key', 'active', 'expires_at'])
    .where('environment_id', '=', environmentId)
    .execute()
  return rows.map((row) => ({ key: row.key, active: row.active, expiresAt: row.expires_at }))
}

/** Which environment a key is of, whatever its state. */
export async function findEnvironmentIdByKey(db: Queryable, key: string): Promise<number | undefined> {
  if (key.startsWith('ser.')) {
    return (await db.selectFrom('environment_api_keys').select('environment_id').where('key', '=', key).executeTakeFirst())?.environment_id
  }
  return (await db.selectFrom('environments').select('id').where('api_key', '=', key).where('deleted_at', 'is', null).executeTakeFirst())
    ?.id
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
