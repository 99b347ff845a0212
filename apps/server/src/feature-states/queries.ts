import { notFound } from '@halyard/contract'
import { sql, type Selectable } from 'kysely'
import type { EnvironmentRow, ProjectRow, Queryable } from '../access/rows.ts'
import type { FeatureSegmentsTable, FeaturesTable, SegmentsTable } from '../runtime/tables.ts'
import { readState, type FeatureStateRow, type PlacedState } from './rules.ts'

export type FeatureRow = Selectable<FeaturesTable>
export type PlaceRow = Selectable<FeatureSegmentsTable>
export type SegmentRow = Selectable<SegmentsTable>

/** A feature that is there, of the project. */
export const findFeature = (db: Queryable, project: Pick<ProjectRow, 'id'>, id: number): Promise<FeatureRow | undefined> =>
  db
    .selectFrom('features')
    .selectAll()
    .where('id', '=', id)
    .where('project_id', '=', project.id)
    .where('deleted_at', 'is', null)
    .executeTakeFirst()

/** Those of some segments that are there, of the project. */
export async function findSegments(db: Queryable, project: Pick<ProjectRow, 'id'>, ids: readonly number[]): Promise<SegmentRow[]> {
  if (ids.length === 0) return []
  return db
    .selectFrom('segments')
    .selectAll()
    .where('id', 'in', ids)
    .where('project_id', '=', project.id)
    .where('deleted_at', 'is', null)
    .execute()
}

/** A segment that is there, of the project. */
export const findSegment = async (db: Queryable, project: Pick<ProjectRow, 'id'>, id: number): Promise<SegmentRow | undefined> =>
  (await findSegments(db, project, [id]))[0]

/** What a feature is in an environment, but for single identities. */
export interface Flag {
  readonly default: FeatureStateRow
  /** The strongest first. */
  readonly places: readonly PlaceRow[]
  /** The states of segments; a place that was just made has none yet. */
  readonly states: readonly FeatureStateRow[]
}

interface FlagOf {
  readonly environment: Pick<EnvironmentRow, 'id'>
  readonly feature: Pick<FeatureRow, 'id'>
}

/** 404 once the environment is gone. */
export async function readFlag(db: Queryable, { environment, feature }: FlagOf): Promise<Flag> {
  const flag = (await readFlags(db, environment, [feature.id])).get(feature.id)
  if (!flag) throw notFound()
  return flag
}

/** What some features are in an environment, by feature. */
export async function readFlags(
  db: Queryable,
  environment: Pick<EnvironmentRow, 'id'>,
  features: readonly number[],
): Promise<Map<number, Flag>> {
  const states = await db
    .selectFrom('feature_states')
    .innerJoin('environments', 'environments.id', 'feature_states.environment_id')
    .selectAll('feature_states')
    .where('feature_states.environment_id', '=', environment.id)
    .where('feature_states.feature_id', '=', sql<number>`any(${features}::integer[])`)
    .where('feature_states.identifier', 'is', null)
    .where('feature_states.removed_at', 'is', null)
    .where('environments.deleted_at', 'is', null)
    .execute()
  const places = await db
    .selectFrom('feature_segments')
    .selectAll()
    .where('environment_id', '=', environment.id)
    .where('feature_id', '=', sql<number>`any(${features}::integer[])`)
    .where('removed_at', 'is', null)
    .orderBy('priority')
    .orderBy('id')
    .execute()
  const [statesOf, placesOf] = [byFeature(states.map(readState)), byFeature(places)]
  return new Map(
    [...statesOf].flatMap(([feature, all]) => {
      const found = all.find((state) => state.segment_id === null)
      const overrides = { places: placesOf.get(feature) ?? [], states: all.filter((state) => state.segment_id !== null) }
      return found ? [[feature, { default: found, ...overrides }]] : []
    }),
  )
}

function byFeature<Row extends { readonly feature_id: number }>(rows: readonly Row[]): Map<number, Row[]> {
  const grouped = new Map<number, Row[]>()
  for (const row of rows) {
    const others = grouped.get(row.feature_id)
    if (others) others.push(row)
    else grouped.set(row.feature_id, [row])
  }
  return grouped
}

/** Segment overrides that are not there, with the ids they had or will have. */
export async function listReservedOverrides(db: Queryable, { environment, feature }: FlagOf): Promise<Pick<Flag, 'places' | 'states'>> {
  const states = await db
    .selectFrom('feature_states')
    .selectAll()
    .where('environment_id', '=', environment.id)
    .where('feature_id', '=', feature.id)
    .where('segment_id', 'is not', null)
    .where('removed_at', 'is not', null)
    .execute()
  const places = await db
    .selectFrom('feature_segments')
    .selectAll()
    .where('environment_id', '=', environment.id)
    .where('feature_id', '=', feature.id)
    .where('removed_at', 'is not', null)
    .execute()
  return { places, states: states.map(readState) }
}

/** What a feature is for some identities. */
export async function listIdentityStates(
  db: Queryable,
  { environment, feature }: FlagOf,
  identifiers: readonly string[],
): Promise<FeatureStateRow[]> {
  const rows = await db
    .selectFrom('feature_states')
    .selectAll()
    .where('environment_id', '=', environment.id)
    .where('feature_id', '=', feature.id)
    .where('identifier', 'in', identifiers)
    .where('removed_at', 'is', null)
    .execute()
  return rows.map(readState)
}

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

/** Of the version that counts, for a state in an environment that is changed through versions; to be selected with it. */
export const versionUuid = sql<string | null>`(
  select v.uuid from feature_versions v join environments e on e.id = v.environment_id
   where e.use_v2_feature_versioning and feature_states.identifier is null and v.number is not null
     and v.environment_id = feature_states.environment_id and v.feature_id = feature_states.feature_id
   order by v.number desc limit 1)`

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
    .select(['feature_segments.id as feature_segment_id', versionUuid.as('version_uuid')])
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
      .select(['feature_segments.id as feature_segment_id', versionUuid.as('version_uuid')])
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
