import { unauthenticated } from '@halyard/contract'
import type { Runtime } from '../runtime/runtime.ts'
import { hashKey, isSameHash } from '../runtime/secrets.ts'
import { userActor, type Actor, type ApiKeyActor, type UserActor } from './actor.ts'

/** Turns an `Authorization` header into an actor; undefined without one, 401 for one that is not good. */
export async function authenticate(runtime: Runtime, authorization: string | undefined): Promise<Actor | undefined> {
  if (!authorization) return undefined
  const [scheme = '', credential = ''] = authorization.trim().split(/\s+/, 2)
  const authenticator = authenticators[scheme.toLowerCase()]
  if (!authenticator) throw unauthenticated('The Authorization header takes “Token <user token>” or “Api-Key <prefix>.<secret>”.')
  return authenticator(runtime, credential)
}

const authenticators: Record<string, (runtime: Runtime, credential: string) => Promise<Actor>> = {
  token: authenticateUser,
  'api-key': authenticateApiKey,
}

async function authenticateUser({ control }: Runtime, token: string): Promise<UserActor> {
  const tokenHash = hashKey(token)
  const user = await control.db
    .selectFrom('user_tokens')
    .innerJoin('users', 'users.id', 'user_tokens.user_id')
    .select(['users.id', 'users.email', 'users.first_name', 'users.last_name'])
    .where('token_hash', '=', tokenHash)
    .where('is_active', '=', true)
    .executeTakeFirst()
  if (!user) throw unauthenticated('Invalid token.')
  return userActor(user, tokenHash)
}

async function authenticateApiKey({ control, now }: Runtime, credential: string): Promise<ApiKeyActor> {
  const refused = unauthenticated('The API key is not valid: it may be mistyped, expired or revoked.')
  const [prefix = ''] = credential.split('.', 1)
  const key = await control.db
    .selectFrom('master_api_keys')
    .innerJoin('organisations', 'organisations.id', 'master_api_keys.organisation_id')
    .select(['master_api_keys.id', 'master_api_keys.name', 'organisation_id', 'hashed_key', 'is_admin', 'expires_at'])
    .where('prefix', '=', prefix)
    .where('revoked_at', 'is', null)
    .where('master_api_keys.deleted_at', 'is', null)
    .where('organisations.deleted_at', 'is', null)
    .executeTakeFirst()
  if (!key || !isSameHash(key.hashed_key, hashKey(credential))) throw refused
  if (key.expires_at && key.expires_at <= now()) throw refused
  return { kind: 'api_key', id: key.id, name: key.name, organisationId: key.organisation_id, isAdmin: key.is_admin }
}
