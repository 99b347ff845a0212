import { sql } from 'kysely'
import type { Actor } from '../access/actor.ts'
import { canSee } from '../access/decide.ts'
import { findHeld } from '../access/held.ts'
import type { EnvironmentRow, ProjectRow, Queryable } from '../access/rows.ts'

const live = (db: Queryable, project: Pick<ProjectRow, 'id'>) =>
  db.selectFrom('environments').where('project_id', '=', project.id).where('deleted_at', 'is', null)

/** The environments of a project that an actor may see, oldest first. */
export async function listEnvironments(db: Queryable, actor: Actor, project: ProjectRow): Promise<EnvironmentRow[]> {
  const held = await findHeld(db, actor, project.organisation_id)
  const environments = await live(db, project).selectAll().orderBy('id').execute()
  return environments.filter((environment) => held && canSee(held, { level: 'environment', project, environment }))
}

export async function isEnvironmentNameTaken(db: Queryable, project: Pick<ProjectRow, 'id'>, name: string): Promise<boolean> {
  return (await live(db, project).select('id').where('name', '=', name).executeTakeFirst()) !== undefined
}

/**
 * Whether another environment has a client-side key, or ever had it: clients in the field may still hold one that was changed, and
 * must not be given somebody else's flags.
 */
export async function isEnvironmentKeyTaken(db: Queryable, key: string, own?: Pick<EnvironmentRow, 'id'>): Promise<boolean> {
  const { rows } = await sql`
    select from document_history
     where kind = 'environment' and body ->> 'api_key' = ${key} and entity_id is distinct from ${own?.id ?? null}::integer limit 1`.execute(
    db,
  )
  return rows.length > 0
}

/** Client-side keys that were replaced and work at an instant. */
export const listFormerKeys = (db: Queryable, environment: EnvironmentRow, at: Date) =>
  db
    .selectFrom('former_client_keys')
    .select(['key', 'works_until'])
    .where('environment_id', '=', environment.id)
    .where('works_until', '>', at)
    .where('key', '<>', environment.api_key)
    .orderBy('created_at')
    .execute()

export async function countSegmentOverrides(db: Queryable, environment: EnvironmentRow): Promise<number> {
  const { count } = await db
    .selectFrom('feature_states')
    .innerJoin('features', 'features.id', 'feature_states.feature_id')
    .innerJoin('segments', 'segments.id', 'feature_states.segment_id')
    .select((select) => select.fn.countAll<number>().as('count'))
    .where('feature_states.environment_id', '=', environment.id)
    .where('feature_states.removed_at', 'is', null)
    .where('features.deleted_at', 'is', null)
    .where('segments.deleted_at', 'is', null)
    .executeTakeFirstOrThrow()
  return count
}

interface Metrics {
  readonly total_features: number
  readonly enabled_features: number
  readonly segment_overrides: number
  readonly identity_overrides: number
}

export async function countMetrics(db: Queryable, environment: Pick<EnvironmentRow, 'id'>): Promise<Metrics> {
  const { rows } = await sql<Metrics>`
    select count(*) filter (where s.segment_id is null and s.identifier is null) as total_features,
           count(*) filter (where s.segment_id is null and s.identifier is null and s.enabled) as enabled_features,
           count(*) filter (where s.segment_id is not null and g.deleted_at is null) as segment_overrides,
           count(*) filter (where s.identifier is not null) as identity_overrides
      from feature_states s
      join features f on f.id = s.feature_id and f.deleted_at is null and not f.is_archived
      left join segments g on g.id = s.segment_id
     where s.environment_id = ${environment.id} and s.removed_at is null`.execute(db)
  const [metrics] = rows
  if (!metrics) throw new Error('Counting answered nothing.')
  return metrics
}
