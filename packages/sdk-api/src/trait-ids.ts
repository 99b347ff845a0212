const idCount = 2 ** 31

/** Traits have no row of their own; the wire wants a number for each, and the same one every time. */
export function traitIds(keys: Iterable<string>): Map<string, number> {
  const ids = new Map<string, number>()
  const taken = new Set<number>()
  for (const key of keys) {
    let id = hash(key)
    while (taken.has(id)) id = (id % (idCount - 1)) + 1
    taken.add(id)
    ids.set(key, id)
  }
  return ids
}

/** FNV-1a over units of UTF-16, folded to 1 … 2³¹ − 1. */
function hash(key: string): number {
  let state = 0x811c9dc5
  for (let at = 0; at < key.length; at++) state = Math.imul(state ^ key.charCodeAt(at), 0x01000193)
  return state >>> 1 || 1
}
