import type { Selectable } from 'kysely'
import type { Actor } from '../access/actor.ts'
import type { OrganisationRow, Queryable } from '../access/rows.ts'
import type { GroupsTable } from '../runtime/tables.ts'

export type GroupRow = Selectable<GroupsTable>

/** Whose groups: all of the organisation's, or those that an actor belongs to or administers. */
export type GroupFilter = 'all' | { readonly of: Actor; readonly asAdmin: boolean }

interface Range {
  readonly offset: number
  readonly limit: number
}

const groupsOf = (db: Queryable, organisation: Pick<OrganisationRow, 'id'>, filter: GroupFilter) =>
  db
    .selectFrom('groups')
    .where('organisation_id', '=', organisation.id)
    .$if(filter !== 'all', (groups) =>
      groups.where('id', 'in', (where) => {
        const own = where.selectFrom('group_members').select('group_id')
        if (filter === 'all' || filter.of.kind !== 'user') return own.where('user_id', '=', 0)
        const mine = own.where('user_id', '=', filter.of.id)
        return filter.asAdmin ? mine.where('is_admin', '=', true) : mine
      }),
    )

export async function pageGroups(db: Queryable, organisation: Pick<OrganisationRow, 'id'>, filter: GroupFilter, range: Range) {
  const [rows, total] = await Promise.all([
    groupsOf(db, organisation, filter).selectAll().orderBy('id').offset(range.offset).limit(range.limit).execute(),
    groupsOf(db, organisation, filter)
      .select((select) => select.fn.countAll<number>().as('count'))
      .executeTakeFirstOrThrow(),
  ])
  return { rows, count: total.count }
}

export const listGroupNames = (db: Queryable, organisation: Pick<OrganisationRow, 'id'>): Promise<{ id: number; name: string }[]> =>
  groupsOf(db, organisation, 'all').select(['id', 'name']).orderBy('id').execute()

export const findGroup = (db: Queryable, organisation: Pick<OrganisationRow, 'id'>, id: number): Promise<GroupRow | undefined> =>
  groupsOf(db, organisation, 'all').selectAll().where('id', '=', id).executeTakeFirst()

export type GroupMember = Awaited<ReturnType<typeof listGroupMembers>>[number]

export const listGroupMembers = (db: Queryable, groups: readonly Pick<GroupRow, 'id'>[]) =>
  db
    .selectFrom('group_members')
    .innerJoin('users', 'users.id', 'group_members.user_id')
    .select(['group_id', 'users.id', 'email', 'first_name', 'last_name', 'signed_in_at', 'uuid', 'group_members.is_admin'])
    .where('group_id', 'in', [0, ...groups.map(({ id }) => id)])
    .orderBy('users.id')
    .execute()
