import { invalid, notFound, unknownId } from '@halyard/contract'
import type { EnvironmentRow, OrganisationRow, ProjectRow } from '../access/rows.ts'
import type { Edit } from '../changes/edit.ts'
import { recordChange, recordChanges, type Change } from '../changes/record-change.ts'
import { createMissingDefaultStates } from '../feature-states/default-states.ts'
import { restorePlaces } from '../feature-states/places.ts'
import type { FeatureRow, SegmentRow } from '../feature-states/queries.ts'
import { findNamesake } from '../features/queries.ts'
import { lockOrganisation } from '../organisations/commands.ts'
import { lockProject } from '../projects/commands.ts'
import { restorableSince, whyNameIsTaken } from './rules.ts'

export async function restoreProject(
  edit: Edit,
  scope: Pick<OrganisationRow, 'id'>,
  id: number,
  wantedName: string | undefined,
): Promise<ProjectRow> {
  const organisation = await lockOrganisation(edit, scope)
  const before = await edit.tx
    .selectFrom('projects')
    .selectAll()
    .where('id', '=', id)
    .where('organisation_id', '=', organisation.id)
    .where('deleted_at', '>', restorableSince(edit.at))
    .forNoKeyUpdate()
    .executeTakeFirst()
  if (!before) throw notFound()
  const name = wantedName ?? before.name
  const namesake = await edit.tx
    .selectFrom('projects')
    .select(['id', 'name'])
    .where('organisation_id', '=', organisation.id)
    .where('name', '=', name)
    .where('deleted_at', 'is', null)
    .executeTakeFirst()
  if (namesake) throw invalid({ name: [whyNameIsTaken('project', namesake)] })
  const after = await edit.tx
    .updateTable('projects')
    .set({ deleted_at: null, name })
    .where('id', '=', before.id)
    .returningAll()
    .executeTakeFirstOrThrow()
  await recordChange(edit, { type: 'project.restored', project: after, subject: after.id, before, after })
  return after
}

export async function restoreEnvironment(
  edit: Edit,
  scope: Pick<ProjectRow, 'id'>,
  id: number,
  wantedName: string | undefined,
): Promise<EnvironmentRow> {
  const project = await lockProject(edit, scope)
  const before = await edit.tx
    .selectFrom('environments')
    .selectAll()
    .where('id', '=', id)
    .where('project_id', '=', project.id)
    .where('deleted_at', '>', restorableSince(edit.at))
    .executeTakeFirst()
  if (!before) throw notFound()
  const name = wantedName ?? before.name
  const namesake = await edit.tx
    .selectFrom('environments')
    .select(['id', 'name'])
    .where('project_id', '=', project.id)
    .where('name', '=', name)
    .where('deleted_at', 'is', null)
    .executeTakeFirst()
  if (namesake) throw invalid({ name: [whyNameIsTaken('environment', namesake)] })
  const after = await edit.tx
    .updateTable('environments')
    .set({ deleted_at: null, name })
    .where('id', '=', before.id)
    .returningAll()
    .executeTakeFirstOrThrow()
  // Features that were made meanwhile have no state in it.
  await createMissingDefaultStates(edit, project)
  await recordChange(edit, { type: 'environment.restored', project, environment: after, subject: after.id, before, after })
  return after
}

export async function restoreFeature(
  edit: Edit,
  scope: Pick<ProjectRow, 'id'>,
  id: number,
  wantedName: string | undefined,
): Promise<FeatureRow> {
  const project = await lockProject(edit, scope)
  const [before] = await findDeletedFeatures(edit, project, [id])
  if (!before) throw notFound()
  const name = wantedName ?? before.name
  const [after] = await bringBack(edit, project, [{ ...before, name }])
  if (!after) throw new Error(`Feature ${before.id} was not restored.`)
  return after
}

export async function restoreFeatures(edit: Edit, scope: Pick<ProjectRow, 'id'>, ids: readonly number[]): Promise<FeatureRow[]> {
  const project = await lockProject(edit, scope)
  const deleted = await findDeletedFeatures(edit, project, ids)
  const missing = ids.filter((id) => deleted.every((feature) => feature.id !== id))
  if (missing.length > 0) throw invalid({ features: missing.map(unknownId) })
  return bringBack(edit, project, deleted)
}

export async function restoreSegment(
  edit: Edit,
  scope: Pick<ProjectRow, 'id'>,
  id: number,
  wantedName: string | undefined,
): Promise<SegmentRow> {
  const project = await lockProject(edit, scope)
  const before = await edit.tx
    .selectFrom('segments')
    .selectAll()
    .where('id', '=', id)
    .where('project_id', '=', project.id)
    .where('deleted_at', '>', restorableSince(edit.at))
    .executeTakeFirst()
  if (!before?.deleted_at) throw notFound()
  const after = await edit.tx
    .updateTable('segments')
    .set({ deleted_at: null, name: wantedName ?? before.name })
    .where('id', '=', before.id)
    .returningAll()
    .executeTakeFirstOrThrow()
  await restorePlaces(edit, after, before.deleted_at)
  await recordChange(edit, { type: 'segment.restored', project, subject: after.id, before, after })
  return after
}

const findDeletedFeatures = (edit: Edit, project: Pick<ProjectRow, 'id'>, ids: readonly number[]): Promise<FeatureRow[]> =>
  edit.tx
    .selectFrom('features')
    .selectAll()
    .where('project_id', '=', project.id)
    .where('id', 'in', ids)
    .where('deleted_at', '>', restorableSince(edit.at))
    .orderBy('id')
    .execute()

/** One after the other, so that two of the same name meet each other. */
async function bringBack(edit: Edit, project: ProjectRow, deleted: readonly FeatureRow[]): Promise<FeatureRow[]> {
  const restored: Change[] = []
  const features: FeatureRow[] = []
  for (const before of deleted) {
    const namesake = await findNamesake(edit.tx, project, before.name)
    if (namesake) throw invalid({ name: [whyNameIsTaken('feature', namesake)] })
    const after = await edit.tx
      .updateTable('features')
      .set({ deleted_at: null, name: before.name })
      .where('id', '=', before.id)
      .returningAll()
      .executeTakeFirstOrThrow()
    features.push(after)
    restored.push({ type: 'feature.restored', project, subject: after.id, before, after })
  }
  // Environments that were made meanwhile have no state of them.
  await createMissingDefaultStates(edit, project)
  await recordChanges(edit, restored)
  return features
}
