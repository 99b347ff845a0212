import { traitIds } from '@halyard/sdk-api'
import type { StoredTraits } from '../identities/rules.ts'
import type { Trait } from './commands.ts'

/** The four columns in which the wire shows a value; the one that is of its type holds it. */
export function presentValue(value: Trait['value']) {
  const none = { string_value: null, integer_value: null, boolean_value: null, float_value: null }
  if (typeof value === 'string') return { ...none, value_type: 'unicode', string_value: value } as const
  if (typeof value === 'boolean') return { ...none, value_type: 'bool', boolean_value: value } as const
  // JSON has one kind of number: 1.0 is 1.
  if (Number.isSafeInteger(value)) return { ...none, value_type: 'int', integer_value: value } as const
  return { ...none, value_type: 'float', float_value: value } as const
}

/** Traits have no ids of their own; these are made from their keys, the same here and in replies to SDKs. */
export function numberTraits(traits: StoredTraits): (Trait & { readonly id: number })[] {
  const ids = traitIds(traits.keys())
  return [...traits].flatMap(([key, value]) => {
    const id = ids.get(key)
    return id === undefined ? [] : [{ id, key, value }]
  })
}
