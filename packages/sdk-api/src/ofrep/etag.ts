import { createHash } from 'node:crypto'
import type { EnvironmentSnapshot } from '../ports.ts'

/**
 * Providers send the last ETag along with another context, so it must depend on the whole reply; and on the revision, so that
 * equal flags of another configuration are not taken for the same reply.
 */
export function etagOf({ epoch, revision }: Pick<EnvironmentSnapshot, 'epoch' | 'revision'>, body: string): string {
  return `"${createHash('sha256').update(`${epoch}-${revision}\n${body}`).digest('base64url')}"`
}

/** Whether an `If-None-Match` names an ETag. Compares weakly, as RFC 9110 has it for this header. */
export function namesEtag(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false
  if (ifNoneMatch.trim() === '*') return true
  return ifNoneMatch.split(',').some((candidate) => candidate.trim().replace(/^W\//, '') === etag)
}
