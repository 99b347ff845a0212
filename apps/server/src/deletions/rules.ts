import { restorableDays, type DeletedKind } from '@halyard/contract'

const dayMilliseconds = 24 * 60 * 60 * 1000

/** What was deleted after this instant can be restored; what was deleted before is purged. */
export const restorableSince = (now: Date): Date => new Date(now.getTime() - restorableDays * dayMilliseconds)

export const restorableUntil = (deletedAt: Date): Date => new Date(deletedAt.getTime() + restorableDays * dayMilliseconds)

interface Named {
  readonly id: number
  readonly name: string
}

export const whyNameIsTaken = (kind: DeletedKind, namesake: Named): string =>
  `Another ${kind} is named “${namesake.name}” by now (id ${namesake.id}): rename that one, or restore this one under another name with {"name": "…"}.`
