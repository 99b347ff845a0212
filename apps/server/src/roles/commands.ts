import { conflict, invalid, notFound, unknownId, type api, type Body } from '@halyard/contract'
import type { OrganisationRow } from '../access/rows.ts'
import type { Edit } from '../changes/edit.ts'
import { recordChange } from '../changes/record-change.ts'
import { createGrant, deleteGrant, updateGrant, type GrantContent } from '../grants/commands.ts'
import type { GrantPlace, GrantRow } from '../grants/queries.ts'
import { findRoleGrant, requireRole, type Assignee, type RoleLevel, type RoleRow } from './queries.ts'

type Organisation = Pick<OrganisationRow, 'id'>

export async function createRole(edit: Edit, organisation: Organisation, settings: Body<typeof api.roles.create>): Promise<RoleRow> {
  await refuseTags(edit, organisation, settings.tags)
  const role = await edit.tx
    .insertInto('roles')
    .values({ ...settings, organisation_id: organisation.id, created_at: edit.at })
    .returningAll()
    .executeTakeFirstOrThrow()
  await recordChange(edit, { type: 'role.created', organisation, subject: role.id, after: role })
  return role
}

export async function updateRole(
  edit: Edit,
  organisation: Organisation,
  id: number,
  settings: Body<typeof api.roles.update>,
): Promise<RoleRow> {
  const before = await requireRole(edit.tx, organisation, id)
  await refuseTags(
    edit,
    organisation,
    (settings.tags ?? []).filter((tag) => !before.tags.includes(tag)),
  )
  const after = await edit.tx
    .updateTable('roles')
    .set({ ...settings, name: settings.name ?? before.name })
    .where('id', '=', before.id)
    .returningAll()
    .executeTakeFirstOrThrow()
  await recordChange(edit, { type: 'role.updated', organisation, subject: before.id, before, after })
  return after
}

export async function deleteRole(edit: Edit, organisation: Organisation, id: number): Promise<void> {
  const before = await requireRole(edit.tx, organisation, id)
  await edit.tx.deleteFrom('roles').where('id', '=', before.id).execute()
  await recordChange(edit, { type: 'role.deleted', organisation, subject: before.id, before })
}

export interface NewAssignment {
  readonly column: Assignee
  readonly id: number
}

/** Gives a role to somebody of the organisation, whose id was looked up there. */
export async function assignRole(edit: Edit, organisation: Organisation, role: RoleRow, { column, id }: NewAssignment): Promise<number> {
  const row = await edit.tx
    .insertInto('role_assignments')
    .values({ organisation_id: organisation.id, role_id: role.id, [column]: id })
    .onConflict((taken) => taken.doNothing())
    .returning('id')
    .executeTakeFirst()
  if (!row) throw conflict(`The role “${role.name}” was given already.`)
  const after = { ...role, given_to: { [column]: id } }
  await recordChange(edit, { type: 'role.updated', organisation, subject: role.id, before: role, after })
  return row.id
}

export async function unassignRole(
  edit: Edit,
  organisation: Organisation,
  role: RoleRow,
  { column, id }: { column: Assignee; id: number },
): Promise<void> {
  const removed = await edit.tx
    .deleteFrom('role_assignments')
    .where('id', '=', id)
    .where('role_id', '=', role.id)
    .where(column, 'is not', null)
    .returning(column)
    .executeTakeFirst()
  if (!removed) throw notFound()
  await recordChange(edit, { type: 'role.updated', organisation, subject: role.id, before: { ...role, given_to: removed }, after: role })
}

export async function createRoleGrant(
  edit: Edit,
  organisation: Organisation,
  role: RoleRow,
  { place, ...content }: GrantContent & { place: { project?: number; environment?: number } },
): Promise<GrantRow> {
  await refuseTags(edit, organisation, Object.values(content.permissions).flat())
  return createGrant(edit, await findPlace(edit, organisation, place), { kind: 'role', id: role.id }, content)
}

export async function updateRoleGrant(
  edit: Edit,
  organisation: Organisation,
  { role, level, id }: { role: RoleRow; level: RoleLevel; id: number },
  content: GrantContent,
): Promise<GrantRow> {
  const before = await findRoleGrant(edit.tx, role, level, id)
  if (!before) throw notFound()
  const known = Object.values(before.permissions).flat()
  await refuseTags(
    edit,
    organisation,
    Object.values(content.permissions)
      .flat()
      .filter((tag) => !known.includes(tag)),
  )
  return updateGrant(edit, placeOf(organisation, before), { kind: 'role', id }, content)
}

export async function deleteRoleGrant(
  edit: Edit,
  organisation: Organisation,
  { role, level, id }: { role: RoleRow; level: RoleLevel; id: number },
): Promise<void> {
  const before = await findRoleGrant(edit.tx, role, level, id)
  if (!before) throw notFound()
  await deleteGrant(edit, placeOf(organisation, before), { kind: 'role', id })
}

const placeOf = (organisation: Organisation, { organisation_id, project_id, environment_id }: GrantRow): GrantPlace => ({
  organisation,
  project: project_id === null ? undefined : { id: project_id, organisation_id },
  environment: environment_id === null || project_id === null ? undefined : { id: environment_id, project_id },
})

async function findPlace(edit: Edit, organisation: Organisation, place: { project?: number; environment?: number }): Promise<GrantPlace> {
  const { environment: environmentId, project: projectId } = place
  if (environmentId === undefined && projectId === undefined) return { organisation }
  const environment =
    environmentId === undefined
      ? undefined
      : await edit.tx
          .selectFrom('environments')
          .select(['id', 'project_id'])
          .where('id', '=', environmentId)
          .where('deleted_at', 'is', null)
          .executeTakeFirst()
  const project = await edit.tx
    .selectFrom('projects')
    .select(['id', 'organisation_id'])
    .where('id', '=', environment?.project_id ?? projectId ?? 0)
    .where('organisation_id', '=', organisation.id)
    .where('deleted_at', 'is', null)
    .executeTakeFirst()
  if (!project && environmentId !== undefined) throw invalid({ environment: [unknownId(environmentId)] })
  if (!project) throw invalid({ project: [unknownId(projectId ?? 0)] })
  return { organisation, project, environment }
}

async function refuseTags({ tx }: Edit, organisation: Organisation, tags: readonly number[]): Promise<void> {
  if (tags.length === 0) return
  const found = await tx
    .selectFrom('tags')
    .innerJoin('projects', 'projects.id', 'tags.project_id')
    .select('tags.id')
    .where('projects.organisation_id', '=', organisation.id)
    .where('tags.id', 'in', tags)
    .execute()
  const missing = tags.filter((tag) => !found.some(({ id }) => id === tag))
  if (missing.length > 0) throw invalid({ tags: missing.map(unknownId) })
}
