import type { FeatureValue } from '@halyard/contract'

/** What is known of a feature in one environment. */
export interface Place {
  readonly name: string
  readonly enabled: boolean
  readonly value: FeatureValue
  readonly sameForEveryone: boolean
  readonly evaluationsReported: boolean
  readonly lastEvaluatedAt: Date | null
}

export interface Verdict {
  readonly verdict: 'remove' | 'inline' | 'watch'
  readonly evidence: string[]
}

const dayMs = 86_400_000
const wholeDays = (from: Date, to: Date) => Math.floor((to.getTime() - from.getTime()) / dayMs)

/** What to do about a feature that nobody has changed for a while, and why. Silence is evidence only where evaluations are reported. */
export function judge(
  places: readonly Place[],
  { unchangedSince, limitDays, now }: { unchangedSince: Date; limitDays: number; now: Date },
): Verdict {
  const unchanged = `Unchanged in every environment for ${wholeDays(unchangedSince, now)} days.`
  const reporting = places.filter((place) => place.evaluationsReported)
  const evaluated = reporting.filter(({ lastEvaluatedAt }) => lastEvaluatedAt && wholeDays(lastEvaluatedAt, now) < limitDays)
  const isInlinable = places.length > 0 && places.every((place) => place.sameForEveryone && isSameState(place, places[0]))
  const evidence = [unchanged, sayEvaluations(reporting, evaluated, limitDays)]
  if (isInlinable) evidence.push('On or off and with the same value for everyone in every environment.')
  if (reporting.length > 0 && evaluated.length === 0) return { verdict: 'remove', evidence }
  return { verdict: isInlinable ? 'inline' : 'watch', evidence }
}

const isSameState = (one: Place, other: Place | undefined) => one.enabled === other?.enabled && one.value === other.value

function sayEvaluations(reporting: readonly Place[], evaluated: readonly Place[], limitDays: number): string {
  if (reporting.length === 0) return 'No environment reports evaluations, so whether it is used is unknown: enable analytics in the SDKs.'
  if (evaluated.length === 0) return `Not evaluated for ${limitDays} days in ${namesOf(reporting)}, where evaluations are reported.`
  return `Evaluated within ${limitDays} days in ${namesOf(evaluated)}.`
}

const namesOf = (places: readonly Place[]) => places.map(({ name }) => `“${name}”`).join(', ')
