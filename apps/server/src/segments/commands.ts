import { conflict, invalid, notFound, unknownId, type SegmentRule } from '@halyard/contract'
import type { ProjectRow } from '../access/rows.ts'
import type { Edit } from '../changes/edit.ts'
import { recordChange } from '../changes/record-change.ts'
import { removeSegmentOverrides } from '../feature-segments/commands.ts'
import { findFeature } from '../feature-states/queries.ts'
import { lockProject } from '../projects/commands.ts'
import { listUses, readSegment, findSegmentById, type SegmentRow } from './queries.ts'
import { whyNotDeletable, whyNotSavable } from './rules.ts'

export interface NewSegment {
  readonly name: string
  readonly description: string | null
  readonly rules: readonly SegmentRule[]
  /** The only feature it may override. */
  readonly feature?: number | null | undefined
}

export interface SegmentPatch {
  readonly name?: string | undefined
  readonly description?: string | null | undefined
  readonly rules?: readonly SegmentRule[] | undefined
}

export async function createSegment(
  edit: Edit,
  scope: Pick<ProjectRow, 'id'>,
  { feature = null, ...wanted }: NewSegment,
): Promise<SegmentRow> {
  const project = await lockProject(edit, scope)
  refuseRules(wanted.rules)
  if (feature !== null && !(await findFeature(edit.tx, project, feature))) throw invalid({ feature: [unknownId(feature)] })
  return insertSegment(edit, project, { ...wanted, feature })
}

/** The same rules under another name; overrides are not taken along. */
export async function cloneSegment(edit: Edit, scope: Pick<ProjectRow, 'id'>, id: number, name: string): Promise<SegmentRow> {
  const { project, before } = await lockSegment(edit, scope, id)
  return insertSegment(edit, project, { name, description: before.description, rules: before.rules, feature: before.feature_id })
}

export async function updateSegment(edit: Edit, scope: Pick<ProjectRow, 'id'>, id: number, patch: SegmentPatch): Promise<SegmentRow> {
  const { project, before } = await lockSegment(edit, scope, id)
  if (patch.rules) refuseRules(patch.rules)
  const row = await edit.tx
    .updateTable('segments')
    .set({
      name: patch.name ?? before.name,
      description: patch.description === undefined ? before.description : patch.description,
      rules: JSON.stringify(patch.rules ?? before.rules),
      version: before.version + 1,
      updated_at: edit.at,
    })
    .where('id', '=', before.id)
    .returningAll()
    .executeTakeFirstOrThrow()
  const after = readSegment(row)
  await recordChange(edit, { type: 'segment.updated', project, subject: before.id, before, after })
  return after
}

export interface Deletion {
  /** With its overrides. */
  readonly force: boolean
  /** The environments that whoever asks may know of. */
  readonly seen: readonly number[]
}

export async function deleteSegment(edit: Edit, scope: Pick<ProjectRow, 'id'>, id: number, asked: Deletion): Promise<void> {
  const { project, before } = await lockSegment(edit, scope, id)
  const reason = asked.force ? undefined : whyNotDeletable(before, await listUses(edit.tx, before), asked.seen)
  if (reason) throw conflict(reason)
  await removeSegmentOverrides(edit, before)
  const row = await edit.tx
    .updateTable('segments')
    .set({ deleted_at: edit.at })
    .where('id', '=', before.id)
    .returningAll()
    .executeTakeFirstOrThrow()
  await recordChange(edit, { type: 'segment.deleted', project, subject: before.id, before, after: readSegment(row) })
}

async function insertSegment(edit: Edit, project: ProjectRow, { feature, rules, ...wanted }: NewSegment): Promise<SegmentRow> {
  const row = await edit.tx
    .insertInto('segments')
    .values({
      ...wanted,
      feature_id: feature ?? null,
      rules: JSON.stringify(rules),
      project_id: project.id,
      created_at: edit.at,
      updated_at: edit.at,
    })
    .returningAll()
    .executeTakeFirstOrThrow()
  const segment = readSegment(row)
  await recordChange(edit, { type: 'segment.created', project, subject: segment.id, after: segment })
  return segment
}

async function lockSegment(edit: Edit, scope: Pick<ProjectRow, 'id'>, id: number): Promise<{ project: ProjectRow; before: SegmentRow }> {
  const project = await lockProject(edit, scope)
  const before = await findSegmentById(edit.tx, project, id)
  if (!before) throw notFound()
  return { project, before }
}

function refuseRules(rules: readonly SegmentRule[]): void {
  const problem = whyNotSavable(rules)
  if (problem) throw problem
}
