import { unauthenticated } from '@halyard/contract'
import type { Runtime } from '../runtime/runtime.ts'
import { hashKey, isSameHash } from '../runtime/secrets.ts'
import { openBearer } from './bearer.ts'
import type { Queryable } from './rows.ts'
import { userActor, type Actor, type ApiKeyActor, type UserActor } from './actor.ts'

/** What a request proves who it is with: the cookie counts when there is no header. */
export interface Credentials {
  readonly authorization: string | undefined
  readonly sessionCookie: string | undefined
}

/** Turns credentials into an actor; undefined without any, 401 for ones that are not good. Looked up anew for every request. */
export async function authenticate(runtime: Runtime, { authorization, sessionCookie }: Credentials): Promise<Actor | undefined> {
  if (!authorization) return sessionCookie === undefined ? undefined : authenticateCookie(runtime, sessionCookie)
  const [scheme = '', credential = ''] = authorization.trim().split(/\s+/, 2)
  const authenticator = authenticators[scheme.toLowerCase()]
  if (!authenticator) throw unauthenticated('The Authorization header takes “Token <user token>” or “Api-Key <prefix>.<secret>”.')
  return authenticator(runtime, credential)
}

const authenticators: Record<string, (runtime: Runtime, credential: string) => Promise<Actor>> = {
  token: authenticateUser,
  'api-key': authenticateApiKey,
  bearer: authenticateBearer,
}

async function authenticateCookie(runtime: Runtime, token: string): Promise<UserActor> {
  const actor = await authenticateUser(runtime, token)
  if (actor.token?.kind !== 'session') throw unauthenticated('Invalid token.')
  return actor
}

const stampEveryMs = 60_000

async function authenticateUser({ control, config, now }: Runtime, token: string): Promise<UserActor> {
  const at = now()
  const found = await control.db
    .selectFrom('user_tokens')
    .innerJoin('users', 'users.id', 'user_tokens.user_id')
    .leftJoin('second_factors', (join) => join.onRef('second_factors.user_id', '=', 'users.id').on('confirmed_at', 'is not', null))
    .select(['users.id', 'users.email', 'users.first_name', 'users.last_name', 'confirmed_at'])
    .select(['user_tokens.id as token_id', 'user_tokens.name as token_name', 'used_at'])
    .where('token_hash', '=', hashKey(token))
    .where('is_active', '=', true)
    .where('expires_at', '>', at)
    .executeTakeFirst()
  if (!found) throw unauthenticated('Invalid token.')
  const kind = found.token_name === null ? 'session' : 'personal'
  if (kind === 'session' && isIdle(found.used_at, at, config.sessionIdleHours)) throw unauthenticated('Invalid token.')
  await stampUse(control.db, { id: found.token_id, usedAt: found.used_at, at })
  return userActor(found, { token: { id: found.token_id, kind }, hasSecondFactor: found.confirmed_at !== null })
}

const isIdle = (usedAt: Date | null, at: Date, hours: number) => usedAt !== null && at.getTime() - usedAt.getTime() > hours * 3_600_000

// To the minute is enough to know when somebody was here, and spares most requests a write.
async function stampUse(db: Queryable, token: { id: number; usedAt: Date | null; at: Date }): Promise<void> {
  if (token.usedAt && token.at.getTime() - token.usedAt.getTime() < stampEveryMs) return
  await db.updateTable('user_tokens').set({ used_at: token.at }).where('id', '=', token.id).execute()
}

async function authenticateApiKey(runtime: Runtime, credential: string): Promise<ApiKeyActor> {
  const refused = unauthenticated('The API key is not valid: it may be mistyped, expired or revoked.')
  const [prefix = ''] = credential.split('.', 1)
  const key = await usableKeys(runtime).where('prefix', '=', prefix).executeTakeFirst()
  if (!key || !isSameHash(key.hashed_key, hashKey(credential))) throw refused
  return apiKeyActor(key)
}

/** As what a trust relationship lets in, for as long as it is trusted. */
async function authenticateBearer(runtime: Runtime, token: string): Promise<ApiKeyActor> {
  const id = openBearer(runtime.config, token, runtime.now())
  const key = id === undefined ? undefined : await usableKeys(runtime).where('master_api_keys.id', '=', id).executeTakeFirst()
  if (!key) throw unauthenticated('The token is not valid: it may be expired, or no longer trusted.')
  return apiKeyActor(key)
}

const usableKeys = ({ control, now }: Runtime) =>
  control.db
    .selectFrom('master_api_keys')
    .innerJoin('organisations', 'organisations.id', 'master_api_keys.organisation_id')
    .select(['master_api_keys.id', 'master_api_keys.name', 'organisation_id', 'hashed_key', 'is_admin'])
    .where('revoked_at', 'is', null)
    .where((where) => where.or([where('expires_at', 'is', null), where('expires_at', '>', now())]))
    .where('master_api_keys.deleted_at', 'is', null)
    .where('organisations.deleted_at', 'is', null)

const apiKeyActor = (key: { id: number; name: string; organisation_id: number; is_admin: boolean }): ApiKeyActor => ({
  kind: 'api_key',
  id: key.id,
  name: key.name,
  organisationId: key.organisation_id,
  isAdmin: key.is_admin,
})
