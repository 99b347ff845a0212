/**
 * Computes at most once for each key and forgets together with it. Snapshots and flags never change, so what is derived from
 * them needs no invalidation.
 */
export function oncePer<Key extends WeakKey, Value>(compute: (key: Key) => Value): (key: Key) => Value {
  const kept = new WeakMap<Key, { readonly value: Value }>()
  return (key) => {
    const known = kept.get(key)
    if (known) return known.value
    const value = compute(key)
    kept.set(key, { value })
    return value
  }
}
