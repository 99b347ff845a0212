import { notFound } from '@halyard/contract'
import type { EnvironmentRow, Queryable } from '../access/rows.ts'
import type { Overridden } from '../feature-states/places.ts'
import type { PlaceRow } from '../feature-states/queries.ts'

export interface NamedPlace extends PlaceRow {
  readonly segment_name: string
  readonly segment_feature_id: number | null
}

const places = (db: Queryable) =>
  db
    .selectFrom('feature_segments')
    .innerJoin('features', 'features.id', 'feature_segments.feature_id')
    .innerJoin('segments', 'segments.id', 'feature_segments.segment_id')
    .where('feature_segments.removed_at', 'is', null)
    .where('features.deleted_at', 'is', null)

const placesOf = (db: Queryable, { environment_id, feature_id }: Overridden) =>
  places(db).where('feature_segments.environment_id', '=', environment_id).where('feature_segments.feature_id', '=', feature_id)

/** The overrides of a feature in an environment, the strongest first. */
export function listPlaces(db: Queryable, of: Overridden, range?: { offset: number; limit: number }): Promise<NamedPlace[]> {
  const all = placesOf(db, of)
    .selectAll('feature_segments')
    .select(['segments.name as segment_name', 'segments.feature_id as segment_feature_id'])
    .orderBy('feature_segments.priority')
    .orderBy('feature_segments.id')
  return (range ? all.offset(range.offset).limit(range.limit) : all).execute()
}

export async function countPlaces(db: Queryable, of: Overridden): Promise<number> {
  const { count } = await placesOf(db, of)
    .select((select) => select.fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow()
  return count
}

/** One place of the environment; 404 when it is not there. */
export async function getPlace(
  db: Queryable,
  environment: Pick<EnvironmentRow, 'id'>,
  by: { id: number } | { uuid: string },
): Promise<NamedPlace> {
  const place = await places(db)
    .selectAll('feature_segments')
    .select(['segments.name as segment_name', 'segments.feature_id as segment_feature_id'])
    .where('feature_segments.environment_id', '=', environment.id)
    .where('id' in by ? 'feature_segments.id' : 'feature_segments.uuid', '=', 'id' in by ? by.id : by.uuid)
    .executeTakeFirst()
  if (!place) throw notFound()
  return place
}
