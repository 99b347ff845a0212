import { conflict, invalid, notFound, unknownId } from '@halyard/contract'
import * as z from 'zod'
import { system } from '../access/actor.ts'
import type { EnvironmentRow, ProjectRow } from '../access/rows.ts'
import { runEdit, type Edit } from '../changes/edit.ts'
import { recordChange } from '../changes/record-change.ts'
import { changeFlag, updateFeatureState } from '../feature-states/change-flag.ts'
import { removeOverrides } from '../feature-states/commands.ts'
import { findFeature, listIdentityStates } from '../feature-states/queries.ts'
import type { FeatureStateRow, StatePatch } from '../feature-states/rules.ts'
import type { Database } from '../runtime/database.ts'
import { findDeletion, listIdentityOverrides, requireIdentityOverride } from './queries.ts'

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
  const scope = { ...owner, feature }
  const [before] = await listIdentityStates(edit.tx, scope, [owner.identifier])
  if (before) throw conflict('Feature state already exists for this override.')
  await changeFlag(edit, scope, { identities: [{ identifier: owner.identifier, content: wanted.content }] })
  const [after] = await listIdentityStates(edit.tx, scope, [owner.identifier])
  if (!after) throw new Error(`The override of feature ${feature.id} was not made.`)
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
  for (const { feature_id: id, enabled, value, variants } of given) {
    const feature = await findFeature(edit.tx, owner.project, id)
    if (!feature) throw notFound()
    const content = { enabled, value, weights: variants.map((each) => ({ variantId: each.variant_id, weight: each.weight })) }
    await changeFlag(edit, { ...owner, feature }, { identities: [{ identifier: owner.identifier, content }] })
  }
  const extra = had.filter((override) => given.every((wanted) => wanted.feature_id !== override.feature_id))
  if (extra.length > 0) await removeAll(edit, owner, extra)
}

const deletedIdentity = z.object({ environmentId: z.int(), subject: z.string() })

/**
 * The job that follows the deletion of an identity. Safe to repeat: it removes what there is from before the deletion, and an
 * identity of the same name that was made since keeps its own.
 */
export async function removeIdentityOverrides(control: Database, payload: unknown): Promise<void> {
  const { environmentId, subject: pseudonym } = deletedIdentity.parse(payload)
  const owner = await control.db.selectFrom('identity_keys').select('identifier').where('pseudonym', '=', pseudonym).executeTakeFirst()
  const environment = await control.db
    .selectFrom('environments')
    .selectAll()
    .where('id', '=', environmentId)
    .where('deleted_at', 'is', null)
    .executeTakeFirst()
  if (!owner || !environment) return
  const project = await control.db
    .selectFrom('projects')
    .selectAll()
    .where('id', '=', environment.project_id)
    .where('deleted_at', 'is', null)
    .executeTakeFirst()
  const deletedAt = await findDeletion(control.db, environment, { pseudonym })
  if (!project || !deletedAt) return
  const options = { actor: system('remove_identity_overrides'), lock: { on: 'project', id: project.id } } as const
  await runEdit(control, options, async (edit) => {
    const overrides = await listIdentityOverrides(edit.tx, environment, owner)
    const earlier = overrides.filter((override) => override.updated_at <= deletedAt)
    if (earlier.length > 0) await removeAll(edit, { project, environment }, earlier)
  })
}
