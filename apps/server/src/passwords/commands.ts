import { invalid } from '@halyard/contract'
import * as z from 'zod'
import { system, userActor, type UserActor } from '../access/actor.ts'
import { runEdit, type Edit } from '../changes/edit.ts'
import { recordChange } from '../changes/record-change.ts'
import type { Database } from '../runtime/database.ts'
import { enqueue } from '../runtime/jobs.ts'
import { enqueueMail } from '../runtime/mail.ts'
import { hashKey, newSecret, seal, unseal, type SecretKeys } from '../runtime/secrets.ts'
import { endSessions } from '../user-tokens/commands.ts'
import { findResetUserForUpdate } from './queries.ts'
import { changedMail, resetLifetimeMs, resetMail } from './rules.ts'

export interface Replacement {
  readonly keys: SecretKeys
  readonly passwordHash: string
}

export async function changePassword(edit: Edit, actor: UserActor, replacement: Replacement): Promise<void> {
  await replacePassword(edit, actor, replacement)
  await endSessions(edit, actor, { except: actor.token?.id })
}

/** Whoever needs this may have lost more than a password: personal tokens end too. The second factor does not. */
export async function resetPassword(edit: Edit, link: { uid: string; token: string }, replacement: Replacement): Promise<void> {
  const user = await findResetUserForUpdate(edit.tx, link, edit.at)
  if (!user) throw deadLink()
  await edit.tx.deleteFrom('user_tokens').where('user_id', '=', user.id).execute()
  await replacePassword({ ...edit, actor: userActor(user) }, user, replacement)
}

export const deadLink = () => invalid({ token: ['This link has been used, or is older than 15 minutes. Ask for a new one.'] })

async function replacePassword(
  edit: Edit,
  { id, email }: { id: number; email: string },
  { keys, passwordHash }: Replacement,
): Promise<void> {
  await edit.tx.updateTable('users').set({ password_hash: passwordHash }).where('id', '=', id).execute()
  await edit.tx.deleteFrom('password_resets').where('user_id', '=', id).execute()
  await enqueueMail(edit.tx, keys, changedMail(email))
  await recordChange(edit, { type: 'user.password_changed', subject: id })
}

const purpose = 'password reset'
const waiting = z.object({ sealed: z.string() })

/** Does the same for addresses that nobody has, so that neither the answer nor its time tells them apart. */
export const requestReset = (edit: Edit, email: string, keys: SecretKeys): Promise<void> =>
  enqueue(edit.tx, { name: 'mail_password_reset', payload: { sealed: seal(keys, email, purpose) } })

/** Works `mail_password_reset`. The token is made here, so that it is stored nowhere but in the mail. */
export async function mailPasswordReset(control: Database, payload: unknown, keys: SecretKeys): Promise<void> {
  const email = unseal(keys, waiting.parse(payload).sealed, purpose)
  await runEdit(control, { actor: system('password reset'), lock: { on: 'nothing' } }, async (edit) => {
    const user = await edit.tx
      .selectFrom('users')
      .select(['id', 'uuid', 'email'])
      .where('email', '=', email)
      .where('is_active', '=', true)
      .executeTakeFirst()
    if (!user) return
    const token = newSecret()
    const until = new Date(edit.at.getTime() + resetLifetimeMs)
    await edit.tx.deleteFrom('password_resets').where('expires_at', '<=', edit.at).execute()
    await edit.tx
      .insertInto('password_resets')
      .values({ token_hash: hashKey(token), user_id: user.id, expires_at: until })
      .execute()
    await enqueueMail(edit.tx, keys, resetMail({ to: user.email, uid: user.uuid, token, until }))
    await recordChange(edit, { type: 'user.password_reset_requested', subject: user.id })
  })
}
