import { exportedEnvironmentSettings, exportedProjectSettings, type WrittenProject } from '@halyard/contract'
import type { EnvironmentRow, ProjectRow, Queryable } from '../access/rows.ts'
import { readState } from '../feature-states/rules.ts'
import { valueSchema } from '../feature-states/value-schema.ts'
import { readSegment } from '../segments/queries.ts'
import { readVariant, type VariantRow } from '../variants/rules.ts'
import { groupBy } from './rules.ts'

type Written<Part extends 'tags' | 'features' | 'segments' | 'environments'> = WrittenProject[Part][number]

export interface ReadProject {
  readonly project: WrittenProject
  /** In the order of the environments that are written. */
  readonly environments: readonly EnvironmentRow[]
}

/** A project as exports write it, without identities. */
export async function readProject(db: Queryable, project: ProjectRow): Promise<ReadProject> {
  const variants = await listVariants(db, project)
  const features = await readFeatures(db, project, variants)
  const environments = await db
    .selectFrom('environments')
    .selectAll()
    .where('project_id', '=', project.id)
    .where('deleted_at', 'is', null)
    .orderBy('id')
    .execute()
  const written: Written<'environments'>[] = []
  for (const environment of environments) written.push(await readEnvironment(db, environment, variants))
  const settings = exportedProjectSettings.parse(project)
  const parts = { tags: await readTags(db, project), features, segments: await readSegments(db, project), environments: written }
  return { project: { name: project.name, settings, ...parts }, environments }
}

export const listLiveProjects = (db: Queryable, organisation: { readonly id: number }): Promise<ProjectRow[]> =>
  db
    .selectFrom('projects')
    .selectAll()
    .where('organisation_id', '=', organisation.id)
    .where('deleted_at', 'is', null)
    .orderBy('id')
    .execute()

const readTags = (db: Queryable, project: ProjectRow): Promise<Written<'tags'>[]> =>
  db
    .selectFrom('tags')
    .select(['label', 'color', 'description', 'is_permanent'])
    .where('project_id', '=', project.id)
    .where('is_system_tag', '=', false)
    .orderBy('id')
    .execute()

async function listVariants(db: Queryable, project: ProjectRow): Promise<Map<number, VariantRow[]>> {
  const rows = await db.selectFrom('variants').selectAll().where('project_id', '=', project.id).orderBy('id').execute()
  return groupBy(rows.map(readVariant), ({ feature_id: feature }) => feature)
}

async function readFeatures(
  db: Queryable,
  project: ProjectRow,
  variants: ReadonlyMap<number, readonly VariantRow[]>,
): Promise<Written<'features'>[]> {
  const rows = await db
    .selectFrom('features')
    .leftJoin('feature_value_schemas', 'feature_value_schemas.feature_id', 'features.id')
    .selectAll('features')
    .select('feature_value_schemas.schema as value_schema')
    .where('project_id', '=', project.id)
    .where('deleted_at', 'is', null)
    .orderBy('features.id')
    .execute()
  const labels = await db
    .selectFrom('feature_tags')
    .innerJoin('tags', 'tags.id', 'feature_tags.tag_id')
    .select(['feature_id', 'label'])
    .where('tags.project_id', '=', project.id)
    .where('is_system_tag', '=', false)
    .orderBy('tags.id')
    .execute()
  const labelsOf = groupBy(labels, ({ feature_id: feature }) => feature)
  return rows.map(({ id, type, ...row }) => ({
    name: row.name,
    type: type === 'MULTIVARIATE' ? type : 'STANDARD',
    description: row.description,
    initial_value: row.initial_value,
    default_enabled: row.default_enabled,
    is_archived: row.is_archived,
    is_server_key_only: row.is_server_key_only,
    tags: (labelsOf.get(id) ?? []).map(({ label }) => label),
    variants: (variants.get(id) ?? []).map(({ key, value, default_weight }) => ({ key, value, default_weight })),
    ...(row.value_schema !== null && { value_schema: valueSchema.parse(row.value_schema) }),
  }))
}

async function readSegments(db: Queryable, project: ProjectRow): Promise<Written<'segments'>[]> {
  const rows = await db
    .selectFrom('segments')
    .leftJoin('features', 'features.id', 'segments.feature_id')
    .selectAll('segments')
    .select(['features.name as feature_name', 'features.deleted_at as feature_deleted_at'])
    .where('segments.project_id', '=', project.id)
    .where('segments.deleted_at', 'is', null)
    .orderBy('segments.id')
    .execute()
  // What was made for a feature that is deleted waits for that to be restored, here.
  return rows
    .filter((row) => row.feature_deleted_at === null)
    .map(({ feature_name: feature, feature_deleted_at: _deleted, ...row }) => {
      const { id, name, description, rules } = readSegment(row)
      return { id, name, description, feature, rules }
    })
}

async function readEnvironment(
  db: Queryable,
  environment: EnvironmentRow,
  variants: ReadonlyMap<number, readonly VariantRow[]>,
): Promise<Written<'environments'>> {
  const rows = await db
    .selectFrom('feature_states as s')
    .innerJoin('features as f', 'f.id', 's.feature_id')
    .leftJoin('segments as g', 'g.id', 's.segment_id')
    .leftJoin('feature_segments as p', (join) =>
      join
        .onRef('p.environment_id', '=', 's.environment_id')
        .onRef('p.feature_id', '=', 's.feature_id')
        .onRef('p.segment_id', '=', 's.segment_id'),
    )
    .selectAll('s')
    .select(['f.name as feature_name', 'p.priority'])
    .where('s.environment_id', '=', environment.id)
    .where('s.removed_at', 'is', null)
    .where('f.deleted_at', 'is', null)
    .where('g.deleted_at', 'is', null)
    .orderBy('s.id')
    .execute()
  const states = rows.map((row) => {
    const { id, feature_id, segment_id: segment, identifier, enabled, value, variants: weights } = readState(row)
    const places = (variants.get(feature_id) ?? []).map((variant) => variant.id)
    return {
      id,
      feature: row.feature_name,
      segment,
      priority: segment === null ? null : (row.priority ?? 0),
      identifier,
      enabled,
      value,
      // In the order of their ids, which orders the shares among each other.
      weights: weights
        .toSorted((one, other) => one.id - other.id)
        .map(({ variant_id, weight }) => ({ variant: places.indexOf(variant_id), weight })),
    }
  })
  const { name, description, api_key, hash_key } = environment
  return {
    name,
    description,
    api_key,
    ...(hash_key !== null && { hash_key }),
    settings: exportedEnvironmentSettings.parse(environment),
    states,
  }
}

export interface StoredIdentity {
  readonly identifier: string
  readonly traits: unknown
}

const identitiesAtOnce = 1000

/** The identities of an environment, in batches. */
export async function* readIdentities(identities: Queryable, environment: EnvironmentRow): AsyncGenerator<StoredIdentity[]> {
  let last = ''
  for (;;) {
    const rows = await identities
      .selectFrom('identities')
      .select(['identifier', 'traits'])
      .where('environment_id', '=', environment.id)
      .where('identifier', '>', last)
      .orderBy('identifier')
      .limit(identitiesAtOnce)
      .execute()
    const end = rows.at(-1)
    if (!end) return
    yield rows
    last = end.identifier
  }
}
