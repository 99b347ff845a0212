import { conflict, notFound, Problem, type api, type Body } from '@halyard/contract'
import type { ProjectRow } from '../access/rows.ts'
import type { Edit } from '../changes/edit.ts'
import { recordChange } from '../changes/record-change.ts'
import { lockProject } from '../projects/commands.ts'
import type { TagRow } from './queries.ts'
import { whyNotDeletable, whyNotUpdatable } from './rules.ts'

export async function createTag(edit: Edit, { id }: Pick<ProjectRow, 'id'>, settings: Body<typeof api.tags.create>): Promise<TagRow> {
  const project = await lockProject(edit, { id })
  const tag = await edit.tx
    .insertInto('tags')
    .values({ ...settings, project_id: project.id, created_at: edit.at })
    .returningAll()
    .executeTakeFirstOrThrow()
  await recordChange(edit, { type: 'tag.created', project, subject: tag.id, after: tag })
  return tag
}

export type TagPatch = Body<typeof api.tags.update> & { id: number }

export async function updateTag(edit: Edit, project: ProjectRow, { id, ...settings }: TagPatch): Promise<TagRow> {
  const before = await lockTag(edit, project, id)
  const reason = whyNotUpdatable(before)
  if (reason) throw conflict(reason)
  const after = await edit.tx
    .updateTable('tags')
    .set({ ...settings, label: settings.label ?? before.label })
    .where('id', '=', before.id)
    .returningAll()
    .executeTakeFirstOrThrow()
  await recordChange(edit, { type: 'tag.updated', project, subject: before.id, before, after })
  return after
}

export async function deleteTag(edit: Edit, project: ProjectRow, id: number): Promise<void> {
  const before = await lockTag(edit, project, id)
  const reason = whyNotDeletable(before)
  if (reason) throw new Problem('invalid', reason, { body: { message: reason } })
  await edit.tx.deleteFrom('tags').where('id', '=', before.id).execute()
  await recordChange(edit, { type: 'tag.deleted', project, subject: before.id, before })
}

async function lockTag(edit: Edit, project: ProjectRow, id: number): Promise<TagRow> {
  await lockProject(edit, project)
  const tag = await edit.tx
    .selectFrom('tags')
    .selectAll()
    .where('id', '=', id)
    .where('project_id', '=', project.id)
    .forUpdate()
    .executeTakeFirst()
  if (!tag) throw notFound()
  return tag
}
