import { invalid, notFound, type FeatureValue } from '@halyard/contract'
import { sql } from 'kysely'
import type { ProjectRow } from '../access/rows.ts'
import type { Edit } from '../changes/edit.ts'
import { recordChange } from '../changes/record-change.ts'
import { openVersions, refuseValue } from '../feature-states/commands.ts'
import { findFeature, type FeatureRow } from '../feature-states/queries.ts'
import { readState } from '../feature-states/rules.ts'
import { lockProject } from '../projects/commands.ts'
import { findVariant, listVariants } from './queries.ts'
import { readVariant, whyNotDefault, whyNotEverywhere, whyNotKey, type VariantRow } from './rules.ts'

export interface NewVariant {
  readonly key: string | null
  readonly value: FeatureValue
  readonly weight: number
}

export interface VariantPatch {
  readonly key?: string | null | undefined
  readonly value?: FeatureValue | undefined
  readonly weight?: number | undefined
}

export async function createVariant(edit: Edit, scope: Pick<ProjectRow, 'id'>, featureId: number, wanted: NewVariant): Promise<VariantRow> {
  const { project, feature } = await lockFeature(edit, scope, featureId)
  const existing = await listVariants(edit.tx, [feature])
  refuse(existing, { key: wanted.key, default_weight: wanted.weight })
  await refuseValue(edit, feature.id, wanted.value, 'string_value')
  const states = await listDefaults(edit, feature)
  const reason = whyNotEverywhere(states, wanted.weight)
  if (reason) throw invalid({ default_percentage_allocation: [reason] })
  const [variant] = await insertVariants(edit, feature, [wanted])
  if (!variant) throw new Error(`The variant of feature ${feature.id} was not inserted.`)
  await weighEverywhere(edit, variant, states)
  await setType(edit, feature, 'MULTIVARIATE')
  await recordChange(edit, { type: 'variant.created', project, subject: variant.id, after: variant })
  return variant
}

/** Part of commands that make features; they record the change. States are made after the variants and take over their weights. */
export async function insertVariants(
  edit: Edit,
  feature: Pick<FeatureRow, 'id' | 'project_id'>,
  wanted: readonly NewVariant[],
): Promise<VariantRow[]> {
  if (wanted.length === 0) return []
  const rows = await edit.tx
    .insertInto('variants')
    .values(
      wanted.map(({ key, value, weight }) => ({
        project_id: feature.project_id,
        feature_id: feature.id,
        key,
        value: value === null ? null : JSON.stringify(value),
        default_weight: weight,
        created_at: edit.at,
      })),
    )
    .returningAll()
    .execute()
  return rows.map(readVariant)
}

/** Changes what a variant is called, carries, or begins with in new environments; existing weights stay. */
export async function updateVariant(
  edit: Edit,
  scope: Pick<ProjectRow, 'id'>,
  ids: { feature: number; variant: number },
  patch: VariantPatch,
): Promise<VariantRow> {
  const { project, feature } = await lockFeature(edit, scope, ids.feature)
  const existing = await listVariants(edit.tx, [feature])
  const before = existing.find(({ id }) => id === ids.variant)
  if (!before) throw notFound()
  const wanted = { key: patch.key === undefined ? before.key : patch.key, default_weight: patch.weight ?? before.default_weight }
  refuse(
    existing.filter((other) => other !== before),
    wanted,
  )
  const value = patch.value === undefined ? before.value : patch.value
  if (patch.value !== undefined) await refuseValue(edit, feature.id, patch.value, 'string_value')
  const row = await edit.tx
    .updateTable('variants')
    .set({ ...wanted, value: value === null ? null : JSON.stringify(value) })
    .where('id', '=', before.id)
    .returningAll()
    .executeTakeFirstOrThrow()
  const after = readVariant(row)
  await recordChange(edit, { type: 'variant.updated', project, subject: before.id, before, after })
  return after
}

/** Deletes a variant and takes its weight out of every state; who had it gets the feature's own value. */
export async function deleteVariant(edit: Edit, scope: Pick<ProjectRow, 'id'>, ids: { feature: number; variant: number }): Promise<void> {
  const { project, feature } = await lockFeature(edit, scope, ids.feature)
  const before = await findVariant(edit.tx, feature, ids.variant)
  if (!before) throw notFound()
  await weighNowhere(edit, before)
  await edit.tx.deleteFrom('variants').where('id', '=', before.id).execute()
  if ((await listVariants(edit.tx, [feature])).length === 0) await setType(edit, feature, 'STANDARD')
  await recordChange(edit, { type: 'variant.deleted', project, subject: before.id, before })
}

async function lockFeature(edit: Edit, scope: Pick<ProjectRow, 'id'>, id: number): Promise<{ project: ProjectRow; feature: FeatureRow }> {
  const project = await lockProject(edit, scope)
  const feature = await findFeature(edit.tx, project, id)
  if (!feature) throw notFound()
  return { project, feature }
}

function refuse(others: readonly VariantRow[], wanted: { key: string | null; default_weight: number }): void {
  const keyReason = whyNotKey(wanted.key, others)
  if (keyReason) throw invalid({ key: [keyReason] })
  const weightReason = whyNotDefault([...others, wanted])
  if (weightReason) throw invalid({ default_percentage_allocation: [weightReason] })
}

async function setType(edit: Edit, feature: FeatureRow, type: 'STANDARD' | 'MULTIVARIATE'): Promise<void> {
  if (feature.type !== type) await edit.tx.updateTable('features').set({ type }).where('id', '=', feature.id).execute()
}

async function listDefaults(edit: Edit, feature: FeatureRow) {
  const rows = await edit.tx
    .selectFrom('feature_states')
    .innerJoin('environments', 'environments.id', 'feature_states.environment_id')
    .selectAll('feature_states')
    .select('environments.name as environment_name')
    .where('feature_states.feature_id', '=', feature.id)
    .where('feature_states.segment_id', 'is', null)
    .where('feature_states.identifier', 'is', null)
    .where('environments.deleted_at', 'is', null)
    .orderBy('feature_states.environment_id')
    .execute()
  return rows.map(readState)
}

async function weighEverywhere(
  edit: Edit,
  variant: VariantRow,
  states: readonly { id: number; environment_id: number; feature_id: number }[],
): Promise<void> {
  const headers = await openVersions(edit, states)
  await sql`
    with weights as (
      select s.id as state_id, h.id as header_id, h.number, nextval('variant_weights_id_seq') as weight_id
        from jsonb_to_recordset(${JSON.stringify(headers)}::jsonb) as h (id integer, environment_id integer, number integer)
        join feature_states s on s.environment_id = h.environment_id
       where s.id = any(${states.map(({ id }) => id)}::integer[])
    )
    update feature_states s
       set variants = s.variants || jsonb_build_object('id', w.weight_id, 'uuid', gen_random_uuid(), 'variant_id', ${variant.id}::integer, 'weight', ${variant.default_weight}::double precision),
           version = w.number, feature_version_id = w.header_id, live_from = ${edit.at}, updated_at = ${edit.at}
      from weights w where w.state_id = s.id`.execute(edit.tx)
}

// Overrides that were removed give up the weight too, or it would come back with them.
async function weighNowhere(edit: Edit, variant: VariantRow): Promise<void> {
  const { rows: states } = await sql<{ environment_id: number; feature_id: number; identifier: string | null; removed_at: Date | null }>`
    select environment_id, feature_id, identifier, removed_at from feature_states
     where feature_id = ${variant.feature_id} and variants @> ${JSON.stringify([{ variant_id: variant.id }])}::jsonb`.execute(edit.tx)
  const headers = await openVersions(
    edit,
    states.filter((state) => state.identifier === null && state.removed_at === null),
  )
  await sql`
    update feature_states s
       set variants = (select coalesce(jsonb_agg(weight order by position), '[]'::jsonb)
                         from jsonb_array_elements(s.variants) with ordinality as w (weight, position)
                        where (weight ->> 'variant_id')::integer <> ${variant.id}),
           version = case when s.removed_at is not null then s.version else coalesce(h.number, s.version + 1) end,
           feature_version_id = coalesce(h.id, s.feature_version_id),
           live_from = case when s.removed_at is not null then s.live_from else ${edit.at} end,
           updated_at = case when s.removed_at is not null then s.updated_at else ${edit.at} end
      from feature_states t
      left join jsonb_to_recordset(${JSON.stringify(headers)}::jsonb) as h (id integer, environment_id integer, number integer)
        on h.environment_id = t.environment_id and t.identifier is null and t.removed_at is null
     where t.id = s.id and s.feature_id = ${variant.feature_id} and s.variants @> ${JSON.stringify([{ variant_id: variant.id }])}::jsonb`.execute(
    edit.tx,
  )
}
