import { notFound, type api, type Body } from '@halyard/contract'
import type { UserActor } from '../access/actor.ts'
import type { OrganisationRow } from '../access/rows.ts'
import type { Edit } from '../changes/edit.ts'
import { recordChange } from '../changes/record-change.ts'

export type OrganisationSettings = Body<typeof api.organisations.update>

export async function createOrganisation(edit: Edit, founder: Pick<UserActor, 'id'> | undefined, name: string): Promise<OrganisationRow> {
  const organisation = await edit.tx
    .insertInto('organisations')
    .values({ name, created_at: edit.at })
    .returningAll()
    .executeTakeFirstOrThrow()
  if (founder) await addMember(edit, organisation, { userId: founder.id, role: 'ADMIN' })
  await recordChange(edit, { type: 'organisation.created', organisation, subject: organisation.id, after: organisation })
  return organisation
}

/** Part of commands that make members, who join the default groups; they record the change. */
export async function addMember(
  edit: Edit,
  organisation: Pick<OrganisationRow, 'id'>,
  member: { userId: number; role: 'ADMIN' | 'USER' },
): Promise<void> {
  await edit.tx
    .insertInto('organisation_members')
    .values({ organisation_id: organisation.id, user_id: member.userId, role: member.role, joined_at: edit.at })
    .execute()
  await edit.tx
    .insertInto('group_members')
    .columns(['organisation_id', 'group_id', 'user_id'])
    .expression((insert) =>
      insert
        .selectFrom('groups')
        .select((select) => ['organisation_id', 'id', select.val(member.userId).as('user_id')])
        .where('organisation_id', '=', organisation.id)
        .where('is_default', '=', true),
    )
    .execute()
}

export async function updateOrganisation(
  edit: Edit,
  organisation: OrganisationRow,
  settings: OrganisationSettings,
): Promise<OrganisationRow> {
  const before = await lockOrganisation(edit, organisation)
  const after = await edit.tx
    .updateTable('organisations')
    .set({ ...settings, name: settings.name ?? before.name })
    .where('id', '=', before.id)
    .returningAll()
    .executeTakeFirstOrThrow()
  await recordChange(edit, { type: 'organisation.updated', organisation, subject: before.id, before, after })
  return after
}

export async function deleteOrganisation(edit: Edit, organisation: OrganisationRow): Promise<void> {
  const before = await lockOrganisation(edit, organisation)
  const after = await edit.tx
    .updateTable('organisations')
    .set({ deleted_at: edit.at })
    .where('id', '=', before.id)
    .returningAll()
    .executeTakeFirstOrThrow()
  await recordChange(edit, { type: 'organisation.deleted', organisation, subject: before.id, before, after })
}

/** The organisation as it is now; 404 if it was deleted meanwhile. */
export async function lockOrganisation(edit: Edit, { id }: Pick<OrganisationRow, 'id'>): Promise<OrganisationRow> {
  const organisation = await edit.tx
    .selectFrom('organisations')
    .selectAll()
    .where('id', '=', id)
    .where('deleted_at', 'is', null)
    .forNoKeyUpdate()
    .executeTakeFirst()
  if (!organisation) throw notFound()
  return organisation
}
