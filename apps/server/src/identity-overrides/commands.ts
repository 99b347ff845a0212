import { invalid, unknownId } from '@halyard/contract'
import * as z from 'zod'
import { system } from '../access/actor.ts'
import type { EnvironmentRow, ProjectRow } from '../access/rows.ts'
import { runEdit, type Edit } from '../changes/edit.ts'
import { recordChange } from '../changes/record-change.ts'
import { addOverride, removeOverrides, updateFeatureState, type StatePatch } from '../feature-states/commands.ts'
import { findFeature, type FeatureRow } from '../feature-states/queries.ts'
import type { FeatureStateRow } from '../feature-states/rules.ts'
import type { Database } from '../runtime/database.ts'
import { findDeletion, listIdentityOverrides, requireIdentityOverride } from './queries.ts'
import { isSameOverride } from './rules.ts'

/** Whose overrides they are. */
export interface Owner {
  readonly project: ProjectRow
  readonly environment: EnvironmentRow
  readonly identifier: string
}

export async function createIdentityOverride(
  edit: Edit,
  owner: Owner,
  wanted: { feature: number; content: StatePatch },
): Promise<FeatureStateRow> {
  const feature = await findFeature(edit.tx, owner.project, wanted.feature)
  if (!feature) throw invalid({ feature: [unknownId(wanted.feature)] })
  return addIdentityOverride(edit, owner, feature, wanted.content)
}

async function addIdentityOverride(
  edit: Edit,
  owner: Owner,
  feature: Pick<FeatureRow, 'id' | 'initial_value'>,
  content: StatePatch,
): Promise<FeatureStateRow> {
  const { project, environment, identifier } = owner
  const after = await addOverride(edit, { project, environment, feature }, { identifier }, content)
  await recordChange(edit, { type: 'identity_override.created', project, environment, subject: after.id, after })
  return after
}

export async function updateIdentityOverride(edit: Edit, owner: Owner, id: number, patch: StatePatch): Promise<FeatureStateRow> {
  const before = await requireIdentityOverride(edit.tx, owner.environment, owner, id)
  await updateFeatureState(edit, owner, before, patch)
  return requireIdentityOverride(edit.tx, owner.environment, owner, id)
}

export async function deleteIdentityOverride(edit: Edit, owner: Owner, id: number): Promise<void> {
  const { feature_segment_id: _none, ...before } = await requireIdentityOverride(edit.tx, owner.environment, owner, id)
  await removeAll(edit, owner, [before])
}

async function removeAll(
  edit: Edit,
  { project, environment }: Omit<Owner, 'identifier'>,
  overrides: readonly FeatureStateRow[],
): Promise<void> {
  await removeOverrides(edit, overrides)
  for (const before of overrides)
    await recordChange(edit, { type: 'identity_override.deleted', project, environment, subject: before.id, before })
}

/** Gives one identity the overrides of another, and no others. What is the same already stays untouched. */
export async function cloneIdentityOverrides(edit: Edit, owner: Owner, source: { readonly identifier: string }): Promise<void> {
  const given = await listIdentityOverrides(edit.tx, owner.environment, source)
  const had = await listIdentityOverrides(edit.tx, owner.environment, owner)
  const own = new Map(had.map((override) => [override.feature_id, override]))
  const extra = new Map(own)
  for (const wanted of given) {
    const before = own.get(wanted.feature_id)
    extra.delete(wanted.feature_id)
    const content = {
      enabled: wanted.enabled,
      value: wanted.value,
      weights: wanted.variants.map((each) => ({ variantId: each.variant_id, weight: each.weight })),
    }
    if (!before) await addIdentityOverride(edit, owner, { id: wanted.feature_id, initial_value: null }, content)
    else if (!isSameOverride(before, wanted)) await updateFeatureState(edit, owner, { ...before, feature_segment_id: null }, content)
  }
  if (extra.size > 0) await removeAll(edit, owner, [...extra.values()])
}

const deletedIdentity = z.object({ environmentId: z.int(), subject: z.string() })

/**
 * The job that follows the deletion of an identity. Safe to repeat: it removes what there is from before the deletion, and an
 * identity of the same name that was made since keeps its own.
 */
export async function removeIdentityOverrides(control: Database, payload: unknown): Promise<void> {
  const { environmentId, subject: identifier } = deletedIdentity.parse(payload)
  const environment = await control.db
    .selectFrom('environments')
    .selectAll()
    .where('id', '=', environmentId)
    .where('deleted_at', 'is', null)
    .executeTakeFirst()
  if (!environment) return
  const project = await control.db
    .selectFrom('projects')
    .selectAll()
    .where('id', '=', environment.project_id)
    .where('deleted_at', 'is', null)
    .executeTakeFirst()
  const deletedAt = await findDeletion(control.db, environment, { identifier })
  if (!project || !deletedAt) return
  const options = { actor: system('remove_identity_overrides'), lock: { on: 'project', id: project.id } } as const
  await runEdit(control, options, async (edit) => {
    const overrides = await listIdentityOverrides(edit.tx, environment, { identifier })
    const earlier = overrides.filter((override) => override.updated_at <= deletedAt)
    if (earlier.length > 0) await removeAll(edit, { project, environment }, earlier)
  })
}
