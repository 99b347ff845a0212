import { coerce, type ContextValue } from './cast.ts'
import { type JsonPath, parseJsonPath } from './json-path.ts'
import { isRecord, ownProperty, textOf } from './shape.ts'

/** Whoever is evaluated for, as far as conditions can see. */
export interface Subject {
  readonly identifier: string | undefined
  /** What percentages hash on, in two parts: joining them would cost as much as hashing. Undefined when there is nothing to hash. */
  readonly key: string | undefined
  readonly keyPrefix: string
  /** At most one of the two: traits come as either, which is decided once and not for every property. */
  readonly traitRecord: Record<string, unknown> | undefined
  readonly traitMap: ReadonlyMap<unknown, unknown> | undefined
}

export const nobody: Subject = { identifier: undefined, key: undefined, keyPrefix: '', traitRecord: undefined, traitMap: undefined }

/** What the identifier makes a key with, when an identity has none. */
export function keyPrefixOf(environmentKey: string): string {
  return `${environmentKey}_`
}

/** Reads an identity, whose key is made of the environment's key and the identifier when it is missing or empty. */
export function subjectOf(identity: unknown, environmentKeyPrefix: string): Subject {
  if (!isRecord(identity)) return nobody
  const identifier = textOf(identity.identifier)
  const ownKey = textOf(identity.key)
  const { traits } = identity
  const traitMap = traits instanceof Map ? traits : undefined
  const traitRecord = !traitMap && isRecord(traits) ? traits : undefined
  return { identifier, key: ownKey || identifier, keyPrefix: ownKey ? '' : environmentKeyPrefix, traitRecord, traitMap }
}

export function hashKeyOf({ key, keyPrefix }: Subject): string | undefined {
  return key === undefined ? undefined : keyPrefix + key
}

/** Finds what a condition's property names; `value` is before and `coerced` after conversion. */
export interface Property {
  readonly find: (subject: Subject) => unknown
  readonly isCoerced: boolean
}

/** Looks up a path that does not depend on the subject. */
export type FindConstant = (path: JsonPath) => unknown

/**
 * A property is a trait's name, or a JSONPath when it begins with `$.`; a trait with that very name still wins. The blank
 * property stands for the key of the identity, as it is.
 */
export function propertyNamed(name: string, findConstant: FindConstant): Property {
  if (name === '') return { find: hashKeyOf, isCoerced: false }
  const path = name.startsWith('$.') ? parseJsonPath(name) : undefined
  if (!path) return { find: (subject) => traitOf(subject, name), isCoerced: true }
  const find = findAt(path, findConstant)
  return { find: (subject) => traitOf(subject, name) ?? find(subject), isCoerced: true }
}

export function coercedValue(property: Property, subject: Subject): ContextValue {
  const value = property.find(subject)
  if (property.isCoerced || typeof value === 'boolean') return coerce(value)
  return textOf(value)
}

const identityPaths = new Map<unknown, (subject: Subject) => unknown>([
  ['identifier', (subject) => subject.identifier],
  ['key', hashKeyOf],
])

function findAt(path: JsonPath, findConstant: FindConstant): (subject: Subject) => unknown {
  const [root, member, trait] = path
  if (root === 'identity' && path.length === 2) {
    const find = identityPaths.get(member)
    if (find) return find
  }
  if (root === 'identity' && member === 'traits' && path.length === 3 && typeof trait === 'string') {
    return (subject) => traitOf(subject, trait)
  }
  const constant = findConstant(path)
  return () => constant
}

function traitOf({ traitRecord, traitMap }: Subject, name: string): unknown {
  return traitRecord ? ownProperty(traitRecord, name) : traitMap?.get(name)
}
