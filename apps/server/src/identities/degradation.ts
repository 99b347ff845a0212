import { RecentlyUsed } from '../runtime/recently-used.ts'
import type { Log } from '../runtime/runtime.ts'
import type { IdentityKey, StoredTraits } from './rules.ts'

/** How an identity is called among those last known. */
export const nameOf = ({ environmentId, identifier }: Pick<IdentityKey, 'environmentId' | 'identifier'>) => `${environmentId}:${identifier}`

/** What identities had when they were last seen, for when their store cannot be asked: at most 50 000 of them and 32 million characters. */
export const createLastKnown = () =>
  new RecentlyUsed<StoredTraits>({
    entriesMax: 50_000,
    sizeMax: 32_000_000,
    sizeOf(name, traits) {
      let size = name.length
      for (const [key, value] of traits) size += key.length + (typeof value === 'string' ? value.length : 1)
      return size
    },
  })

const warnEveryMs = 10_000

/** Counts the answers from memory, and warns of them now and then. */
export function createDegradation(log: Log, now: () => Date) {
  let total = 0
  let warnedAt = -Infinity
  return {
    total: () => total,
    count(error: unknown) {
      total += 1
      if (now().getTime() - warnedAt < warnEveryMs) return
      warnedAt = now().getTime()
      log.warn({ err: error, total }, 'the identity store cannot be reached: identities are answered from memory and nothing is kept')
    },
  }
}
