import { conflict, invalid } from '@halyard/contract'
import { generateSecret } from 'otplib'
import type { UserActor } from '../access/actor.ts'
import type { Edit } from '../changes/edit.ts'
import { recordChange } from '../changes/record-change.ts'
import { enqueueMail } from '../runtime/mail.ts'
import { hashKey, newRecoveryCode, seal, unseal, type SecretKeys } from '../runtime/secrets.ts'
import { endSessions } from '../user-tokens/commands.ts'
import { findRecoveryCode, findSecondFactorForUpdate } from './queries.ts'
import { findStep, normalise } from './rules.ts'

const purposeOf = (userId: number) => `second_factors.sealed_secret of user ${userId}`
const recoveryCodes = 10

/** A new secret each time until a code confirms it: it counts for nothing before. */
export async function startSecondFactor(edit: Edit, actor: UserActor, keys: SecretKeys): Promise<string> {
  const existing = await findSecondFactorForUpdate(edit.tx, actor.id)
  if (existing?.confirmed_at) throw conflict('Two-factor authentication is on already. Turn it off before setting it up anew.')
  const secret = generateSecret()
  const values = { sealed_secret: seal(keys, secret, purposeOf(actor.id)), created_at: edit.at }
  await edit.tx
    .insertInto('second_factors')
    .values({ user_id: actor.id, ...values })
    .onConflict((conflict) => conflict.column('user_id').doUpdateSet(values))
    .execute()
  await recordChange(edit, { type: 'user.second_factor_started', subject: actor.id })
  return secret
}

/** Answers with the recovery codes. Sessions that began without a second factor end, except this one. */
export async function confirmSecondFactor(
  edit: Edit,
  actor: UserActor,
  { keys, code }: { keys: SecretKeys; code: string },
): Promise<string[]> {
  const factor = await findSecondFactorForUpdate(edit.tx, actor.id)
  if (!factor || factor.confirmed_at) throw conflict('There is nothing to confirm: begin with POST /api/v1/auth/app/activate/.')
  const secret = unseal(keys, factor.sealed_secret, purposeOf(actor.id))
  const step = findStep({ secret, code, at: edit.at, lastStep: null })
  if (step === undefined) throw invalid({ code: ['This is not the code that the app shows now. Is the clock of the device right?'] })
  await edit.tx.updateTable('second_factors').set({ confirmed_at: edit.at, last_step: step }).where('user_id', '=', actor.id).execute()
  const codes = Array.from({ length: recoveryCodes }, newRecoveryCode)
  await edit.tx
    .insertInto('recovery_codes')
    .values(codes.map((code) => ({ user_id: actor.id, code_hash: hashKey(normalise(code)) })))
    .execute()
  await endSessions(edit, actor, { except: actor.token?.id })
  await recordChange(edit, { type: 'user.second_factor_enabled', subject: actor.id })
  return codes
}

export async function disableSecondFactor(edit: Edit, actor: UserActor, keys: SecretKeys): Promise<void> {
  const { numDeletedRows } = await edit.tx.deleteFrom('second_factors').where('user_id', '=', actor.id).executeTakeFirst()
  if (numDeletedRows === 0n) throw conflict('Two-factor authentication is not on.')
  await enqueueMail(edit.tx, keys, {
    to: actor.email,
    subject: 'Two-factor authentication was turned off',
    paragraphs: ['Your account is now protected by its password alone.', 'If this was not you, choose a new password at once.'],
  })
  await recordChange(edit, { type: 'user.second_factor_disabled', subject: actor.id })
}

/** Part of signing in: whether the code is right, and not used before. It is used now. */
export async function useCode(edit: Edit, userId: number, { keys, code }: { keys: SecretKeys; code: string }): Promise<boolean> {
  const factor = await findSecondFactorForUpdate(edit.tx, userId)
  if (!factor?.confirmed_at) return false
  const secret = unseal(keys, factor.sealed_secret, purposeOf(userId))
  const step = findStep({ secret, code, at: edit.at, lastStep: factor.last_step })
  if (step !== undefined) {
    await edit.tx.updateTable('second_factors').set({ last_step: step }).where('user_id', '=', userId).execute()
    return true
  }
  // Looked up first: a statement that deletes nothing is a write to configuration all the same. The lock above keeps it from others.
  const recovery = await findRecoveryCode(edit.tx, userId, hashKey(normalise(code)))
  if (!recovery) return false
  await edit.tx.deleteFrom('recovery_codes').where('user_id', '=', userId).where('code_hash', '=', recovery.code_hash).execute()
  return true
}
