import { invalid, unauthenticated } from '@halyard/contract'
import { isPassword } from '../runtime/secrets.ts'
import type { UserActor } from './actor.ts'
import type { Queryable } from './rows.ts'
import { forgetAttempts, takeAttempt } from './throttle.ts'

/** For what somebody who found an open session must not do. Outside of edits: hashing is slow, and what fails is counted. */
export async function requirePassword(db: Queryable, actor: UserActor, given: string): Promise<void> {
  await takeAttempt(db, 'password', actor.email)
  const user = await db.selectFrom('users').select('password_hash').where('id', '=', actor.id).executeTakeFirst()
  // Deleted since the request was let in.
  if (!user) throw unauthenticated()
  if (!(await isPassword(given, user.password_hash))) throw invalid({ current_password: ['Invalid password.'] })
  await forgetAttempts(db, 'password', actor.email)
}
