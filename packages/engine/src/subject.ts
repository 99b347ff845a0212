import { coerce, type ContextValue } from './cast.ts'
import { type JsonPath, parseJsonPath } from './json-path.ts'
import { isRecord, ownProperty, textOf } from './shape.ts'

/** Whoever is evaluated for, as far as conditions can see. */
export interface Subject {
  readonly identifier: string | undefined
  /** What percentages hash on; undefined when there is nothing to hash. */
  readonly hashKey: string | undefined
  readonly traits: unknown
}

export const nobody: Subject = { identifier: undefined, hashKey: undefined, traits: undefined }

/** Reads an identity, whose key is made of the environment's key and the identifier when it is missing or empty. */
export function subjectOf(identity: unknown, environmentKey: string): Subject {
  if (!isRecord(identity)) return nobody
  const identifier = textOf(identity.identifier)
  const key = textOf(identity.key)
  const hashKey = key || (identifier === undefined ? undefined : `${environmentKey}_${identifier}`)
  return { identifier, hashKey, traits: identity.traits }
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
  if (name === '') return { find: (subject) => subject.hashKey, isCoerced: false }
  const path = name.startsWith('$.') ? parseJsonPath(name) : undefined
  if (!path) return { find: (subject) => traitOf(subject, name), isCoerced: true }
  const find = findAt(path, findConstant)
  return { find: (subject) => traitOf(subject, name) ?? find(subject), isCoerced: true }
}

export function coercedValue(property: Property, subject: Subject): ContextValue {
  const value = property.find(subject)
  return property.isCoerced ? coerce(value) : textOf(value)
}

const identityPaths = new Map<unknown, (subject: Subject) => unknown>([
  ['identifier', (subject) => subject.identifier],
  ['key', (subject) => subject.hashKey],
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

function traitOf(subject: Subject, name: string): unknown {
  const { traits } = subject
  if (traits instanceof Map) return traits.get(name)
  return isRecord(traits) ? ownProperty(traits, name) : undefined
}
