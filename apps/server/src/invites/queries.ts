import { sql, type Selectable } from 'kysely'
import type { OrganisationRow, Queryable } from '../access/rows.ts'
import { hashKey } from '../runtime/secrets.ts'
import type { InviteLinksTable, InvitesTable } from '../runtime/tables.ts'

export type InviteRow = Selectable<InvitesTable>
export type InviteLinkRow = Selectable<InviteLinksTable>

type Organisation = Pick<OrganisationRow, 'id'>

const invitesOf = (db: Queryable, organisation: Organisation) => db.selectFrom('invites').where('organisation_id', '=', organisation.id)

export async function pageInvites(db: Queryable, organisation: Organisation, range: { offset: number; limit: number }) {
  const [rows, total] = await Promise.all([
    invitesOf(db, organisation).selectAll().orderBy('id').offset(range.offset).limit(range.limit).execute(),
    invitesOf(db, organisation)
      .select((select) => select.fn.countAll<number>().as('count'))
      .executeTakeFirstOrThrow(),
  ])
  return { rows, count: total.count }
}

export const findInvite = (db: Queryable, organisation: Organisation, id: number): Promise<InviteRow | undefined> =>
  invitesOf(db, organisation).selectAll().where('id', '=', id).executeTakeFirst()

/** Who invited to each, and the groups that go with it. */
export async function findInviteDetails(db: Queryable, invites: readonly Pick<InviteRow, 'id' | 'invited_by'>[]) {
  const groups = await db
    .selectFrom('invite_groups')
    .select(['invite_id', 'group_id'])
    .where('invite_id', 'in', [0, ...invites.map(({ id }) => id)])
    .orderBy('group_id')
    .execute()
  const inviters = await db
    .selectFrom('users')
    .select(['id', 'email', 'first_name', 'last_name'])
    .where('id', 'in', [0, ...invites.map(({ invited_by: id }) => id ?? 0)])
    .execute()
  return { groups, inviters }
}

/** Those of some e-mail addresses that belong to members, or were invited. */
export async function findKnownEmails(db: Queryable, organisation: Organisation, emails: readonly string[]) {
  const members = await db
    .selectFrom('organisation_members')
    .innerJoin('users', 'users.id', 'organisation_members.user_id')
    .select('email')
    .where('organisation_id', '=', organisation.id)
    .where('email', 'in', ['', ...emails])
    .execute()
  const invited = await invitesOf(db, organisation)
    .select('email')
    .where('email', 'in', ['', ...emails])
    .execute()
  return { members: new Set(members.map(({ email }) => email)), invited: new Set(invited.map(({ email }) => email)) }
}

export async function findGroupIds(db: Queryable, organisation: Organisation, ids: readonly number[]): Promise<Set<number>> {
  const groups = await db
    .selectFrom('groups')
    .select('id')
    .where('organisation_id', '=', organisation.id)
    .where('id', 'in', [0, ...ids])
    .execute()
  return new Set(groups.map(({ id }) => id))
}

/** Of an organisation that is still there. */
export const findInviteByToken = (db: Queryable, token: string): Promise<InviteRow | undefined> =>
  db
    .selectFrom('invites')
    .selectAll()
    .where('token_hash', '=', hashKey(token))
    .where('organisation_id', 'in', (live) => live.selectFrom('organisations').select('id').where('deleted_at', 'is', null))
    .executeTakeFirst()

export const findInviteLinkByToken = (db: Queryable, token: string): Promise<InviteLinkRow | undefined> =>
  db
    .selectFrom('invite_links')
    .selectAll()
    .where('token_hash', '=', hashKey(token))
    .where('organisation_id', 'in', (live) => live.selectFrom('organisations').select('id').where('deleted_at', 'is', null))
    .executeTakeFirst()

export const listInviteLinks = (db: Queryable, organisation: Organisation): Promise<InviteLinkRow[]> =>
  db.selectFrom('invite_links').selectAll().where('organisation_id', '=', organisation.id).orderBy('id').execute()

/** What lets somebody sign up where not everybody may. */
export interface Invitation {
  readonly signUpType: 'INVITE_EMAIL' | 'INVITE_LINK'
  /** Null: whoever has the link. */
  readonly email: string | null
}

export async function findInvitation(db: Queryable, token: string, use: { linksWork: boolean }): Promise<Invitation | undefined> {
  const { rows } = await sql<{ email: string | null }>`
    select i.email from invites i join organisations o on o.id = i.organisation_id
     where i.token_hash = ${hashKey(token)} and i.expires_at > clock_timestamp() and o.deleted_at is null
    union all
    select null from invite_links l join organisations o on o.id = l.organisation_id
     where ${use.linksWork} and l.token_hash = ${hashKey(token)} and o.deleted_at is null
       and (l.expires_at is null or l.expires_at > clock_timestamp())`.execute(db)
  const [found] = rows
  return found && { signUpType: found.email === null ? 'INVITE_LINK' : 'INVITE_EMAIL', email: found.email }
}
