import * as z from 'zod'
import { seal, unseal, type SecretKeys } from '../runtime/secrets.ts'

export const bearerSeconds = 3600

const purpose = 'token of a trust relationship'
const bearer = z.object({ key: z.int(), until: z.coerce.date() })

/** A token that acts as an API key for an hour. Not a JWT: there is no algorithm to choose, and nothing in it to read. */
export const sealBearer = (keys: SecretKeys, masterApiKeyId: number, at: Date): string =>
  seal(keys, JSON.stringify({ key: masterApiKeyId, until: new Date(at.getTime() + bearerSeconds * 1000) }), purpose)

/** The API key that a token acts as; undefined if it is not ours or has ended. */
export function openBearer(keys: SecretKeys, token: string, at: Date): number | undefined {
  try {
    const { key, until } = bearer.parse(JSON.parse(unseal(keys, token, purpose)))
    return until > at ? key : undefined
  } catch {
    return undefined
  }
}
