import { unauthenticated } from '@halyard/contract'
import { createLocalJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify, type JWTPayload } from 'jose'
import * as z from 'zod'
import type { Queryable } from '../access/rows.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { listTrusting, type TrustRelationship } from './queries.ts'
import { matchesAll } from './rules.ts'

const algorithms = ['RS256', 'ES256']
const keysLastMs = 5 * 60_000
const issuersMax = 1000
const discovery = z.object({ issuer: z.string(), jwks_uri: z.string() })
const keySet = z.object({ keys: z.array(z.looseObject({ kty: z.string() })) })
type Keys = ReturnType<typeof createLocalJWKSet>

const refused = () =>
  unauthenticated('The token is not one that a trust relationship lets in: check its issuer, audience, claims and age, and who signed it.')

export interface Verified {
  readonly relationship: TrustRelationship
  readonly claims: JWTPayload
}

/** Takes a workflow's token apart. Only issuers that somebody trusts are ever asked, and only for the keys they publish. */
export function createTokenVerifier({ outbound, now, log }: Pick<Runtime, 'outbound' | 'now' | 'log'>) {
  const known = new Map<string, { keys: Keys; until: number }>()

  async function fetchJson(url: string): Promise<unknown> {
    const reply = await outbound.send({ method: 'GET', url, headers: { accept: 'application/json' } })
    if (reply.status !== 200 || reply.truncated) throw new Error(`${url} answered ${reply.status}.`)
    return JSON.parse(reply.text)
  }

  async function keysOf(issuer: string): Promise<Keys> {
    const held = known.get(issuer)
    if (held && held.until > now().getTime()) return held.keys
    const found = discovery.parse(await fetchJson(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`))
    if (found.issuer !== issuer) throw new Error(`${issuer} says that it is ${found.issuer}.`)
    const keys = createLocalJWKSet(keySet.parse(await fetchJson(found.jwks_uri)))
    if (known.size >= issuersMax) known.clear()
    known.set(issuer, { keys, until: now().getTime() + keysLastMs })
    return keys
  }

  /** 401, always in the same words, unless exactly one relationship matches: who guesses learns nothing. */
  return async function verify(db: Queryable, token: string): Promise<Verified> {
    const claimed = readClaims(token)
    const trusting = await listTrusting(db, claimed.issuer, claimed.audiences)
    if (trusting.length === 0) throw refused()
    const keys = await keysOf(claimed.issuer).catch((error: unknown) => {
      log.warn({ err: error, issuer: claimed.issuer }, 'the keys of an issuer cannot be read')
      throw refused()
    })
    const claims = await verifySigned(token, keys, { issuer: claimed.issuer, at: now() })
    const [relationship, ...others] = trusting.filter(({ claim_rules: rules }) => matchesAll(rules, claims))
    if (!relationship || others.length > 0) throw refused()
    return { relationship, claims }
  }
}

async function verifySigned(token: string, keys: Keys, { issuer, at }: { issuer: string; at: Date }): Promise<JWTPayload> {
  const options = { algorithms, issuer, requiredClaims: ['exp', 'iat'], maxTokenAge: '1 day', clockTolerance: 30, currentDate: at }
  try {
    return (await jwtVerify(token, keys, options)).payload
  } catch {
    throw refused()
  }
}

// Before anything is proved: only to find out whom to ask.
function readClaims(token: string): { issuer: string; audiences: string[] } {
  try {
    const { alg, typ } = decodeProtectedHeader(token)
    const { iss, aud } = decodeJwt(token)
    // Tokens for other uses are signed with the same keys.
    if (!algorithms.includes(alg ?? '') || (typ !== undefined && typ.toUpperCase() !== 'JWT') || iss === undefined) throw refused()
    return { issuer: iss, audiences: typeof aud === 'string' ? [aud] : (aud ?? []) }
  } catch {
    throw refused()
  }
}
