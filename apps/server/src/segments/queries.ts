import { segmentRule, type SegmentRule } from '@halyard/contract'
import { sql } from 'kysely'
import * as z from 'zod'
import type { ProjectRow, Queryable } from '../access/rows.ts'
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
