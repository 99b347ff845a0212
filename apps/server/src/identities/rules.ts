import { identityTraitsMax, invalid } from '@halyard/contract'
import type { TraitValue } from '@halyard/engine'
import { identityBucket, identityId } from '@halyard/sdk-api'

export type StoredTraits = ReadonlyMap<string, Exclude<TraitValue, null>>

/** Where an identity is in its store. */
export interface IdentityKey {
  readonly environmentId: number
  readonly bucket: number
  readonly identifier: string
  readonly id: number
}

export function identityKey(environmentId: number, identifier: string): IdentityKey {
  const id = identityId(environmentId, identifier)
  return { environmentId, bucket: identityBucket(id), identifier, id }
}

/** The same order as `collate "C"` has: all processes lock rows in one order, so that no two wait for each other. */
export function compareKeys(one: IdentityKey, other: IdentityKey): number {
  return one.environmentId - other.environmentId || compareBytes(one.identifier, other.identifier)
}

/** Compares as their UTF-8 would be compared. JavaScript compares units of UTF-16, which puts U+FF5E after U+1F600. */
export function compareBytes(one: string, other: string): number {
  const length = Math.min(one.length, other.length)
  for (let at = 0; at < length; at++) {
    const difference = rank(one.charCodeAt(at)) - rank(other.charCodeAt(at))
    if (difference !== 0) return difference
  }
  return one.length - other.length
}

// Surrogates stand for what comes after everything that is one unit.
function rank(unit: number): number {
  if (unit < 0xd800) return unit
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800
}

/**
 * Traits as their column holds them, sorted by key, because jsonb has an order of its own. A null is a trait that was forgotten
 * before the identity was known; it is kept until the next write, so that whoever made the identity meanwhile forgets it too.
 */
export function readTraits(column: unknown): StoredTraits {
  const traits = new Map<string, Exclude<TraitValue, null>>()
  if (typeof column !== 'object' || column === null) return traits
  const entries: [string, unknown][] = Object.entries(column)
  entries.sort(([one], [other]) => (one < other ? -1 : 1))
  for (const [key, value] of entries) {
    if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') traits.set(key, value)
  }
  return traits
}

export const overfull = () => invalid({ traits: [`An identity holds at most ${identityTraitsMax} traits.`] })

/** JSON text with nulls: also a trait named `__proto__` is an ordinary one. */
export const traitsJson = (traits: ReadonlyMap<string, TraitValue>): string => JSON.stringify(Object.fromEntries(traits))

/** What is known after a sighting; the same map when the sighting brings nothing new. */
export function withTraits(known: StoredTraits, brought: ReadonlyMap<string, TraitValue>): StoredTraits {
  let next: Map<string, Exclude<TraitValue, null>> | undefined
  for (const [key, value] of brought) {
    const current = (next ?? known).get(key)
    if (value === null) {
      if (current === undefined) continue
      next ??= new Map(known)
      next.delete(key)
    } else if (current !== value) {
      next ??= new Map(known)
      next.set(key, value)
    }
  }
  return next ?? known
}

/** `traits` in the order of `expected`, then what is not in it: others may have written in between. */
export function inOrderOf(expected: StoredTraits, traits: StoredTraits): StoredTraits {
  const ordered = new Map<string, Exclude<TraitValue, null>>()
  for (const key of expected.keys()) {
    const value = traits.get(key)
    if (value !== undefined) ordered.set(key, value)
  }
  for (const [key, value] of traits) ordered.set(key, value)
  return ordered
}
