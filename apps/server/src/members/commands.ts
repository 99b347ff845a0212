import { conflict, forbidden, notFound, Problem, unknownId } from '@halyard/contract'
import type { UserActor } from '../access/actor.ts'
import { requirePermission } from '../access/authorise.ts'
import type { OrganisationRow } from '../access/rows.ts'
import type { Edit } from '../changes/edit.ts'
import { recordChange, recordChanges } from '../changes/record-change.ts'
import { lockOrganisation } from '../organisations/commands.ts'
import { findMember, findMembers, hasAdministrator, type Member } from './queries.ts'

export async function updateRole(edit: Edit, scope: OrganisationRow, user: number, role: 'ADMIN' | 'USER'): Promise<Member> {
  const organisation = await lockForAdministrator(edit, scope)
  const before = await findMember(edit.tx, organisation, user)
  if (!before) throw notFound()
  if (edit.actor.kind === 'user' && edit.actor.id === user)
    throw forbidden('You cannot change your own role. Another administrator of the organisation can.')
  await edit.tx
    .updateTable('organisation_members')
    .set({ role })
    .where('organisation_id', '=', organisation.id)
    .where('user_id', '=', user)
    .execute()
  await refuseWithoutAdministrator(edit, organisation)
  const after = { ...before, role }
  await recordChange(edit, { type: 'member.updated', organisation, subject: user, before: remembered(before), after: remembered(after) })
  return after
}

/** All of them or nobody. What was granted to them here goes with their rows; keys that they made are the organisation's. */
export async function removeMembers(edit: Edit, scope: OrganisationRow, users: readonly number[]): Promise<void> {
  const organisation = await lockForAdministrator(edit, scope)
  const found = await findMembers(edit.tx, organisation, users)
  const errors = users.map((user) => (found.some(({ id }) => id === user) ? {} : { id: [unknownId(user)] }))
  if (errors.some((error) => 'id' in error))
    throw new Problem('invalid', 'Some of these people do not belong to the organisation.', { body: errors })
  await deleteMembers(edit, organisation, users)
  await recordChanges(
    edit,
    found.map((before) => ({ type: 'member.removed', organisation, subject: before.id, before: remembered(before) })),
  )
}

export async function leaveOrganisation(edit: Edit, actor: UserActor, scope: OrganisationRow): Promise<void> {
  const organisation = await lockOrganisation(edit, scope)
  const before = await findMember(edit.tx, organisation, actor.id)
  if (!before) throw notFound()
  await deleteMembers(edit, organisation, [actor.id])
  await recordChange(edit, { type: 'member.left', organisation, subject: actor.id, before: remembered(before) })
}

async function deleteMembers(edit: Edit, organisation: OrganisationRow, users: readonly number[]): Promise<void> {
  await edit.tx.deleteFrom('organisation_members').where('organisation_id', '=', organisation.id).where('user_id', 'in', users).execute()
  await refuseWithoutAdministrator(edit, organisation)
}

/** Whoever was demoted while they waited for the lock is an administrator no more. */
export async function lockForAdministrator(edit: Edit, scope: OrganisationRow): Promise<OrganisationRow> {
  const organisation = await lockOrganisation(edit, scope)
  await requirePermission(edit.tx, edit.actor, { organisation }, { permission: 'ADMIN', level: 'organisation' })
  return organisation
}

// Asked after the rows are written, under the organisation's lock: whatever the way, one remains.
async function refuseWithoutAdministrator(edit: Edit, organisation: OrganisationRow): Promise<void> {
  if (await hasAdministrator(edit.tx, organisation)) return
  throw conflict(
    `“${organisation.name}” would have no administrator left. Make somebody else administrator first, or delete the organisation.`,
  )
}

const remembered = ({ id, email, role, joined_at }: Member) => ({ user: id, email, role, joined_at })
