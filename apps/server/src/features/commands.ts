import { forbidden, invalid, notFound, unknownId, type api, type Body } from '@halyard/contract'
import { findWidened } from '../access/decide.ts'
import { findHeld } from '../access/held.ts'
import type { ProjectRow } from '../access/rows.ts'
import type { Edit } from '../changes/edit.ts'
import { recordChange, recordChanges, type Change } from '../changes/record-change.ts'
import { createDefaultStates } from '../feature-states/default-states.ts'
import { findFeature, type FeatureRow } from '../feature-states/queries.ts'
import { lockProject } from '../projects/commands.ts'
import { isWholeMatch } from '../runtime/patterns.ts'
import { insertVariants } from '../variants/commands.ts'
import { whyNotDefault, whyNotKey } from '../variants/rules.ts'
import { chooseOwners, writeOwners } from './owners.ts'
import { findNamesake, listTags } from './queries.ts'
import { whyTaken } from './rules.ts'

export type NewFeature = Body<typeof api.features.create>
export type FeaturePatch = Body<typeof api.features.update>

export async function createFeature(
  edit: Edit,
  scope: Pick<ProjectRow, 'id'>,
  { tags = [], owners, group_owners: groups, multivariate_options: variants, ...settings }: NewFeature,
): Promise<FeatureRow> {
  const project = await lockProject(edit, scope)
  await refuseName(edit, project, settings.name)
  await refuseTags(edit, project, tags)
  const chosen = await chooseOwners(edit, project, { owners, group_owners: groups })
  refuseVariants(variants)
  const feature = await edit.tx
    .insertInto('features')
    .values({ ...settings, type: variants.length > 0 ? 'MULTIVARIATE' : settings.type, project_id: project.id, created_at: edit.at })
    .returningAll()
    .executeTakeFirstOrThrow()
  await insertVariants(edit, feature, variants)
  await writeTags(edit, feature, tags)
  await writeOwners(edit, feature, chosen)
  const environments = await edit.tx
    .selectFrom('environments')
    .select('id')
    .where('project_id', '=', project.id)
    .where('deleted_at', 'is', null)
    .execute()
  await createDefaultStates(edit, { project, environments, features: [feature] })
  await recordChange(edit, { type: 'feature.created', project, subject: feature.id, after: { ...feature, tags, ...chosen } })
  return feature
}

export async function updateFeature(
  edit: Edit,
  scope: Pick<ProjectRow, 'id'>,
  id: number,
  { tags, ...settings }: FeaturePatch,
): Promise<{ before: FeatureRow; after: FeatureRow }> {
  const { project, before } = await lockFeature(edit, scope, id)
  const name = settings.name ?? before.name
  if (name !== before.name) await refuseName(edit, project, name, before)
  const tagsBefore = await listTags(edit.tx, [before])
  if (tags) {
    await refuseTags(edit, project, tags)
    await refuseWidening(edit, project, tagsOf(before, tagsBefore), tags)
    await writeTags(edit, before, tags)
  }
  const after = await edit.tx
    .updateTable('features')
    .set({ ...settings, name })
    .where('id', '=', before.id)
    .returningAll()
    .executeTakeFirstOrThrow()
  await recordChange(edit, {
    type: 'feature.updated',
    project,
    subject: before.id,
    before: { ...before, tags: tagsOf(before, tagsBefore) },
    after: { ...after, tags: tagsOf(after, await listTags(edit.tx, [after])) },
  })
  return { before, after }
}

export async function deleteFeature(edit: Edit, scope: Pick<ProjectRow, 'id'>, id: number): Promise<void> {
  const { project, before } = await lockFeature(edit, scope, id)
  await markDeleted(edit, project, [before])
}

export async function deleteFeatures(edit: Edit, scope: Pick<ProjectRow, 'id'>, ids: readonly number[]): Promise<void> {
  const { project, features } = await lockFeatures(edit, scope, ids)
  await markDeleted(edit, project, features)
}

async function markDeleted(edit: Edit, project: ProjectRow, features: readonly FeatureRow[]): Promise<void> {
  const ids = features.map(({ id }) => id)
  await edit.tx.updateTable('features').set({ deleted_at: edit.at }).where('id', 'in', ids).execute()
  await recordChanges(
    edit,
    features.map((before) => ({
      type: 'feature.deleted',
      project,
      subject: before.id,
      before,
      after: { ...before, deleted_at: edit.at },
    })),
  )
}

export interface FeaturesPatch {
  readonly isArchived?: boolean | undefined
  readonly add?: readonly number[] | undefined
  readonly remove?: readonly number[] | undefined
}

/** The same of many features, in their order; what is undefined stays. */
export async function updateFeatures(
  edit: Edit,
  scope: Pick<ProjectRow, 'id'>,
  ids: readonly number[],
  { isArchived, add = [], remove = [] }: FeaturesPatch,
): Promise<FeatureRow[]> {
  const { project, features } = await lockFeatures(edit, scope, ids)
  const found = features.map(({ id }) => id)
  await refuseTags(edit, project, add, 'add_tags')
  await refuseTags(edit, project, remove, 'remove_tags')
  const tagsBefore = await listTags(edit.tx, features)
  if (isArchived !== undefined) await edit.tx.updateTable('features').set({ is_archived: isArchived }).where('id', 'in', found).execute()
  if (add.length > 0)
    for (const feature of features) {
      const had = tagsOf(feature, tagsBefore)
      await refuseWidening(edit, project, had, [...had, ...add])
    }
  for (const tag of new Set(add)) await tagAll(edit, features, tag)
  if (remove.length > 0) await edit.tx.deleteFrom('feature_tags').where('tag_id', 'in', remove).where('feature_id', 'in', found).execute()
  const tagsAfter = await listTags(edit.tx, features)
  const updated = features.map((before) => ({ before, after: { ...before, is_archived: isArchived ?? before.is_archived } }))
  await recordChanges(
    edit,
    updated.map(({ before, after }): Change => ({
      type: 'feature.updated',
      project,
      subject: before.id,
      before: { ...before, tags: tagsOf(before, tagsBefore) },
      after: { ...after, tags: tagsOf(after, tagsAfter) },
    })),
  )
  return updated.map(({ after }) => after)
}

async function lockFeature(edit: Edit, scope: Pick<ProjectRow, 'id'>, id: number): Promise<{ project: ProjectRow; before: FeatureRow }> {
  const project = await lockProject(edit, scope)
  const before = await findFeature(edit.tx, project, id)
  if (!before) throw notFound()
  return { project, before }
}

/** Those of some ids, each once and in their order; refused when one of them is not there. */
async function lockFeatures(
  edit: Edit,
  scope: Pick<ProjectRow, 'id'>,
  ids: readonly number[],
): Promise<{ project: ProjectRow; features: FeatureRow[] }> {
  const project = await lockProject(edit, scope)
  const found = await edit.tx
    .selectFrom('features')
    .selectAll()
    .where('project_id', '=', project.id)
    .where('id', 'in', ids)
    .where('deleted_at', 'is', null)
    .execute()
  refuseMissing('features', ids, found)
  const places = new Map([...new Set(ids)].map((id, place) => [id, place]))
  return { project, features: found.toSorted((one, other) => (places.get(one.id) ?? 0) - (places.get(other.id) ?? 0)) }
}

async function refuseName(edit: Edit, project: ProjectRow, name: string, own?: FeatureRow): Promise<void> {
  const namesake = await findNamesake(edit.tx, project, name)
  if (namesake && namesake.id !== own?.id) throw invalid({ name: whyTaken(project, namesake) })
  const pattern = project.feature_name_regex
  if (pattern && !isWholeMatch(pattern, name)) throw invalid({ name: [`Feature name must match regex: ${pattern}`] })
}

async function refuseTags(edit: Edit, project: ProjectRow, tags: readonly number[], field = 'tags'): Promise<void> {
  if (tags.length === 0) return
  const found = await edit.tx.selectFrom('tags').select('id').where('project_id', '=', project.id).where('id', 'in', tags).execute()
  refuseMissing(field, tags, found)
}

function refuseMissing(field: string, wanted: readonly number[], found: readonly { readonly id: number }[]): void {
  const known = new Set(found.map(({ id }) => id))
  const missing = wanted.filter((id) => !known.has(id))
  if (missing.length > 0) throw invalid({ [field]: missing.map(unknownId) })
}

function refuseVariants(variants: NewFeature['multivariate_options']): void {
  const shares = variants.map(({ key, weight }) => ({ key, default_weight: weight }))
  const weightReason = whyNotDefault(shares)
  if (weightReason) throw invalid({ multivariate_options: [weightReason] })
  const errors = shares.map(({ key }, index) => whyNotKey(key, shares.slice(0, index))).map((reason) => (reason ? { key: [reason] } : {}))
  if (errors.some((error) => 'key' in error)) throw invalid({ multivariate_options: errors })
}

// What is held for features with certain tags only must not be had for more of them by tagging these.
async function refuseWidening(edit: Edit, project: ProjectRow, before: readonly number[], after: readonly number[]): Promise<void> {
  const held = await findHeld(edit.tx, edit.actor, project.organisation_id)
  const permission = held && findWidened(held, project, before, after)
  if (permission)
    throw forbidden(
      `With these tags you would hold ${permission} for a feature that you do not hold it for now. An administrator can tag it.`,
    )
}

async function writeTags(edit: Edit, feature: Pick<FeatureRow, 'id'>, tags: readonly number[]): Promise<void> {
  const wanted = [...new Set(tags)]
  await edit.tx
    .deleteFrom('feature_tags')
    .where('feature_id', '=', feature.id)
    .$if(wanted.length > 0, (query) => query.where('tag_id', 'not in', wanted))
    .execute()
  if (wanted.length === 0) return
  const rows = wanted.map((tag) => ({ feature_id: feature.id, tag_id: tag }))
  await edit.tx
    .insertInto('feature_tags')
    .values(rows)
    .onConflict((taken) => taken.doNothing())
    .execute()
}

async function tagAll(edit: Edit, features: readonly FeatureRow[], tag: number): Promise<void> {
  await edit.tx
    .insertInto('feature_tags')
    .values(features.map(({ id }) => ({ feature_id: id, tag_id: tag })))
    .onConflict((taken) => taken.doNothing())
    .execute()
}

const tagsOf = ({ id }: FeatureRow, rows: readonly { feature_id: number; tag_id: number }[]): number[] =>
  rows.flatMap((row) => (row.feature_id === id ? [row.tag_id] : []))
