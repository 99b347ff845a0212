import type { Queryable } from '../access/rows.ts'
import { isUuid } from '../access/scopes.ts'
import { hashKey } from '../runtime/secrets.ts'

const resetUser = (db: Queryable, link: { uid: string; token: string }, at: Date) =>
  db
    .selectFrom('users')
    .innerJoin('password_resets', 'password_resets.user_id', 'users.id')
    .select(['users.id', 'users.email', 'first_name', 'last_name'])
    .where('uuid', '=', isUuid(link.uid) ? link.uid : '00000000-0000-0000-0000-000000000000')
    .where('token_hash', '=', hashKey(link.token))
    .where('password_resets.expires_at', '>', at)
    .where('is_active', '=', true)

export const findResetUser = (db: Queryable, link: { uid: string; token: string }, at: Date) => resetUser(db, link, at).executeTakeFirst()

/** Locks the token: of several who use it at once, one finds it. */
export const findResetUserForUpdate = (db: Queryable, link: { uid: string; token: string }, at: Date) =>
  resetUser(db, link, at).forUpdate().executeTakeFirst()
