import { forbidden, invalid, notFound, unknownId, type api, type Body } from '@halyard/contract'
import { holdsAll } from '../access/decide.ts'
import { findHeld } from '../access/held.ts'
import type { OrganisationRow } from '../access/rows.ts'
import type { Edit } from '../changes/edit.ts'
import { recordChange } from '../changes/record-change.ts'
import { findGroup, listGroupMembers, type GroupRow } from './queries.ts'

type Organisation = Pick<OrganisationRow, 'id'>

export async function createGroup(edit: Edit, organisation: Organisation, settings: Body<typeof api.groups.create>): Promise<GroupRow> {
  await refuseExternalId(edit, organisation, settings.external_id)
  const group = await edit.tx
    .insertInto('groups')
    .values({ ...settings, organisation_id: organisation.id, created_at: edit.at })
    .returningAll()
    .executeTakeFirstOrThrow()
  await recordChange(edit, { type: 'group.created', organisation, subject: group.id, after: group })
  return group
}

export async function updateGroup(
  edit: Edit,
  organisation: Organisation,
  id: number,
  settings: Body<typeof api.groups.update>,
): Promise<GroupRow> {
  const before = await lockGroup(edit, organisation, id)
  if (settings.external_id !== before.external_id) await refuseExternalId(edit, organisation, settings.external_id)
  // Whoever joins the organisation is given what the group gives.
  if (settings.is_default && !before.is_default) await refuseGivingMore(edit, organisation, before)
  const after = await edit.tx
    .updateTable('groups')
    .set({ ...settings, name: settings.name ?? before.name })
    .where('id', '=', before.id)
    .returningAll()
    .executeTakeFirstOrThrow()
  await recordChange(edit, { type: 'group.updated', organisation, subject: before.id, before, after })
  return after
}

export async function deleteGroup(edit: Edit, organisation: Organisation, id: number): Promise<void> {
  const before = await lockGroup(edit, organisation, id)
  const users = await listUserIds(edit, before)
  await edit.tx.deleteFrom('groups').where('id', '=', before.id).execute()
  await recordChange(edit, { type: 'group.deleted', organisation, subject: before.id, before: { ...before, users } })
}

export async function addToGroup(edit: Edit, organisation: Organisation, id: number, users: readonly number[]): Promise<GroupRow> {
  const group = await lockGroup(edit, organisation, id)
  await refuseSelf(edit, organisation, users)
  await refuseGivingMore(edit, organisation, group)
  const wanted = [...new Set(users)]
  const members = await edit.tx
    .selectFrom('organisation_members')
    .select('user_id')
    .where('organisation_id', '=', organisation.id)
    .where('user_id', 'in', [0, ...wanted])
    .forKeyShare()
    .execute()
  const strangers = wanted.filter((user) => !members.some((member) => member.user_id === user))
  if (strangers.length > 0) throw invalid({ user_ids: strangers.map(unknownId) })
  return changeMembers(edit, organisation, group, async () => {
    const rows = wanted.map((user) => ({ organisation_id: organisation.id, group_id: group.id, user_id: user }))
    if (rows.length > 0)
      await edit.tx
        .insertInto('group_members')
        .values(rows)
        .onConflict((taken) => taken.doNothing())
        .execute()
  })
}

export async function removeFromGroup(edit: Edit, organisation: Organisation, id: number, users: readonly number[]): Promise<GroupRow> {
  const group = await lockGroup(edit, organisation, id)
  await refuseSelf(edit, organisation, users)
  const had = await listUserIds(edit, group)
  const strangers = users.filter((user) => !had.includes(user))
  if (strangers.length > 0) throw invalid({ user_ids: strangers.map((user) => `${user} does not belong to the group “${group.name}”.`) })
  return changeMembers(edit, organisation, group, async () => {
    await edit.tx
      .deleteFrom('group_members')
      .where('group_id', '=', group.id)
      .where('user_id', 'in', [0, ...users])
      .execute()
  })
}

/** Whether somebody of the group may change it. */
export async function setGroupAdmin(
  edit: Edit,
  organisation: Organisation,
  { group: id, user }: { group: number; user: number },
  isAdmin: boolean,
): Promise<GroupRow> {
  const group = await lockGroup(edit, organisation, id)
  if (!(await listUserIds(edit, group)).includes(user)) throw notFound()
  return changeMembers(edit, organisation, group, async () => {
    await edit.tx
      .updateTable('group_members')
      .set({ is_admin: isAdmin })
      .where('group_id', '=', group.id)
      .where('user_id', '=', user)
      .execute()
  })
}

async function changeMembers(edit: Edit, organisation: Organisation, group: GroupRow, write: () => Promise<void>): Promise<GroupRow> {
  const before = { ...group, users: await listUsers(edit, group) }
  await write()
  const after = { ...group, users: await listUsers(edit, group) }
  await recordChange(edit, { type: 'group.updated', organisation, subject: group.id, before, after })
  return group
}

const listUsers = async ({ tx }: Edit, group: GroupRow) =>
  (await listGroupMembers(tx, [group])).map(({ id, is_admin: isAdmin }) => ({ id, is_admin: isAdmin }))

const listUserIds = async (edit: Edit, group: GroupRow): Promise<number[]> => (await listUsers(edit, group)).map(({ id }) => id)

async function lockGroup(edit: Edit, organisation: Organisation, id: number): Promise<GroupRow> {
  const group = await findGroup(edit.tx, organisation, id)
  if (!group) throw notFound()
  return group
}

async function refuseExternalId({ tx }: Edit, organisation: Organisation, externalId: string | null | undefined): Promise<void> {
  if (externalId === null || externalId === undefined) return
  const taken = await tx
    .selectFrom('groups')
    .select('name')
    .where('organisation_id', '=', organisation.id)
    .where('external_id', '=', externalId)
    .executeTakeFirst()
  if (taken) throw invalid({ external_id: [`The group “${taken.name}” has this external id.`] })
}

// Whoever manages groups must not choose their own.
async function refuseSelf(edit: Edit, organisation: Organisation, users: readonly number[]): Promise<void> {
  const { actor } = edit
  if (actor.kind !== 'user' || !users.includes(actor.id)) return
  const held = await findHeld(edit.tx, actor, organisation.id)
  if (held?.role !== 'ADMIN') throw forbidden('You cannot add or remove yourself. An administrator of the organisation can.')
}

async function refuseGivingMore(edit: Edit, organisation: Organisation, group: GroupRow): Promise<void> {
  const held = await findHeld(edit.tx, edit.actor, organisation.id)
  const given = await findHeld(edit.tx, { kind: 'group', id: group.id }, organisation.id)
  if (held && given && holdsAll(held, given)) return
  throw forbidden(`The group “${group.name}” gives more than you hold yourself. An administrator of the organisation can add people to it.`)
}
