import { sql } from 'kysely'
import * as z from 'zod'
import type { Queryable } from '../access/rows.ts'
import { documentKind, documentRow, type DocumentRows } from './document-rows.ts'

/** A row of the history as it is stored; without a body, it is gone. */
export interface HistoryRow {
  readonly kind: string
  readonly entity_id: number
  readonly body: unknown
}

/** Where an environment is, and the last edit of anything that it is made of. */
export interface Place {
  readonly environmentId: number
  readonly projectId: number
  /** Edits of a project are in the order of their instants, so whatever is committed after this was read has a later one. */
  readonly changedAt: Date
}

export async function findPlace(db: Queryable, environmentId: number): Promise<Place | undefined> {
  const found = await db
    .selectFrom('environments')
    .innerJoin('projects', 'projects.id', 'environments.project_id')
    .select(['projects.id as projectId', 'projects.changed_at as changedAt'])
    .where('environments.id', '=', environmentId)
    .executeTakeFirst()
  return found && { environmentId, ...found }
}

// So many are parsed within milliseconds: requests are answered between one page and the next.
const pageRows = 500

/**
 * Reads every row of the environment and its project, page by page: not of one moment, so `readChanges` since the place was
 * found has to follow. What it misses or reads too late was changed meanwhile.
 */
export async function readPages(db: Queryable, place: Place, rows: DocumentRows): Promise<void> {
  // Of the project first: environments' rows mean nothing without.
  for (const environmentId of [null, place.environmentId]) {
    let last: Pick<HistoryRow, 'kind' | 'entity_id'> | undefined = { kind: '', entity_id: 0 }
    while (last) {
      const page: HistoryRow[] = await readPage(db, { ...place, environmentId }, last)
      for (const row of page) rows.put(row.entity_id, documentRow.parse(row))
      last = page[pageRows - 1]
    }
  }
}

async function readPage(
  db: Queryable,
  { projectId, environmentId }: { projectId: number; environmentId: number | null },
  after: Pick<HistoryRow, 'kind' | 'entity_id'>,
): Promise<HistoryRow[]> {
  const ofEnvironment = environmentId === null ? sql`environment_id is null` : sql`environment_id = ${environmentId}`
  const { rows } = await sql<HistoryRow>`
    select kind, entity_id, body from document_history
     where project_id = ${projectId} and ${ofEnvironment} and until_at = 'infinity'
       and (kind, entity_id) > (${after.kind}, ${after.entity_id})
     order by environment_id, kind, entity_id limit ${pageRows}`.execute(db)
  return rows
}

/** Which revision of an environment was read, and when its project was last edited. */
export interface ReadRevision {
  readonly epoch: number
  readonly revision: number
  readonly updatedAt: Date
  readonly previousUpdatedAt: Date | undefined
  readonly streamedAt: Date
  readonly changedAt: Date
}

const revisionBody = z
  .object({
    epoch: z.int(),
    revision: z.int(),
    updated_at: z.coerce.date(),
    previous_updated_at: z.coerce.date().nullable(),
    streamed_at: z.coerce.date(),
    changed_at: z.coerce.date(),
  })
  .transform((body): ReadRevision => ({
    epoch: body.epoch,
    revision: body.revision,
    updatedAt: body.updated_at,
    previousUpdatedAt: body.previous_updated_at ?? undefined,
    streamedAt: body.streamed_at,
    changedAt: body.changed_at,
  }))

export interface ReadChanges {
  readonly revision: ReadRevision
  readonly rows: readonly HistoryRow[]
}

/**
 * What was written since an instant, with the revision it makes, in one statement and so of one moment. The organisation comes
 * along always: it is edited without its projects where that decides no flags.
 */
export async function readChanges(db: Queryable, { environmentId, projectId, changedAt }: Place): Promise<ReadChanges | undefined> {
  const { rows } = await sql<HistoryRow>`
    with place as (
      select e.id as environment_id, p.organisation_id, p.changed_at
        from environments e join projects p on p.id = e.project_id where e.id = ${environmentId}
    )
    select 'revision' as kind, 0 as entity_id,
           jsonb_build_object('epoch', d.epoch, 'revision', r.revision, 'updated_at', r.updated_at, 'previous_updated_at', r.previous_updated_at,
                              'streamed_at', r.streamed_at, 'changed_at', place.changed_at) as body
      from place join environment_revisions r using (environment_id) cross join deployment d
    union all
    select h.kind, h.entity_id, h.body from place join document_history h on h.kind = 'organisation' and h.entity_id = place.organisation_id
     where h.until_at = 'infinity'
    union all
    select kind, entity_id, body from document_history
     where project_id = ${projectId} and environment_id is null and from_at > ${changedAt} and until_at = 'infinity'
    union all
    select kind, entity_id, body from document_history
     where project_id = ${projectId} and environment_id = ${environmentId} and from_at > ${changedAt} and until_at = 'infinity'
    union all
    select kind, entity_id, null from document_history h
     where project_id = ${projectId} and (environment_id is null or environment_id = ${environmentId})
       and until_at > ${changedAt} and until_at < 'infinity'
       and not exists (select from document_history n where n.kind = h.kind and n.entity_id = h.entity_id and n.until_at = 'infinity')`.execute(
    db,
  )
  const found = rows.find((row) => row.kind === 'revision')
  return found && { revision: revisionBody.parse(found.body), rows: rows.filter((row) => row !== found) }
}

export function applyChanges(rows: DocumentRows, changed: readonly HistoryRow[]): void {
  for (const row of changed) {
    if (row.body === null) rows.remove(documentKind.parse(row.kind), row.entity_id)
    else rows.put(row.entity_id, documentRow.parse(row))
  }
}
