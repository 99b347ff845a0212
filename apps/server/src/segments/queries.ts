import { segmentRule, type SegmentRule } from '@halyard/contract'
import { sql } from 'kysely'
import * as z from 'zod'
import type { ProjectRow, Queryable } from '../access/rows.ts'
import type { SegmentUse } from './rules.ts'
import { findSegment, type SegmentRow as StoredSegment } from '../feature-states/queries.ts'

const storedRules = z.array(segmentRule)

export interface SegmentRow extends Omit<StoredSegment, 'rules'> {
  readonly rules: readonly SegmentRule[]
}

export const readSegment = (row: StoredSegment): SegmentRow => ({ ...row, rules: storedRules.parse(row.rules) })

export interface SegmentFilter {
  readonly q?: string | undefined
  readonly include_feature_specific: boolean
}

/** The segments of a project, oldest first. */
export async function pageSegments(
  db: Queryable,
  project: ProjectRow,
  { filter, range }: { filter: SegmentFilter; range: { offset: number; limit: number } },
) {
  let wanted = db.selectFrom('segments').where('project_id', '=', project.id).where('deleted_at', 'is', null)
  if (filter.q) wanted = wanted.where(sql<boolean>`strpos(lower(name), lower(${filter.q})) > 0`)
  if (!filter.include_feature_specific) wanted = wanted.where('feature_id', 'is', null)
  const [rows, total] = await Promise.all([
    wanted.selectAll().orderBy('id').offset(range.offset).limit(range.limit).execute(),
    wanted.select((select) => select.fn.countAll<number>().as('count')).executeTakeFirstOrThrow(),
  ])
  return { rows: rows.map(readSegment), count: total.count }
}

export async function findSegmentById(db: Queryable, project: Pick<ProjectRow, 'id'>, id: number): Promise<SegmentRow | undefined> {
  const row = await findSegment(db, project, id)
  return row && readSegment(row)
}

export async function findSegmentByUuid(db: Queryable, project: ProjectRow, uuid: string): Promise<SegmentRow | undefined> {
  const row = await db
    .selectFrom('segments')
    .selectAll()
    .where('uuid', '=', uuid)
    .where('project_id', '=', project.id)
    .where('deleted_at', 'is', null)
    .executeTakeFirst()
  return row && readSegment(row)
}

/** The states that override features for a segment in some environments. */
export async function pageOverrides(
  db: Queryable,
  segment: SegmentRow,
  { environments, range }: { environments: readonly number[]; range: { offset: number; limit: number } },
) {
  const wanted = db
    .selectFrom('feature_states')
    .innerJoin('features', 'features.id', 'feature_states.feature_id')
    .innerJoin('environments', 'environments.id', 'feature_states.environment_id')
    .where('feature_states.segment_id', '=', segment.id)
    .where('feature_states.removed_at', 'is', null)
    .where('features.deleted_at', 'is', null)
    .where('environments.id', 'in', [0, ...environments])
  const [rows, total] = await Promise.all([
    wanted
      .select(['feature_states.id', 'feature_states.feature_id', 'feature_states.environment_id'])
      .orderBy('feature_states.id')
      .offset(range.offset)
      .limit(range.limit)
      .execute(),
    wanted.select((select) => select.fn.countAll<number>().as('count')).executeTakeFirstOrThrow(),
  ])
  return { rows, count: total.count }
}

/** Every override of the segment, by environment and feature; one that has a place and no state yet is off. */
export async function listUses(db: Queryable, segment: Pick<SegmentRow, 'id' | 'project_id'>): Promise<SegmentUse[]> {
  const rows = await db
    .selectFrom('feature_segments as place')
    .innerJoin('features', 'features.id', 'place.feature_id')
    .innerJoin('environments', 'environments.id', 'place.environment_id')
    .leftJoin('feature_states as state', (join) =>
      join
        .onRef('state.environment_id', '=', 'place.environment_id')
        .onRef('state.feature_id', '=', 'place.feature_id')
        .onRef('state.segment_id', '=', 'place.segment_id')
        .on('state.removed_at', 'is', null),
    )
    .select(['place.environment_id', 'environments.name as environment_name', 'place.feature_id', 'features.name as feature_name'])
    .select(['place.priority', 'state.enabled'])
    .where('place.segment_id', '=', segment.id)
    .where('place.project_id', '=', segment.project_id)
    .where('place.removed_at', 'is', null)
    .where('features.deleted_at', 'is', null)
    .where('environments.deleted_at', 'is', null)
    .orderBy('place.environment_id')
    .orderBy('place.feature_id')
    .execute()
  return rows.map((row) => ({ ...row, enabled: row.enabled ?? false }))
}

const revisionBody = z.object({ version: z.int(), name: z.string(), description: z.string().nullable(), rules: storedRules })

export interface SegmentRevision {
  readonly from_at: Date
  readonly until_at: Date | null
  readonly author: string | null
  readonly body: z.output<typeof revisionBody>
}

/** What the segment was, the newest first, and who made it so. */
export async function pageRevisions(
  db: Queryable,
  segment: SegmentRow,
  range: { offset: number; limit: number },
): Promise<{ rows: SegmentRevision[]; count: number }> {
  const { rows } = await sql<{ from_at: Date; until_at: Date | null; author: string | null; body: unknown }>`
    select h.from_at, nullif(h.until_at, 'infinity') as until_at, h.body,
           (select c.actor_name from changes c
             where c.project_id = ${segment.project_id} and c.at = h.from_at and c.subject_id = ${String(segment.id)} and c.type like 'segment.%'
             limit 1) as author
      from document_history h
     where h.kind = 'segment' and h.entity_id = ${segment.id}
     order by h.from_at desc limit ${range.limit} offset ${range.offset}`.execute(db)
  const { count } = await db
    .selectFrom('document_history')
    .select((select) => select.fn.countAll<number>().as('count'))
    .where('kind', '=', 'segment')
    .where('entity_id', '=', segment.id)
    .executeTakeFirstOrThrow()
  return { rows: rows.map((row) => ({ ...row, body: revisionBody.parse(row.body) })), count }
}
