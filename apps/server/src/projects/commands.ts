import { invalid, notFound, type api, type Body } from '@halyard/contract'
import type { OrganisationRow, ProjectRow } from '../access/rows.ts'
import type { Edit } from '../changes/edit.ts'
import { recordChange } from '../changes/record-change.ts'
import { grantToCreator } from '../grants/commands.ts'
import { lockOrganisation } from '../organisations/commands.ts'
import { isProjectNameTaken } from './queries.ts'
import { whyNotPattern } from '../runtime/patterns.ts'

export type ProjectSettings = Body<typeof api.projects.update>

export async function createProject(
  edit: Edit,
  organisation: Pick<OrganisationRow, 'id'>,
  { name, ...settings }: ProjectSettings & { name: string },
): Promise<ProjectRow> {
  await lockOrganisation(edit, organisation)
  if (await isProjectNameTaken(edit.tx, organisation, name)) throw nameTaken()
  const project = await edit.tx
    .insertInto('projects')
    .values({ ...columnsOf(settings), name, organisation_id: organisation.id, created_at: edit.at, changed_at: edit.at })
    .returningAll()
    .executeTakeFirstOrThrow()
  await grantToCreator(edit, { organisation_id: organisation.id, project_id: project.id })
  await recordChange(edit, { type: 'project.created', project, subject: project.id, after: project })
  return project
}

export async function updateProject(edit: Edit, project: ProjectRow, settings: ProjectSettings): Promise<ProjectRow> {
  const before = await lockProject(edit, project)
  const name = settings.name ?? before.name
  if (name !== before.name && (await isProjectNameTaken(edit.tx, { id: before.organisation_id }, name))) throw nameTaken()
  const after = await edit.tx
    .updateTable('projects')
    .set({ ...columnsOf(settings), name })
    .where('id', '=', before.id)
    .returningAll()
    .executeTakeFirstOrThrow()
  await recordChange(edit, { type: 'project.updated', project: after, subject: before.id, before, after })
  return after
}

export async function deleteProject(edit: Edit, project: ProjectRow): Promise<void> {
  const before = await lockProject(edit, project)
  const after = await edit.tx
    .updateTable('projects')
    .set({ deleted_at: edit.at })
    .where('id', '=', before.id)
    .returningAll()
    .executeTakeFirstOrThrow()
  await recordChange(edit, { type: 'project.deleted', project: after, subject: before.id, before, after })
}

/** The project as it is now, kept so until the edit ends; 404 if it was deleted meanwhile. */
export async function lockProject(edit: Edit, { id }: Pick<ProjectRow, 'id'>): Promise<ProjectRow> {
  const project = await edit.tx
    .selectFrom('projects')
    .selectAll()
    .where('id', '=', id)
    .where('deleted_at', 'is', null)
    .forNoKeyUpdate()
    .executeTakeFirst()
  if (!project) throw notFound()
  return project
}

function columnsOf(settings: ProjectSettings): ProjectSettings {
  const pattern = settings.feature_name_regex
  if (!pattern) return pattern === '' ? { ...settings, feature_name_regex: null } : settings
  const reason = whyNotPattern(pattern)
  if (reason) throw invalid({ feature_name_regex: [reason] })
  return settings
}

const nameTaken = () => invalid({ name: ['A project with this name already exists.'] })
