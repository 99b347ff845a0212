import { notFound } from '@halyard/contract'
import type { Selectable } from 'kysely'
import type { EnvironmentRow, ProjectRow, Queryable } from '../access/rows.ts'
import type { FeatureSegmentsTable, FeaturesTable } from '../runtime/tables.ts'
import { readState, type PlacedState } from './rules.ts'

export type FeatureRow = Selectable<FeaturesTable>
export type PlaceRow = Selectable<FeatureSegmentsTable>

/** A feature that is there, of the project. */
export const findFeature = (db: Queryable, project: Pick<ProjectRow, 'id'>, id: number): Promise<FeatureRow | undefined> =>
  db
    .selectFrom('features')
    .selectAll()
    .where('id', '=', id)
    .where('project_id', '=', project.id)
    .where('deleted_at', 'is', null)
    .executeTakeFirst()

/** The place of a segment's override among those of a feature in the environment. */
export const findPlace = (
  db: Queryable,
  environment: Pick<EnvironmentRow, 'id'>,
  by: { id: number } | { uuid: string },
): Promise<PlaceRow | undefined> =>
  db
    .selectFrom('feature_segments')
    .innerJoin('features', 'features.id', 'feature_segments.feature_id')
    .selectAll('feature_segments')
    .where('feature_segments.environment_id', '=', environment.id)
    .where('feature_segments.removed_at', 'is', null)
    .where('features.deleted_at', 'is', null)
    .where('id' in by ? 'feature_segments.id' : 'feature_segments.uuid', '=', 'id' in by ? by.id : by.uuid)
    .executeTakeFirst()

const statesOf = (db: Queryable, environment: Pick<EnvironmentRow, 'id'>) =>
  db
    .selectFrom('feature_states')
    .innerJoin('features', 'features.id', 'feature_states.feature_id')
    .leftJoin('feature_segments', (join) =>
      join
        .onRef('feature_segments.environment_id', '=', 'feature_states.environment_id')
        .onRef('feature_segments.feature_id', '=', 'feature_states.feature_id')
        .onRef('feature_segments.segment_id', '=', 'feature_states.segment_id'),
    )
    .where('feature_states.environment_id', '=', environment.id)
    .where('feature_states.removed_at', 'is', null)
    .where('features.deleted_at', 'is', null)

/** A state that is there, of the environment; 404 otherwise. */
export async function getFeatureState(
  db: Queryable,
  environment: Pick<EnvironmentRow, 'id'>,
  by: { id: number } | { uuid: string },
): Promise<PlacedState> {
  const row = await statesOf(db, environment)
    .selectAll('feature_states')
    .select('feature_segments.id as feature_segment_id')
    .where('id' in by ? 'feature_states.id' : 'feature_states.uuid', '=', 'id' in by ? by.id : by.uuid)
    .executeTakeFirst()
  if (!row) throw notFound()
  return readState(row)
}

export interface StateFilter {
  readonly of: 'environment' | 'identities' | 'environment and segments'
  readonly feature?: number | undefined
  readonly featureName?: string | undefined
  readonly place?: number | undefined
}

/** States of an environment, by feature; of one feature, the default first and then the strongest override. */
export async function pageFeatureStates(
  db: Queryable,
  environment: EnvironmentRow,
  { filter, range }: { filter: StateFilter; range: { offset: number; limit: number } },
) {
  let wanted = statesOf(db, environment).where('feature_states.identifier', filter.of === 'identities' ? 'is not' : 'is', null)
  if (filter.of === 'environment') wanted = wanted.where('feature_states.segment_id', 'is', null)
  if (filter.feature !== undefined) wanted = wanted.where('feature_states.feature_id', '=', filter.feature)
  if (filter.featureName !== undefined) wanted = wanted.where('features.name', '=', filter.featureName)
  if (filter.place !== undefined) wanted = wanted.where('feature_segments.id', '=', filter.place)
  const [rows, total] = await Promise.all([
    wanted
      .selectAll('feature_states')
      .select('feature_segments.id as feature_segment_id')
      .orderBy('feature_states.feature_id')
      .orderBy('feature_segments.priority', (order) => order.asc().nullsFirst())
      .orderBy('feature_states.id')
      .offset(range.offset)
      .limit(range.limit)
      .execute(),
    wanted.select((select) => select.fn.countAll<number>().as('count')).executeTakeFirstOrThrow(),
  ])
  return { rows: rows.map(readState), count: total.count }
}
