import { invalid, notFound } from '@halyard/contract'
import type { UserActor } from '../access/actor.ts'
import type { Edit } from '../changes/edit.ts'
import { recordChange } from '../changes/record-change.ts'
import { hashKey, newUserToken } from '../runtime/secrets.ts'
import type { PersonalTokenRow } from './queries.ts'
import { whyNotUntil } from './rules.ts'

export interface SessionStart {
  readonly days: number
  /** The token of a session that this browser had until now. */
  readonly replaces?: string | undefined
}

const dayMs = 86_400_000
const userAgentMax = 500

/** Part of signing in and up, which record it. Every sign-in has a token of its own, so none can be fixed in advance. */
export async function beginSession(edit: Edit, user: { id: number }, { days, replaces }: SessionStart): Promise<string> {
  const { tx, at, origin } = edit
  const key = newUserToken()
  await tx.deleteFrom('user_tokens').where('user_id', '=', user.id).where('expires_at', '<=', at).execute()
  if (replaces) await tx.deleteFrom('user_tokens').where('token_hash', '=', hashKey(replaces)).where('name', 'is', null).execute()
  await tx
    .insertInto('user_tokens')
    .values({
      token_hash: hashKey(key),
      user_id: user.id,
      created_at: at,
      used_at: at,
      expires_at: new Date(at.getTime() + days * dayMs),
      user_agent: origin.userAgent?.toWellFormed().replaceAll('\0', '').slice(0, userAgentMax) ?? null,
      address: origin.address,
    })
    .execute()
  await tx.updateTable('users').set({ signed_in_at: at }).where('id', '=', user.id).execute()
  return key
}

/** Part of commands after which nobody may go on as before; they record it. */
export async function endSessions(edit: Edit, user: { id: number }, { except }: { except?: number | undefined } = {}): Promise<void> {
  await edit.tx
    .deleteFrom('user_tokens')
    .where('user_id', '=', user.id)
    .where('name', 'is', null)
    .where('id', '<>', except ?? 0)
    .execute()
}

export async function endSession(edit: Edit, actor: UserActor, id: number): Promise<void> {
  const ended = await edit.tx
    .deleteFrom('user_tokens')
    .where('id', '=', id)
    .where('user_id', '=', actor.id)
    .where('name', 'is', null)
    .returning(['id', 'user_agent', 'address', 'created_at'])
    .executeTakeFirst()
  if (!ended) throw notFound()
  await recordChange(edit, { type: 'session.ended', subject: id, before: ended })
}

export async function endOtherSessions(edit: Edit, actor: UserActor): Promise<void> {
  await endSessions(edit, actor, { except: actor.token?.id })
  await recordChange(edit, { type: 'session.ended', subject: actor.id, before: { all_except: actor.token?.id ?? null } })
}

/** Answers with the token too: it is stored as its hash only. */
export async function createPersonalToken(
  edit: Edit,
  actor: UserActor,
  { name, expires_at: expiresAt }: { name: string; expires_at: Date },
): Promise<{ row: PersonalTokenRow; key: string }> {
  const reason = whyNotUntil(expiresAt, edit.at)
  if (reason) throw invalid({ expires_at: [reason] })
  const key = newUserToken()
  const row = await edit.tx
    .insertInto('user_tokens')
    .values({ token_hash: hashKey(key), user_id: actor.id, name, created_at: edit.at, expires_at: expiresAt })
    .returning(['id', 'name', 'created_at', 'expires_at', 'used_at'])
    .executeTakeFirstOrThrow()
  await recordChange(edit, { type: 'personal_token.created', subject: row.id, after: row })
  return { row, key }
}

export async function deletePersonalToken(edit: Edit, actor: UserActor, id: number): Promise<void> {
  const before = await edit.tx
    .deleteFrom('user_tokens')
    .where('id', '=', id)
    .where('user_id', '=', actor.id)
    .where('name', 'is not', null)
    .returning(['id', 'name', 'created_at', 'expires_at'])
    .executeTakeFirst()
  if (!before) throw notFound()
  await recordChange(edit, { type: 'personal_token.deleted', subject: id, before })
}
