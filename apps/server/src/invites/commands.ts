import { conflict, forbidden, invalid, notFound, unknownId, type api, type Body, type FieldErrors } from '@halyard/contract'
import { randomUUID } from 'node:crypto'
import { actorId, type UserActor } from '../access/actor.ts'
import type { OrganisationRow } from '../access/rows.ts'
import type { Edit } from '../changes/edit.ts'
import { recordChange, recordChanges } from '../changes/record-change.ts'
import { lockForAdministrator } from '../members/commands.ts'
import { addMember, lockOrganisation } from '../organisations/commands.ts'
import { isMember } from '../organisations/queries.ts'
import { enqueueMail } from '../runtime/mail.ts'
import { hashKey, type SecretKeys } from '../runtime/secrets.ts'
import {
  findGroupIds,
  findInvite,
  findInviteByToken,
  findInviteDetails,
  findInviteLinkByToken,
  findKnownEmails,
  type InviteLinkRow,
  type InviteRow,
} from './queries.ts'
import { inviteLifetimeMs, inviteMail, tokenOf } from './rules.ts'

export type WantedInvite = Body<typeof api.invites.create>

interface Inviting {
  readonly keys: SecretKeys
  /** What is said about each of those who are invited, in the shape of the body. */
  readonly word: (faults: readonly FieldErrors[]) => FieldErrors
}

/** All of them or nobody. */
export async function createInvites(
  edit: Edit,
  scope: OrganisationRow,
  wanted: readonly WantedInvite[],
  { keys, word }: Inviting,
): Promise<InviteRow[]> {
  const organisation = await lockForAdministrator(edit, scope)
  const faults = await findFaults(edit, organisation, wanted)
  if (faults.some((fault) => Object.keys(fault).length > 0)) throw invalid(word(faults))
  const made: InviteRow[] = []
  for (const each of wanted) made.push(await insertInvite(edit, organisation, each, keys))
  await recordChanges(
    edit,
    made.map((after, index) => ({
      type: 'invite.created',
      organisation,
      subject: after.id,
      after: { ...after, groups: wanted[index]?.permission_groups ?? [] },
    })),
  )
  return made
}

async function findFaults(edit: Edit, organisation: OrganisationRow, wanted: readonly WantedInvite[]): Promise<FieldErrors[]> {
  const emails = wanted.map(({ email }) => email)
  const { members, invited } = await findKnownEmails(edit.tx, organisation, emails)
  const groups = await findGroupIds(
    edit.tx,
    organisation,
    wanted.flatMap((each) => each.permission_groups),
  )
  return wanted.map(({ email, permission_groups: ids }, index) => {
    const strangers = ids.filter((id) => !groups.has(id))
    const reason = members.has(email)
      ? `${email} belongs to the organisation already.`
      : invited.has(email)
        ? `${email} was invited already: send that invitation again, or withdraw it first.`
        : emails.indexOf(email) < index && `${email} is named twice.`
    return { ...(reason && { email: [reason] }), ...(strangers.length > 0 && { permission_groups: strangers.map(unknownId) }) }
  })
}

async function insertInvite(
  edit: Edit,
  organisation: OrganisationRow,
  { email, role, permission_groups: groups }: WantedInvite,
  keys: SecretKeys,
): Promise<InviteRow> {
  const uuid = randomUUID()
  const invite = await edit.tx
    .insertInto('invites')
    .values({
      uuid,
      email,
      role,
      organisation_id: organisation.id,
      token_hash: hashKey(tokenOf(keys, uuid)),
      invited_by: edit.actor.kind === 'user' ? actorId(edit.actor) : null,
      expires_at: new Date(edit.at.getTime() + inviteLifetimeMs),
      created_at: edit.at,
    })
    .returningAll()
    .executeTakeFirstOrThrow()
  const rows = [...new Set(groups)].map((group) => ({ organisation_id: organisation.id, invite_id: invite.id, group_id: group }))
  if (rows.length > 0) await edit.tx.insertInto('invite_groups').values(rows).execute()
  await mailInvite(edit, organisation, invite, keys)
  return invite
}

const mailInvite = (edit: Edit, organisation: OrganisationRow, { email, uuid, expires_at: until }: InviteRow, keys: SecretKeys) =>
  enqueueMail(
    edit.tx,
    keys,
    inviteMail({ to: email, organisation: organisation.name, by: edit.actor.name, token: tokenOf(keys, uuid), until }),
  )

/** The same link, unless the secret key was replaced since: then a new one. */
export async function resendInvite(edit: Edit, scope: OrganisationRow, id: number, keys: SecretKeys): Promise<InviteRow> {
  const organisation = await lockForAdministrator(edit, scope)
  const before = await getInvite(edit, organisation, id)
  const after = await edit.tx
    .updateTable('invites')
    .set({ token_hash: hashKey(tokenOf(keys, before.uuid)), expires_at: new Date(edit.at.getTime() + inviteLifetimeMs) })
    .where('id', '=', before.id)
    .returningAll()
    .executeTakeFirstOrThrow()
  await mailInvite(edit, organisation, after, keys)
  await recordChange(edit, { type: 'invite.sent', organisation, subject: after.id, before, after })
  return after
}

export async function deleteInvite(edit: Edit, scope: OrganisationRow, id: number): Promise<void> {
  const organisation = await lockForAdministrator(edit, scope)
  const before = await getInvite(edit, organisation, id)
  await edit.tx.deleteFrom('invites').where('id', '=', before.id).execute()
  await recordChange(edit, { type: 'invite.deleted', organisation, subject: before.id, before })
}

async function getInvite(edit: Edit, organisation: OrganisationRow, id: number): Promise<InviteRow> {
  const invite = await findInvite(edit.tx, organisation, id)
  if (!invite) throw notFound()
  return invite
}

/** Uses the invitation up; of several who try at once, one succeeds. */
export async function joinByInvite(edit: Edit, actor: UserActor, token: string): Promise<OrganisationRow> {
  const organisation = await lockInvited(edit, await findInviteByToken(edit.tx, token))
  // Once more, because it may have been used while this waited for the organisation.
  const invite = await findInviteByToken(edit.tx, token)
  if (!invite) throw gone()
  if (invite.email !== actor.email)
    throw forbidden(`This invitation is for another e-mail address than ${actor.email}. Sign in with the address that it was sent to.`)
  if (invite.expires_at <= edit.at) throw conflict('This invitation has expired. Ask whoever invited you to send it again.')
  const { groups } = await findInviteDetails(edit.tx, [invite])
  await edit.tx.deleteFrom('invites').where('id', '=', invite.id).execute()
  const ids = groups.map(({ group_id: group }) => group)
  await join(edit, organisation, actor, { role: invite.role, groups: ids, invite: invite.id })
  return organisation
}

export async function joinByLink(edit: Edit, actor: UserActor, token: string): Promise<OrganisationRow> {
  const organisation = await lockInvited(edit, await findInviteLinkByToken(edit.tx, token))
  const link = await findInviteLinkByToken(edit.tx, token)
  if (!link) throw gone()
  if (link.expires_at && link.expires_at <= edit.at)
    throw conflict('This invite link has expired. Ask an administrator of the organisation for another.')
  await join(edit, organisation, actor, { role: link.role, groups: [], invite_link: link.id })
  return organisation
}

const gone = () => notFound('There is no such invitation: it may have been used or withdrawn.')

async function lockInvited(edit: Edit, found: { organisation_id: number } | undefined): Promise<OrganisationRow> {
  if (!found) throw gone()
  return lockOrganisation(edit, { id: found.organisation_id })
}

interface Joining {
  readonly role: string
  readonly groups: readonly number[]
  readonly invite?: number
  readonly invite_link?: number
}

async function join(edit: Edit, organisation: OrganisationRow, actor: UserActor, joining: Joining): Promise<void> {
  if (await isMember(edit.tx, organisation, actor.id)) throw conflict(`You belong to the organisation “${organisation.name}” already.`)
  await addMember(edit, organisation, { userId: actor.id, role: joining.role === 'ADMIN' ? 'ADMIN' : 'USER' })
  const rows = joining.groups.map((group) => ({ organisation_id: organisation.id, group_id: group, user_id: actor.id }))
  if (rows.length > 0)
    await edit.tx
      .insertInto('group_members')
      .values(rows)
      .onConflict((taken) => taken.doNothing())
      .execute()
  await recordChange(edit, {
    type: 'member.joined',
    organisation,
    subject: actor.id,
    after: { user: actor.id, email: actor.email, ...joining },
  })
}

export async function createInviteLink(
  edit: Edit,
  scope: OrganisationRow,
  { role, expires_at: until }: Body<typeof api.inviteLinks.create>,
  keys: SecretKeys,
): Promise<InviteLinkRow> {
  const organisation = await lockForAdministrator(edit, scope)
  if (until && until <= edit.at) throw invalid({ expires_at: ['This is in the past.'] })
  const uuid = randomUUID()
  const after = await edit.tx
    .insertInto('invite_links')
    .values({
      uuid,
      organisation_id: organisation.id,
      role,
      token_hash: hashKey(tokenOf(keys, uuid)),
      expires_at: until,
      created_at: edit.at,
    })
    .returningAll()
    .executeTakeFirstOrThrow()
  await recordChange(edit, { type: 'invite_link.created', organisation, subject: after.id, after })
  return after
}

export async function deleteInviteLink(edit: Edit, scope: OrganisationRow, id: number): Promise<void> {
  const organisation = await lockForAdministrator(edit, scope)
  const before = await edit.tx
    .deleteFrom('invite_links')
    .where('organisation_id', '=', organisation.id)
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirst()
  if (!before) throw notFound()
  await recordChange(edit, { type: 'invite_link.deleted', organisation, subject: before.id, before })
}
