import { createHash } from 'node:crypto'

const bucketCount = 1024

/**
 * The number of an identity on the wire, and what its percentages hash on in environments that do not use the composite key.
 * Frozen: another function would move identities between variants, and rows between buckets.
 */
export function identityId(environmentId: number, identifier: string): number {
  const digest = createHash('sha256').update(`${environmentId}:${identifier}`).digest()
  // 53 bits are what a number holds exactly: 48 and then the five highest of the next byte.
  const id = digest.readUIntBE(0, 6) * 32 + (digest.readUInt8(6) >> 3)
  return id === 0 ? 1 : id
}

/** The partition of the identity store that an identity is in. */
export const identityBucket = (id: number) => id % bucketCount
