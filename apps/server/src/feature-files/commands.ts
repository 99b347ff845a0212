import { invalid, Problem, unknownId, type FeatureInFile } from '@halyard/contract'
import type { Selectable } from 'kysely'
import type { EnvironmentRow, ProjectRow } from '../access/rows.ts'
import type { Edit } from '../changes/edit.ts'
import { recordChange } from '../changes/record-change.ts'
import { changeFlag, type FlagScope } from '../feature-states/change-flag.ts'
import { readFlag, type FeatureRow } from '../feature-states/queries.ts'
import { createFeature } from '../features/commands.ts'
import { findNamesake } from '../features/queries.ts'
import type { FeatureExportsTable, FeatureImportsTable } from '../runtime/tables.ts'
import { createVariant } from '../variants/commands.ts'
import { listVariants } from '../variants/queries.ts'
import type { VariantRow } from '../variants/rules.ts'
import { listOverriddenIdentifiers, readFeatures } from './queries.ts'

interface Where {
  readonly project: ProjectRow
  readonly environment: EnvironmentRow
}

export async function exportFeatures(
  edit: Edit,
  { project, environment }: Where,
  tags: readonly number[],
): Promise<Selectable<FeatureExportsTable>> {
  await refuseTags(edit, project, tags)
  const features = await readFeatures(edit.tx, environment, tags)
  const exported = await edit.tx
    .insertInto('feature_exports')
    .values({ environment_id: environment.id, created_at: edit.at, file: JSON.stringify(features) })
    .returningAll()
    .executeTakeFirstOrThrow()
  const after = { name: environment.name, features: features.length, tags }
  await recordChange(edit, { type: 'feature_export.created', project, environment, subject: exported.id, after })
  return exported
}

async function refuseTags(edit: Edit, project: ProjectRow, tags: readonly number[]): Promise<void> {
  if (tags.length === 0) return
  const found = await edit.tx.selectFrom('tags').select('id').where('project_id', '=', project.id).where('id', 'in', tags).execute()
  const missing = tags.filter((tag) => found.every(({ id }) => id !== tag))
  if (missing.length > 0) throw invalid({ tag_ids: missing.map(unknownId) })
}

export type Strategy = 'SKIP' | 'OVERWRITE_DESTRUCTIVE'

/** By the commands that people's edits go through too, so that nothing comes in that they would refuse. */
export async function importFeatures(
  edit: Edit,
  where: Where,
  features: readonly FeatureInFile[],
  strategy: Strategy,
): Promise<Selectable<FeatureImportsTable>> {
  const done = { created: 0, overwritten: 0, skipped: 0 }
  for (const [index, wanted] of features.entries()) {
    const feature = await findNamesake(edit.tx, where.project, wanted.name)
    const what = !feature ? 'created' : strategy === 'SKIP' ? 'skipped' : 'overwritten'
    done[what] += 1
    if (!feature) await atPlace(index, wanted, () => create(edit, where, wanted))
    else if (what === 'overwritten') await atPlace(index, wanted, () => overwrite(edit, { ...where, feature }, wanted))
  }
  const imported = await edit.tx
    .insertInto('feature_imports')
    .values({ environment_id: where.environment.id, created_at: edit.at, strategy })
    .returningAll()
    .executeTakeFirstOrThrow()
  const after = { name: where.environment.name, strategy, ...done }
  await recordChange(edit, { type: 'feature_import.created', ...where, subject: imported.id, after })
  return imported
}

// Whoever wrote the file did not write the request that a rule complains about.
async function atPlace(index: number, { name }: FeatureInFile, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (error instanceof Problem && error.code === 'invalid') throw invalid({ file: [`${index} (“${name}”): ${error.message}`] })
    throw error
  }
}

async function create(edit: Edit, { project, environment }: Where, wanted: FeatureInFile): Promise<void> {
  const { name, default_enabled, is_server_key_only, initial_value, multivariate } = wanted
  const feature = await createFeature(edit, project, {
    name,
    default_enabled,
    is_server_key_only,
    initial_value,
    type: 'STANDARD',
    description: null,
    is_archived: false,
    owners: [],
    group_owners: [],
    multivariate_options: multivariate.map((each) => ({ key: null, value: each.value, weight: each.default_percentage_allocation })),
  })
  const variants = await listVariants(edit.tx, [feature])
  await setDefault(edit, { project, environment, feature }, wanted, variants)
}

async function overwrite(edit: Edit, scope: FlagScope, wanted: FeatureInFile): Promise<void> {
  const { feature } = scope
  const flag = await readFlag(edit.tx, scope)
  await changeFlag(edit, scope, {
    // Room for variants that are new.
    default: { weights: [] },
    withoutSegments: flag.places.map((place) => place.segment_id),
    withoutIdentities: await listOverriddenIdentifiers(edit.tx, scope.environment, feature),
  })
  await overwriteSettings(edit, scope.project, feature, wanted)
  const free = await listVariants(edit.tx, [feature])
  const variants: VariantRow[] = []
  for (const { value, default_percentage_allocation: weight } of wanted.multivariate) {
    const found = free.findIndex((variant) => variant.value === value)
    const [variant] = found < 0 ? [] : free.splice(found, 1)
    variants.push(variant ?? (await createVariant(edit, scope.project, feature.id, { key: null, value, weight })))
  }
  await setDefault(edit, scope, wanted, variants)
}

async function overwriteSettings(edit: Edit, project: ProjectRow, before: FeatureRow, wanted: FeatureInFile): Promise<void> {
  const { default_enabled, initial_value, is_server_key_only } = wanted
  const settings = { default_enabled, initial_value, is_server_key_only }
  const isSame =
    before.default_enabled === default_enabled && before.initial_value === initial_value && before.is_server_key_only === is_server_key_only
  if (isSame) return
  const after = await edit.tx.updateTable('features').set(settings).where('id', '=', before.id).returningAll().executeTakeFirstOrThrow()
  await recordChange(edit, { type: 'feature.updated', project, subject: before.id, before, after })
}

async function setDefault(edit: Edit, scope: FlagScope, wanted: FeatureInFile, variants: readonly VariantRow[]): Promise<void> {
  const weights = variants.map(({ id }, index) => ({ variantId: id, weight: wanted.multivariate[index]?.percentage_allocation ?? 0 }))
  await changeFlag(edit, scope, { default: { enabled: wanted.enabled, value: wanted.value, weights } })
}
