import { sql, type Selectable } from 'kysely'
import type { Actor } from '../access/actor.ts'
import type { OrganisationRow, ProjectRow, Queryable } from '../access/rows.ts'
import { listEnvironments } from '../environments/queries.ts'
import { typedValue } from '../feature-states/default-states.ts'
import { versionUuid, type FeatureRow } from '../feature-states/queries.ts'
import type { UsersTable } from '../runtime/tables.ts'
import { readState, type PlacedState } from '../feature-states/rules.ts'
import { listVariants } from '../variants/queries.ts'
import type { VariantRow } from '../variants/rules.ts'

export interface FeatureFilter {
  readonly search?: string | undefined
  /** None: features without any. */
  readonly tags?: readonly number[] | undefined
  readonly tag_strategy: 'INTERSECTION' | 'UNION'
  readonly is_archived?: boolean | undefined
  readonly type?: string | undefined
  readonly owners?: readonly number[] | undefined
  readonly group_owners?: readonly number[] | undefined
  readonly environment?: number | undefined
  /** These two ask about the default in the environment. */
  readonly is_enabled?: boolean | undefined
  readonly value_search?: string | undefined
}

export interface Listing {
  readonly filter: FeatureFilter
  readonly order: { readonly by: 'created_at' | 'name' | 'last_modified'; readonly direction: 'asc' | 'desc' }
  readonly range: { readonly offset: number; readonly limit: number }
}

export async function pageFeatures(
  db: Queryable,
  project: ProjectRow,
  { filter, order, range }: Listing,
): Promise<{ rows: FeatureRow[]; count: number }> {
  const wanted = matching(db, project, filter)
  const key = order.by === 'last_modified' ? lastModified(filter.environment) : sql.ref(order.by)
  const [rows, total] = await Promise.all([
    wanted.selectAll().orderBy(key, order.direction).orderBy('id', order.direction).offset(range.offset).limit(range.limit).execute(),
    wanted.select((select) => select.fn.countAll<number>().as('count')).executeTakeFirstOrThrow(),
  ])
  return { rows, count: total.count }
}

// The last version of each environment is read from the end of an index, so that a long history costs nothing.
const lastModified = (environment: number | undefined) => sql<Date | null>`(
  select max(v.live_from)
    from environments e
   cross join lateral (select live_from from feature_versions v where v.environment_id = e.id and v.feature_id = features.id order by number desc limit 1) v
   where e.project_id = features.project_id and e.deleted_at is null and (${environment ?? null}::integer is null or e.id = ${environment ?? null}::integer))`

function matching(db: Queryable, project: ProjectRow, filter: FeatureFilter) {
  const { search, tags, is_archived: isArchived, type, owners, group_owners: groups } = filter
  let wanted = db.selectFrom('features').where('project_id', '=', project.id).where('deleted_at', 'is', null)
  if (search) wanted = wanted.where(sql<boolean>`strpos(lower(name), lower(${search})) > 0`)
  if (tags) wanted = wanted.where(isTagged(tags, filter.tag_strategy))
  if (isArchived !== undefined) wanted = wanted.where('is_archived', '=', isArchived)
  if (type) wanted = wanted.where('type', '=', type)
  if (owners)
    wanted = wanted.where(
      sql<boolean>`exists (select from feature_owners o where o.feature_id = features.id and o.user_id = any(${owners}::integer[]))`,
    )
  if (groups)
    wanted = wanted.where(
      sql<boolean>`exists (select from feature_group_owners o where o.feature_id = features.id and o.group_id = any(${groups}::integer[]))`,
    )
  if (filter.environment !== undefined) wanted = wanted.where(isByDefault(filter.environment, filter))
  return wanted
}

function isTagged(tags: readonly number[], strategy: FeatureFilter['tag_strategy']) {
  if (tags.length === 0) return sql<boolean>`not exists (select from feature_tags t where t.feature_id = features.id)`
  const least = strategy === 'UNION' ? 1 : new Set(tags).size
  return sql<boolean>`(select count(*) from feature_tags t where t.feature_id = features.id and t.tag_id = any(${tags}::integer[])) >= ${least}`
}

function isByDefault(environment: number, { is_enabled: isEnabled, value_search: text }: FeatureFilter) {
  const value = text ? JSON.stringify(typedValue(text)) : null
  return sql<boolean>`exists (
    select from feature_states s
     where s.feature_id = features.id and s.environment_id = ${environment} and s.segment_id is null and s.identifier is null
       and (${isEnabled ?? null}::boolean is null or s.enabled = ${isEnabled ?? null}::boolean)
       and (${value}::jsonb is null or s.value = ${value}::jsonb
            or jsonb_typeof(s.value) = 'string' and strpos(lower(s.value #>> '{}'), lower(${text ?? ''})) > 0))`
}

export const findNamesake = (db: Queryable, project: Pick<ProjectRow, 'id'>, name: string): Promise<FeatureRow | undefined> =>
  db
    .selectFrom('features')
    .selectAll()
    .where('project_id', '=', project.id)
    .where('deleted_at', 'is', null)
    .where((where) => where(where.fn<string>('lower', ['name']), '=', where.fn<string>('lower', [where.val(name)])))
    .executeTakeFirst()

export const findFeatureByUuid = (db: Queryable, project: Pick<ProjectRow, 'id'>, uuid: string): Promise<FeatureRow | undefined> =>
  db
    .selectFrom('features')
    .selectAll()
    .where('uuid', '=', uuid)
    .where('project_id', '=', project.id)
    .where('deleted_at', 'is', null)
    .executeTakeFirst()

/** Whether an environment is there, of the project, for an actor: one they may not see is not. */
export async function isEnvironmentSeen(db: Queryable, actor: Actor, project: ProjectRow, id: number): Promise<boolean> {
  return (await listEnvironments(db, actor, project)).some((environment) => environment.id === id)
}

export async function isSegmentOf(db: Queryable, project: Pick<ProjectRow, 'id'>, id: number): Promise<boolean> {
  const segment = await db
    .selectFrom('segments')
    .select('id')
    .where('id', '=', id)
    .where('project_id', '=', project.id)
    .where('deleted_at', 'is', null)
    .executeTakeFirst()
  return segment !== undefined
}

/** Those of some users who belong to the organisation. */
export const listMembers = (
  db: Queryable,
  organisation: Pick<OrganisationRow, 'id'>,
  users: readonly number[],
): Promise<{ id: number }[]> =>
  db
    .selectFrom('organisation_members')
    .select('user_id as id')
    .where('organisation_id', '=', organisation.id)
    .where('user_id', 'in', users)
    .execute()

type OwnerRow = Pick<Selectable<UsersTable>, 'id' | 'uuid' | 'email' | 'first_name' | 'last_name'> & { readonly feature_id: number }

type Features = readonly Pick<FeatureRow, 'id'>[]

const idsOf = (features: Features) => features.map(({ id }) => id)

export const listTags = (db: Queryable, features: Features) =>
  db.selectFrom('feature_tags').selectAll().where('feature_id', 'in', idsOf(features)).orderBy('tag_id').execute()

export const listOwners = (db: Queryable, features: Features): Promise<OwnerRow[]> =>
  db
    .selectFrom('feature_owners')
    .innerJoin('users', 'users.id', 'feature_owners.user_id')
    .select(['feature_owners.feature_id', 'users.id', 'users.uuid', 'users.email', 'users.first_name', 'users.last_name'])
    .where('feature_owners.feature_id', 'in', idsOf(features))
    .orderBy('users.id')
    .execute()

export const listGroupOwners = (db: Queryable, features: Features): Promise<{ feature_id: number; id: number; name: string }[]> =>
  db
    .selectFrom('feature_group_owners')
    .innerJoin('groups', 'groups.id', 'feature_group_owners.group_id')
    .select(['feature_group_owners.feature_id', 'groups.id', 'groups.name'])
    .where('feature_group_owners.feature_id', 'in', idsOf(features))
    .orderBy('groups.id')
    .execute()

export interface Place {
  readonly environment?: number | undefined
  readonly segment?: number | undefined
}

export interface FeatureDetails {
  readonly tags: readonly { readonly tag_id: number }[]
  readonly owners: readonly OwnerRow[]
  readonly groups: readonly { readonly id: number; readonly name: string }[]
  readonly variants: readonly VariantRow[]
  /** The default in the environment, and what the segment overrides it with there. */
  readonly states: readonly PlacedState[]
  readonly counts: readonly Counts[]
}

/** All there is to show of some features besides their own rows, in their order. */
export async function findDetails(db: Queryable, features: Features, place: Place): Promise<FeatureDetails[]> {
  if (features.length === 0) return []
  // One after the other: inside an edit there is one connection, which works on one statement at a time.
  const by = {
    tags: byFeature(await listTags(db, features)),
    owners: byFeature(await listOwners(db, features)),
    groups: byFeature(await listGroupOwners(db, features)),
    variants: byFeature(await listVariants(db, features)),
    states: byFeature(await listStates(db, features, place)),
    counts: byFeature(await countOverrides(db, features, place)),
  }
  return features.map(({ id }) => ({
    tags: by.tags(id),
    owners: by.owners(id),
    groups: by.groups(id),
    variants: by.variants(id),
    states: by.states(id),
    counts: by.counts(id),
  }))
}

function byFeature<Row extends { readonly feature_id: number }>(rows: readonly Row[]): (id: number) => readonly Row[] {
  const groups = new Map<number, Row[]>()
  for (const row of rows) {
    const group = groups.get(row.feature_id)
    if (group) group.push(row)
    else groups.set(row.feature_id, [row])
  }
  return (id) => groups.get(id) ?? []
}

async function listStates(db: Queryable, features: Features, { environment, segment }: Place): Promise<PlacedState[]> {
  if (environment === undefined) return []
  const rows = await db
    .selectFrom('feature_states')
    .leftJoin('feature_segments', (join) =>
      join
        .onRef('feature_segments.environment_id', '=', 'feature_states.environment_id')
        .onRef('feature_segments.feature_id', '=', 'feature_states.feature_id')
        .onRef('feature_segments.segment_id', '=', 'feature_states.segment_id'),
    )
    .selectAll('feature_states')
    .select(['feature_segments.id as feature_segment_id', versionUuid.as('version_uuid')])
    .where('feature_states.feature_id', 'in', idsOf(features))
    .where('feature_states.environment_id', '=', environment)
    .where('feature_states.identifier', 'is', null)
    .where('feature_states.removed_at', 'is', null)
    .where((where) => where.or([where('feature_states.segment_id', 'is', null), where('feature_states.segment_id', '=', segment ?? null)]))
    .execute()
  return rows.map(readState)
}

export interface Counts {
  readonly feature_id: number
  readonly segment_overrides: number
  readonly identity_overrides: number
  readonly modified_anywhere: Date | null
  readonly modified_here: Date | null
}

async function countOverrides(
  db: Queryable,
  features: Features,
  { environment = null }: { environment?: number | null | undefined },
): Promise<Counts[]> {
  const { rows } = await sql<Counts>`
    select f.id as feature_id, o.segment_overrides, o.identity_overrides, m.modified_anywhere, m.modified_here
      from features f
     cross join lateral (
       select count(s.segment_id) as segment_overrides, count(s.identifier) as identity_overrides
         from feature_states s join environments e on e.id = s.environment_id and e.deleted_at is null
        where s.feature_id = f.id and s.removed_at is null and (${environment}::integer is null or s.environment_id = ${environment}::integer)) o
     cross join lateral (
       select max(v.live_from) as modified_anywhere, max(v.live_from) filter (where e.id = ${environment}::integer) as modified_here
         from environments e
        cross join lateral (select live_from from feature_versions v where v.environment_id = e.id and v.feature_id = f.id order by number desc limit 1) v
        where e.project_id = f.project_id and e.deleted_at is null) m
     where f.id = any(${idsOf(features)}::integer[])`.execute(db)
  return rows
}
