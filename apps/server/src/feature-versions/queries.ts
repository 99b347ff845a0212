import { notFound } from '@halyard/contract'
import { sql } from 'kysely'
import * as z from 'zod'
import type { EnvironmentRow, Queryable } from '../access/rows.ts'
import type { FeatureRow, Flag } from '../feature-states/queries.ts'
import { readState } from '../feature-states/rules.ts'
import { readVersion, targetsOf, type Conflict, type VersionRow } from './rules.ts'

interface FlagOf {
  readonly environment: Pick<EnvironmentRow, 'id'>
  readonly feature: Pick<FeatureRow, 'id'>
}

const versionsOf = (db: Queryable, { environment, feature }: FlagOf) =>
  db.selectFrom('feature_versions').where('environment_id', '=', environment.id).where('feature_id', '=', feature.id)

/** A version of the feature in the environment; 404 otherwise. */
export async function getVersion(db: Queryable, of: FlagOf, uuid: string): Promise<VersionRow> {
  const row = await versionsOf(db, of).selectAll().where('uuid', '=', uuid).executeTakeFirst()
  if (!row) throw notFound()
  return readVersion(row)
}

/** The version that counted before this one: the last that is live, for one that is not. */
export async function findPrevious(db: Queryable, of: FlagOf, { number }: Pick<VersionRow, 'number'>): Promise<VersionRow | undefined> {
  const live = versionsOf(db, of).selectAll().where('number', 'is not', null)
  const earlier = number === null ? live : live.where('number', '<', number)
  const row = await earlier.orderBy('number', 'desc').limit(1).executeTakeFirst()
  return row && readVersion(row)
}

interface Range {
  readonly offset: number
  readonly limit: number
}

export async function pageVersions(db: Queryable, of: FlagOf, { isLive, ...range }: Range & { isLive: boolean | undefined }) {
  let wanted = versionsOf(db, of)
  if (isLive !== undefined) wanted = wanted.where('number', isLive ? 'is not' : 'is', null)
  const rows = await wanted
    .selectAll()
    .orderBy((by) => by.fn.coalesce('drafted_at', 'live_from'), 'desc')
    .orderBy('id', 'desc')
    .offset(range.offset)
    .limit(range.limit)
    .execute()
  const { count } = await wanted.select((select) => select.fn.countAll<number>().as('count')).executeTakeFirstOrThrow()
  return { rows: rows.map(readVersion), count }
}

/** What waits in an environment, and what was due and refused; the next first. */
export async function pageScheduled(
  db: Queryable,
  environment: Pick<EnvironmentRow, 'id'>,
  { feature, ...range }: Range & { feature: number | undefined },
) {
  let wanted = db
    .selectFrom('feature_versions')
    .innerJoin('features', 'features.id', 'feature_versions.feature_id')
    .where('environment_id', '=', environment.id)
    .where('number', 'is', null)
    .where('published_at', 'is not', null)
    .where('features.deleted_at', 'is', null)
  if (feature !== undefined) wanted = wanted.where('feature_id', '=', feature)
  const rows = await wanted
    .selectAll('feature_versions')
    .orderBy('live_from')
    .orderBy('feature_versions.id')
    .offset(range.offset)
    .limit(range.limit)
    .execute()
  const { count } = await wanted.select((select) => select.fn.countAll<number>().as('count')).executeTakeFirstOrThrow()
  return { rows: rows.map(readVersion), count }
}

/** What went live since the author of a draft last looked, and changed the same. */
export async function findConflicts(db: Queryable, of: FlagOf, version: VersionRow): Promise<Conflict[]> {
  if (!version.draft || !version.saved_at) return []
  const { rows } = await sql<Conflict>`
    select distinct s.segment_id as "segmentId", v.uuid as version, v.live_from as "liveFrom", v.author_name as author
      from feature_states s
      join document_history h on h.kind = 'feature_state' and h.entity_id = s.id and h.from_at > ${version.saved_at}
      join feature_versions v on v.id = (h.body ->> 'feature_version_id')::integer
     where s.environment_id = ${of.environment.id} and s.feature_id = ${of.feature.id} and s.identifier is null
     order by v.live_from, s.segment_id`.execute(db)
  const targets = targetsOf(version.draft)
  return rows.filter(({ segmentId }) => targets.includes(segmentId))
}

/** What else waits and is to change the same. */
export async function findRivals(db: Queryable, of: FlagOf, version: VersionRow): Promise<Conflict[]> {
  if (!version.draft) return []
  const rows = await versionsOf(db, of)
    .selectAll()
    .where('id', '<>', version.id)
    .where('number', 'is', null)
    .where('published_at', 'is not', null)
    .where('refusal', 'is', null)
    .orderBy('live_from')
    .execute()
  const targets = targetsOf(version.draft)
  return rows.map(readVersion).flatMap(({ uuid, live_from: liveFrom, author_name: author, draft }) =>
    draft && liveFrom
      ? targetsOf(draft)
          .filter((target) => targets.includes(target))
          .map((segmentId) => ({ segmentId, version: uuid, liveFrom, author }))
      : [],
  )
}

const instant = z.coerce.date()
const keptPlace = z.object({
  id: z.int(),
  uuid: z.string(),
  project_id: z.int(),
  environment_id: z.int(),
  feature_id: z.int(),
  segment_id: z.int(),
  priority: z.int(),
  removed_at: instant.nullable(),
  created_at: instant,
})
const keptState = z.object({
  id: z.int(),
  uuid: z.string(),
  project_id: z.int(),
  environment_id: z.int(),
  feature_id: z.int(),
  segment_id: z.int().nullable(),
  identifier: z.null(),
  enabled: z.boolean(),
  value: z.unknown(),
  variants: z.unknown(),
  version: z.int(),
  feature_version_id: z.int().nullable(),
  live_from: instant,
  created_at: instant,
  updated_at: instant,
  removed_at: z.null(),
})

/** What a feature was in an environment at an instant, but for single identities. */
export async function readFlagAt(db: Queryable, { environment, feature }: FlagOf, at: Date): Promise<Flag> {
  const { rows } = await sql<{ kind: string; body: unknown }>`
    select h.kind, h.body
      from (select 'feature_state' as kind, id from feature_states
             where environment_id = ${environment.id} and feature_id = ${feature.id} and identifier is null
            union all
            select 'feature_segment', id from feature_segments where environment_id = ${environment.id} and feature_id = ${feature.id}) as lineage
      join document_history h on h.kind = lineage.kind and h.entity_id = lineage.id
     where h.from_at <= ${at} and h.until_at > ${at} and h.body ->> 'removed_at' is null`.execute(db)
  const bodies = (kind: string) => rows.filter((row) => row.kind === kind).map(({ body }) => body)
  const states = bodies('feature_state').map((body) => readState({ ...keptState.parse(body) }))
  const places = bodies('feature_segment').map((body) => keptPlace.parse(body))
  const found = states.find((state) => state.segment_id === null)
  if (!found) throw notFound()
  return {
    default: found,
    places: places.toSorted((one, other) => one.priority - other.priority),
    states: states.filter((state) => state.segment_id !== null),
  }
}
