import type { StoredTraits } from './rules.ts'

/** Raised whenever what follows makes other terms of the same identity: all of them are then made anew. */
export const termsVersion = 1

/** What of an identity is searched. */
export interface Searchable {
  readonly identifier: string
  readonly alias: string | null
  readonly traits: StoredTraits
}

/** Terms are hashes that hold the environment too, so that what is frequent in one environment slows no search in another. */
export function searchTerms(environmentId: number, identity: Searchable): number[] {
  const terms = new Set(partTerms(environmentId, foldedNames(identity)))
  for (const [key, value] of identity.traits) terms.add(traitTerm(environmentId, key, String(value)))
  return [...terms]
}

/** Without regard to case, whatever the collation of the database. A line break is in no part that anybody searches for. */
export const fold = (text: string): string => text.toLowerCase().replaceAll('ς', 'σ')

export const foldedNames = ({ identifier, alias }: Pick<Searchable, 'identifier' | 'alias'>): string =>
  fold(alias === null ? identifier : `${identifier}\n${alias}`)

/** What is shorter has no terms. */
export const partLengthMin = 3

/** Of every three characters in a row. Who holds a text has all of its terms. */
export function partTerms(environmentId: number, folded: string): number[] {
  const terms = new Set<number>()
  for (let at = 0; at + partLengthMin <= folded.length; at++) {
    terms.add(termOf(environmentId, `part:${folded.slice(at, at + partLengthMin)}`))
  }
  return [...terms]
}

export const traitTerm = (environmentId: number, key: string, value: string): number =>
  termOf(environmentId, `trait:${key.length}:${key}:${value}`)

/** 53 bits: what a number holds exactly. Two sums with multipliers of their own, whose high bits depend on every character. */
function termOf(environmentId: number, text: string): number {
  let one = 0x9e3779b9 ^ environmentId
  let other = 0x7f4a7c15 + environmentId
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    one = Math.imul(one ^ code, 0x85ebca6b)
    one ^= one >>> 15
    other = Math.imul(other ^ code, 0xc2b2ae35)
    other ^= other >>> 13
  }
  return (one >>> 11) * 2 ** 32 + (other >>> 0)
}
