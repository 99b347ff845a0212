import type { Selectable } from 'kysely'
import type { Queryable } from '../access/rows.ts'
import { hashKey } from '../runtime/secrets.ts'
import type { UsersTable } from '../runtime/tables.ts'

export type UserRow = Selectable<UsersTable>

export const findUserByEmail = (db: Queryable, email: string): Promise<UserRow | undefined> =>
  db.selectFrom('users').selectAll().where('email', '=', email).executeTakeFirst()

export const getUser = (db: Queryable, id: number): Promise<UserRow> =>
  db.selectFrom('users').selectAll().where('id', '=', id).executeTakeFirstOrThrow()

/** Whether anybody has signed up: until then the installation waits to be set up. */
export async function isSetUp(db: Queryable): Promise<boolean> {
  return (await db.selectFrom('users').select('id').limit(1).executeTakeFirst()) !== undefined
}

export async function isSetupToken(db: Queryable, token: string): Promise<boolean> {
  return (
    (await db.selectFrom('setup_tokens').select('created_at').where('token_hash', '=', hashKey(token)).executeTakeFirst()) !== undefined
  )
}
