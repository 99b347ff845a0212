import type { UserActor } from '../access/actor.ts'
import type { Queryable } from '../access/rows.ts'

export type SessionRow = Awaited<ReturnType<typeof listSessions>>[number]
export type PersonalTokenRow = Awaited<ReturnType<typeof listPersonalTokens>>[number]

/** Those that still open something. */
export const listSessions = (db: Queryable, actor: UserActor, alive: { at: Date; usedAfter: Date }) =>
  db
    .selectFrom('user_tokens')
    .select(['id', 'created_at', 'used_at', 'expires_at', 'user_agent', 'address'])
    .where('user_id', '=', actor.id)
    .where('name', 'is', null)
    .where('expires_at', '>', alive.at)
    .where('used_at', '>=', alive.usedAfter)
    .orderBy('id', 'desc')
    .execute()

export const listPersonalTokens = (db: Queryable, actor: UserActor, at: Date) =>
  db
    .selectFrom('user_tokens')
    .select(['id', 'name', 'created_at', 'expires_at', 'used_at'])
    .where('user_id', '=', actor.id)
    .where('name', 'is not', null)
    .where('expires_at', '>', at)
    .orderBy('id')
    .execute()
