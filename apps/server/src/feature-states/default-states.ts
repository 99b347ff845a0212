import { sql, type Selectable } from 'kysely'
import { actorId } from '../access/actor.ts'
import type { EnvironmentRow, ProjectRow } from '../access/rows.ts'
import type { Edit } from '../changes/edit.ts'
import type { FeaturesTable } from '../runtime/tables.ts'

interface Seeds {
  readonly project: Pick<ProjectRow, 'id' | 'prevent_flag_defaults'>
  readonly environments: readonly Pick<EnvironmentRow, 'id'>[]
  readonly features: readonly Pick<Selectable<FeaturesTable>, 'id' | 'default_enabled' | 'initial_value'>[]
}

/**
 * Part of commands that make environments or features: what each of these features is in each of these environments until
 * somebody says otherwise. Variants must exist before; their default weights are taken over.
 */
export async function createDefaultStates(edit: Edit, { project, environments, features }: Seeds): Promise<void> {
  if (environments.length === 0 || features.length === 0) return
  const defaults = features.map((feature) => ({
    id: feature.id,
    enabled: !project.prevent_flag_defaults && feature.default_enabled,
    value: project.prevent_flag_defaults ? null : typedValue(feature.initial_value),
  }))
  // One statement, because a project may have thousands of features. Weights are numbered in the order of their variants.
  await sql`
    with seeds as (
      select e.id as environment_id, f.id as feature_id, f.enabled, nullif(f.value, 'null'::jsonb) as value
        from environments e
       cross join jsonb_to_recordset(${JSON.stringify(defaults)}::jsonb) as f (id integer, enabled boolean, value jsonb)
       where e.id = any(${environments.map(({ id }) => id)}::integer[]) and e.project_id = ${project.id}
       order by e.id, f.id
    ), headers as (
      insert into feature_versions (environment_id, feature_id, number, live_from, author_kind, author_id, author_name)
      select environment_id, feature_id, 1, ${edit.at}, ${edit.actor.kind}, ${actorId(edit.actor)}::integer, ${edit.actor.name}
        from seeds
      returning id, environment_id, feature_id
    ), weights as (
      select s.environment_id, s.feature_id, v.id as variant_id, v.default_weight as weight
        from seeds s join variants v on v.feature_id = s.feature_id
       order by s.environment_id, v.id offset 0
    ), numbered as (
      select weights.*, nextval('variant_weights_id_seq') as id from weights
    )
    insert into feature_states (project_id, environment_id, feature_id, enabled, value, variants, feature_version_id, live_from, created_at, updated_at)
    select ${project.id}::integer, s.environment_id, s.feature_id, s.enabled, s.value,
           coalesce((select jsonb_agg(jsonb_build_object('id', n.id, 'uuid', gen_random_uuid(), 'variant_id', n.variant_id, 'weight', n.weight) order by n.id)
                       from numbered n where n.environment_id = s.environment_id and n.feature_id = s.feature_id), '[]'::jsonb),
           h.id, ${edit.at}, ${edit.at}, ${edit.at}
      from seeds s join headers h on h.environment_id = s.environment_id and h.feature_id = s.feature_id`.execute(edit.tx)
}

/** Part of commands that restore environments or features: the states they would have had if both had been there all the time. */
export async function createMissingDefaultStates(edit: Edit, project: Pick<ProjectRow, 'id' | 'prevent_flag_defaults'>): Promise<void> {
  const missing = await edit.tx
    .selectFrom('environments')
    .innerJoin('features', 'features.project_id', 'environments.project_id')
    .select(['environments.id as environment_id', 'features.id', 'default_enabled', 'initial_value'])
    .where('environments.project_id', '=', project.id)
    .where('environments.deleted_at', 'is', null)
    .where('features.deleted_at', 'is', null)
    .where(sql<boolean>`not exists (
      select from feature_states s
       where s.environment_id = environments.id and s.feature_id = features.id and s.segment_id is null and s.identifier is null)`)
    .orderBy('environments.id')
    .execute()
  for (const id of new Set(missing.map((pair) => pair.environment_id))) {
    const features = missing.filter((pair) => pair.environment_id === id)
    await createDefaultStates(edit, { project, environments: [{ id }], features })
  }
}

const integerMax = 2_147_483_647
const booleans: ReadonlyMap<string, boolean> = new Map([
  ['true', true],
  ['True', true],
  ['false', false],
  ['False', false],
])

/** A feature's initial value is text; its states carry what the text says. */
export function typedValue(text: string | null): string | number | boolean | null {
  if (text === null) return null
  const number = /^-?\d+$/.test(text) ? Number(text) : undefined
  if (number !== undefined && number >= -integerMax - 1 && number <= integerMax) return number
  return booleans.get(text) ?? text
}
