import type { EnvironmentSnapshot } from './ports.ts'
import { readHttpDate, wholeSeconds } from './instants.ts'

export interface Preconditions {
  readonly ifModifiedSince: string | undefined
  readonly ifUnmodifiedSince: string | undefined
}

export type Condition = 'send' | 'not-modified' | 'precondition-failed'

/** What a conditional request for the environment document gets. */
export function conditionOf(snapshot: Pick<EnvironmentSnapshot, 'updatedAt' | 'previousUpdatedAt'>, asked: Preconditions): Condition {
  const updatedAt = wholeSeconds(snapshot.updatedAt)
  const unmodifiedSince = asked.ifUnmodifiedSince === undefined ? undefined : readHttpDate(asked.ifUnmodifiedSince)
  if (unmodifiedSince !== undefined && updatedAt > unmodifiedSince) return 'precondition-failed'
  const modifiedSince = asked.ifModifiedSince === undefined ? undefined : readHttpDate(asked.ifModifiedSince)
  if (modifiedSince === undefined || updatedAt > modifiedSince) return 'send'
  // Two changes within one second share their HTTP date: whoever fetched between them would be told 304 until the next change.
  const { previousUpdatedAt } = snapshot
  return previousUpdatedAt !== undefined && wholeSeconds(previousUpdatedAt) === updatedAt ? 'send' : 'not-modified'
}
