import type { Selectable } from 'kysely'
import type { OrganisationRow, Queryable } from '../access/rows.ts'
import { hashKey } from '../runtime/secrets.ts'
import type { UsersTable } from '../runtime/tables.ts'

export type UserRow = Selectable<UsersTable>

export const findUserByEmail = (db: Queryable, email: string): Promise<UserRow | undefined> =>
  db.selectFrom('users').selectAll().where('email', '=', email).executeTakeFirst()

export const findUser = (db: Queryable, id: number): Promise<UserRow | undefined> =>
  db.selectFrom('users').selectAll().where('id', '=', id).executeTakeFirst()

export const getUser = (db: Queryable, id: number): Promise<UserRow> =>
  db.selectFrom('users').selectAll().where('id', '=', id).executeTakeFirstOrThrow()

/** Whether anybody administers the installation: until then it waits to be set up, whoever else has signed up meanwhile. */
export async function isSetUp(db: Queryable): Promise<boolean> {
  return (await db.selectFrom('users').select('id').where('is_superuser', '=', true).limit(1).executeTakeFirst()) !== undefined
}

export async function isSetupToken(db: Queryable, token: string): Promise<boolean> {
  return (
    (await db.selectFrom('setup_tokens').select('created_at').where('token_hash', '=', hashKey(token)).executeTakeFirst()) !== undefined
  )
}

/** The organisations that nobody else belongs to. */
export const listOrphans = (db: Queryable, userId: number): Promise<OrganisationRow[]> =>
  db
    .selectFrom('organisations')
    .innerJoin('organisation_members as own', 'own.organisation_id', 'organisations.id')
    .selectAll('organisations')
    .where('own.user_id', '=', userId)
    .where('deleted_at', 'is', null)
    .where((where) =>
      where.not(
        where.exists(
          where
            .selectFrom('organisation_members as other')
            .select('other.user_id')
            .whereRef('other.organisation_id', '=', 'organisations.id')
            .where('other.user_id', '<>', userId),
        ),
      ),
    )
    .orderBy('organisations.id')
    .execute()

/** The organisations that others belong to as well, and of which nobody else is administrator. Locks them against others leaving. */
export async function listSoleAdministrations(db: Queryable, userId: number): Promise<OrganisationRow[]> {
  const own = await db
    .selectFrom('organisations')
    .selectAll()
    .where('deleted_at', 'is', null)
    .where('id', 'in', (members) => members.selectFrom('organisation_members').select('organisation_id').where('user_id', '=', userId))
    .orderBy('id')
    .forNoKeyUpdate()
    .execute()
  if (own.length === 0) return []
  const others = await db
    .selectFrom('organisation_members')
    .select(['organisation_id', 'role'])
    .where('user_id', '<>', userId)
    .where(
      'organisation_id',
      'in',
      own.map(({ id }) => id),
    )
    .execute()
  return own.filter(({ id }) => {
    const remaining = others.filter(({ organisation_id: of }) => of === id)
    return remaining.length > 0 && !remaining.some(({ role }) => role === 'ADMIN')
  })
}
