import type { FeatureInFile } from '@halyard/contract'
import { sql } from 'kysely'
import type { Actor } from '../access/actor.ts'
import { administers } from '../access/decide.ts'
import { findHeld } from '../access/held.ts'
import type { EnvironmentRow, ProjectRow, Queryable } from '../access/rows.ts'
import { listEnvironments } from '../environments/queries.ts'
import { presentTypedValue, readState } from '../feature-states/rules.ts'
import type { Database } from '../runtime/database.ts'
import { listVariants } from '../variants/queries.ts'

/** The features of an environment as files hold them; with tags, those that carry one of them. */
export async function readFeatures(
  db: Queryable,
  environment: Pick<EnvironmentRow, 'id' | 'project_id'>,
  tags: readonly number[],
): Promise<FeatureInFile[]> {
  const rows = await db
    .selectFrom('features')
    .innerJoin('feature_states', 'feature_states.feature_id', 'features.id')
    .select(['features.id', 'features.name', 'features.default_enabled', 'features.initial_value', 'features.is_server_key_only'])
    .select(['feature_states.enabled', 'feature_states.value', 'feature_states.variants'])
    .where('features.project_id', '=', environment.project_id)
    .where('features.deleted_at', 'is', null)
    .where('features.is_archived', '=', false)
    .where('feature_states.environment_id', '=', environment.id)
    .where('feature_states.segment_id', 'is', null)
    .where('feature_states.identifier', 'is', null)
    .$if(tags.length > 0, (query) =>
      query.where(sql<boolean>`exists (
        select from feature_tags t where t.feature_id = features.id and t.tag_id = any(${tags}::integer[]))`),
    )
    .orderBy('features.id')
    .execute()
  const variants = await listVariants(db, rows)
  return rows.map(readState).map(({ id, value, variants: weights, ...row }) => {
    const { type } = presentTypedValue(value)
    const multivariate = variants
      .filter(({ feature_id: feature }) => feature === id)
      .map((variant) => ({
        percentage_allocation: weights.find(({ variant_id: of }) => of === variant.id)?.weight ?? 0,
        default_percentage_allocation: variant.default_weight,
        value: variant.value,
        type: presentTypedValue(variant.value).type,
      }))
    return { ...row, value, type, multivariate }
  })
}

export async function findExportedFile(db: Queryable, environment: Pick<EnvironmentRow, 'id'>, id: number): Promise<string | undefined> {
  const found = await db
    .selectFrom('feature_exports')
    .select('file')
    .where('id', '=', id)
    .where('environment_id', '=', environment.id)
    .executeTakeFirst()
  return found?.file
}

interface Range {
  readonly offset: number
  readonly limit: number
}

const isOneOf = (environments: readonly number[]) => sql<boolean>`environment_id = any(${environments}::integer[])`

export async function pageExports(db: Queryable, environments: readonly number[], { offset, limit }: Range) {
  const of = db.selectFrom('feature_exports').where(isOneOf(environments))
  const rows = await of
    .innerJoin('environments', 'environments.id', 'feature_exports.environment_id')
    .select(['feature_exports.id', 'environment_id', 'feature_exports.created_at', 'environments.name as environment_name'])
    .orderBy('feature_exports.id', 'desc')
    .offset(offset)
    .limit(limit)
    .execute()
  const { count } = await of.select((select) => select.fn.countAll<number>().as('count')).executeTakeFirstOrThrow()
  return { rows, count }
}

export async function pageImports(db: Queryable, environments: readonly number[], { offset, limit }: Range) {
  const of = db.selectFrom('feature_imports').where(isOneOf(environments))
  const rows = await of.selectAll().orderBy('id', 'desc').offset(offset).limit(limit).execute()
  const { count } = await of.select((select) => select.fn.countAll<number>().as('count')).executeTakeFirstOrThrow()
  return { rows, count }
}

/** Of a project, those that an actor administers. */
export async function listAdministered(db: Queryable, actor: Actor, project: ProjectRow): Promise<number[]> {
  const held = await findHeld(db, actor, project.organisation_id)
  const environments = await listEnvironments(db, actor, project)
  return environments.flatMap((environment) =>
    held && administers(held, { level: 'environment', project, environment }) ? [environment.id] : [],
  )
}

export async function listOverriddenIdentifiers(
  db: Queryable,
  environment: Pick<EnvironmentRow, 'id'>,
  feature: { readonly id: number },
): Promise<string[]> {
  const rows = await db
    .selectFrom('feature_states')
    .select('identifier')
    .where('environment_id', '=', environment.id)
    .where('feature_id', '=', feature.id)
    .where('identifier', 'is not', null)
    .where('removed_at', 'is', null)
    .execute()
  return rows.flatMap(({ identifier }) => (identifier === null ? [] : [identifier]))
}

/** Removes exports, which are then no longer there to download, and what is remembered of imports. */
export async function purgeFeatureFiles({ db }: Database, days: number): Promise<void> {
  for (const table of ['feature_exports', 'feature_imports'] as const)
    await sql`delete from ${sql.table(table)} where created_at < clock_timestamp() - make_interval(days => ${days})`.execute(db)
}
