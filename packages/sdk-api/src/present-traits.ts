import type { MetTrait } from './met-identity.ts'
import { traitIds } from './trait-ids.ts'

/** Traits as they go over the wire. Only those that are stored have an id. */
export function presentTraits(traits: ReadonlyMap<string, MetTrait>) {
  const ids = traitIds([...traits].filter(([, { stored }]) => stored).map(([key]) => key))
  return [...traits].map(([key, { value, transient }]) => ({
    id: ids.get(key) ?? null,
    trait_key: key,
    trait_value: value,
    transient,
  }))
}
