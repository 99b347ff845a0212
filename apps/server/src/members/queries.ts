import { sql } from 'kysely'
import type { OrganisationRow, Queryable } from '../access/rows.ts'

type Organisation = Pick<OrganisationRow, 'id'>

export type Member = Awaited<ReturnType<typeof listMembers>>[number]

export interface MemberFilter {
  readonly search?: string | undefined
  readonly except?: number | undefined
  /** Undefined: all. */
  readonly range?: { readonly offset: number; readonly limit: number } | undefined
}

const membersOf = (db: Queryable, organisation: Organisation) =>
  db
    .selectFrom('organisation_members')
    .innerJoin('users', 'users.id', 'organisation_members.user_id')
    .select(['users.id', 'uuid', 'email', 'first_name', 'last_name', 'signed_in_at', 'role', 'joined_at'])
    .where('organisation_id', '=', organisation.id)

/** The people of an organisation, in the order they signed up. */
export const listMembers = (db: Queryable, organisation: Organisation, { search, except, range }: MemberFilter) =>
  membersOf(db, organisation)
    .$if(Boolean(search), (members) =>
      members.where(sql<boolean>`strpos(lower(first_name || ' ' || last_name || ' ' || email), lower(${search})) > 0`),
    )
    .$if(except !== undefined, (members) => members.where('users.id', '<>', except ?? 0))
    .orderBy('users.id')
    .$if(range !== undefined, (members) => members.offset(range?.offset ?? 0).limit(range?.limit ?? 0))
    .execute()

export const findMember = (db: Queryable, organisation: Organisation, user: number) =>
  membersOf(db, organisation).where('users.id', '=', user).executeTakeFirst()

/** Those of some people who belong to it. */
export const findMembers = (db: Queryable, organisation: Organisation, users: readonly number[]) =>
  membersOf(db, organisation)
    .where('users.id', 'in', [0, ...users])
    .orderBy('users.id')
    .execute()

export async function hasAdministrator(db: Queryable, organisation: Organisation): Promise<boolean> {
  const administrator = await db
    .selectFrom('organisation_members')
    .select('user_id')
    .where('organisation_id', '=', organisation.id)
    .where('role', '=', 'ADMIN')
    .limit(1)
    .executeTakeFirst()
  return administrator !== undefined
}
