import { conflict, invalid, isOverHundred, unknownId, type FeatureValue } from '@halyard/contract'
import { sql } from 'kysely'
import { actorId } from '../access/actor.ts'
import type { EnvironmentRow, ProjectRow } from '../access/rows.ts'
import type { Edit } from '../changes/edit.ts'
import { typedValue } from './default-states.ts'
import type { FeatureRow } from './queries.ts'
import { findValueSchema, whyValueIsRefused } from './value-schema.ts'
import { arrangeWeights, kindOf, readState, type FeatureStateRow, type StatePatch, type WantedWeight, type Weight } from './rules.ts'

interface Scope {
  readonly project: Pick<ProjectRow, 'id' | 'prevent_flag_defaults'>
  readonly environment: Pick<EnvironmentRow, 'id'>
  readonly feature: Pick<FeatureRow, 'id' | 'initial_value'>
}

type OverrideTarget = { readonly segmentId: number } | { readonly identifier: string }

/**
 * Part of commands that make overrides; they record the change. An override that was there before comes back with its ids, so
 * that nobody is reshuffled. Without a value it begins with the feature's initial one, and without weights with none.
 */
export async function addOverride(edit: Edit, scope: Scope, target: OverrideTarget, content: StatePatch): Promise<FeatureStateRow> {
  const lineage = await findLineage(edit, scope, target)
  if (lineage && lineage.removed_at === null) throw conflict('Feature state already exists for this override.')
  const initial = scope.project.prevent_flag_defaults ? null : typedValue(scope.feature.initial_value)
  const written = {
    enabled: content.enabled ?? false,
    value: content.value === undefined ? initial : content.value,
    weights: content.weights ?? [],
  }
  if (lineage) return writeState(edit, lineage, written)
  await refuseValue(edit, scope.feature.id, written.value, 'feature_state_value')
  const ids = { environment_id: scope.environment.id, feature_id: scope.feature.id, ...columnsOf(target) }
  const row = await edit.tx
    .insertInto('feature_states')
    .values({
      ...ids,
      project_id: scope.project.id,
      enabled: written.enabled,
      value: jsonOf(written.value),
      variants: JSON.stringify(await weigh(edit, { feature_id: ids.feature_id, variants: [] }, written.weights)),
      ...(await stampOf(edit, { ...ids, version: 0 })),
      created_at: edit.at,
    })
    .returningAll()
    .executeTakeFirstOrThrow()
  return readState(row)
}

/** Part of commands that remove overrides; they record the change. The rows stay, for their ids. */
export async function removeOverrides(
  edit: Edit,
  states: readonly Pick<FeatureStateRow, 'id' | 'environment_id' | 'feature_id' | 'identifier'>[],
): Promise<void> {
  const headers = await openVersions(
    edit,
    states.filter((state) => state.identifier === null),
  )
  await sql`
    update feature_states s
       set removed_at = ${edit.at}, updated_at = ${edit.at}, live_from = ${edit.at},
           version = coalesce(h.number, s.version + 1), feature_version_id = h.id
      from unnest(${states.map(({ id }) => id)}::integer[]) as removed (id)
      join feature_states t on t.id = removed.id
      left join jsonb_to_recordset(${JSON.stringify(headers)}::jsonb) as h (id integer, environment_id integer, feature_id integer, number integer)
        on h.environment_id = t.environment_id and h.feature_id = t.feature_id and t.identifier is null
     where s.id = t.id`.execute(edit.tx)
}

interface VersionHeader {
  readonly id: number
  readonly environment_id: number
  readonly feature_id: number
  readonly number: number
}

/**
 * Part of commands that change defaults or segment overrides: the version of each of these features in each of these
 * environments that this edit makes. Asked for again in the same edit, it is the same one.
 */
export async function openVersions(
  edit: Edit,
  places: readonly { readonly environment_id: number; readonly feature_id: number }[],
): Promise<VersionHeader[]> {
  if (places.length === 0) return []
  const { rows } = await sql<VersionHeader>`
    with places as (
      select distinct environment_id, feature_id
        from unnest(${places.map((place) => place.environment_id)}::integer[], ${places.map((place) => place.feature_id)}::integer[]) as p (environment_id, feature_id)
    ), opened as (
      select v.id, v.environment_id, v.feature_id, v.number
        from feature_versions v join places using (environment_id, feature_id)
       where v.live_from = ${edit.at} and v.number is not null
    ), added as (
      insert into feature_versions (environment_id, feature_id, number, live_from, author_kind, author_id, author_name)
      select p.environment_id, p.feature_id,
             1 + coalesce((select max(v.number) from feature_versions v where v.environment_id = p.environment_id and v.feature_id = p.feature_id), 0),
             ${edit.at}, ${edit.actor.kind}, ${actorId(edit.actor)}::integer, ${edit.actor.name}
        from places p
       where not exists (select from opened o where o.environment_id = p.environment_id and o.feature_id = p.feature_id)
      returning id, environment_id, feature_id, number
    )
    select * from opened union all select * from added`.execute(edit.tx)
  return rows
}

/** Part of commands that change a state or bring it back; they record the change. */
export async function writeState(edit: Edit, before: FeatureStateRow, patch: StatePatch): Promise<FeatureStateRow> {
  if (patch.value !== undefined) await refuseValue(edit, before.feature_id, patch.value, 'feature_state_value')
  const row = await edit.tx
    .updateTable('feature_states')
    .set({
      enabled: patch.enabled ?? before.enabled,
      value: jsonOf(patch.value === undefined ? before.value : patch.value),
      variants: JSON.stringify(patch.weights ? await weigh(edit, before, patch.weights) : before.variants),
      ...(await stampOf(edit, before)),
      removed_at: null,
    })
    .where('id', '=', before.id)
    .returningAll()
    .executeTakeFirstOrThrow()
  return readState(row)
}

/** Part of commands that write values: whatever carries one of a feature's values satisfies its schema, if it has one. */
export async function refuseValue(edit: Edit, featureId: number, value: FeatureValue, field: string): Promise<void> {
  const schema = await findValueSchema(edit.tx, featureId)
  const reason = schema === undefined ? undefined : whyValueIsRefused(schema, value)
  if (reason) throw invalid({ [field]: [reason] })
}

// Identity overrides count for themselves: an edit of a feature must not copy thousands of them.
async function stampOf(
  edit: Edit,
  state: Pick<FeatureStateRow, 'environment_id' | 'feature_id' | 'segment_id' | 'identifier' | 'version'>,
) {
  const instants = { live_from: edit.at, updated_at: edit.at }
  if (kindOf(state) === 'identity_override') return { version: state.version + 1, feature_version_id: null, ...instants }
  const [header] = await openVersions(edit, [state])
  if (!header) throw new Error(`No version was opened for feature ${state.feature_id}.`)
  return { version: header.number, feature_version_id: header.id, ...instants }
}

async function weigh(
  edit: Edit,
  state: Pick<FeatureStateRow, 'feature_id' | 'variants'>,
  wanted: readonly WantedWeight[],
): Promise<Weight[]> {
  await refuseWeights(edit, state.feature_id, wanted)
  const { kept, missing } = arrangeWeights(state.variants, wanted)
  if (missing.length === 0) return kept
  const { rows } = await sql<{ id: number; uuid: string }>`
    select nextval('variant_weights_id_seq') as id, gen_random_uuid() as uuid from generate_series(1, ${missing.length}::integer)`.execute(
    edit.tx,
  )
  const added = rows.flatMap(({ id, uuid }, index) =>
    missing.slice(index, index + 1).map(({ variantId, weight }) => ({ id, uuid, variant_id: variantId, weight })),
  )
  return [...kept, ...added]
}

/** Part of commands that weigh variants: the shares fit together, and each is of a variant of the feature. */
export async function refuseWeights(edit: Edit, featureId: number, wanted: readonly WantedWeight[]): Promise<void> {
  if (wanted.length === 0) return
  const weights = wanted.map(({ weight }) => weight)
  if (weights.some((weight) => !(weight >= 0 && weight <= 100)) || isOverHundred(weights))
    throw invalid({ multivariate_feature_state_values: ['Each percentage is from 0 to 100, and together they are at most 100.'] })
  const variants = await edit.tx.selectFrom('variants').select('id').where('feature_id', '=', featureId).execute()
  const known = new Set(variants.map(({ id }) => id))
  if (wanted.every(({ variantId }) => known.has(variantId))) return
  const errors = wanted.map(({ variantId }) => (known.has(variantId) ? {} : { multivariate_feature_option: [unknownId(variantId)] }))
  throw invalid({ multivariate_feature_state_values: errors })
}

function findLineage(edit: Edit, { environment, feature }: Scope, target: OverrideTarget): Promise<FeatureStateRow | undefined> {
  const lineage = edit.tx
    .selectFrom('feature_states')
    .selectAll()
    .where('environment_id', '=', environment.id)
    .where('feature_id', '=', feature.id)
  const wanted =
    'segmentId' in target ? lineage.where('segment_id', '=', target.segmentId) : lineage.where('identifier', '=', target.identifier)
  return wanted.executeTakeFirst().then((row) => row && readState(row))
}

const columnsOf = (target: OverrideTarget) =>
  'segmentId' in target ? { segment_id: target.segmentId, identifier: null } : { segment_id: null, identifier: target.identifier }

const jsonOf = (value: FeatureValue): string | null => (value === null ? null : JSON.stringify(value))
