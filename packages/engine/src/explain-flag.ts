import type { Evaluation } from './evaluation.ts'
import type { CandidateExplanation, CandidateOutcome, FlagExplanation, SplitExplanation } from './explanation.ts'
import { type FeatureState, type Outcomes, outcomesOf, rangeHolding } from './feature-state.ts'
import { percentageOf } from './percentage.ts'
import { type Candidate, defaultReason, type Feature, identityOverrideReason } from './program.ts'
import type { FlagResult } from './result.ts'
import { isInSegment } from './segments.ts'
import type { Subject } from './subject.ts'

/**
 * A feature with what its explanations have in common, whoever is evaluated for: nearly all that they say. Each part is made
 * when it is first needed, frozen, and shared from then on.
 */
export interface ExplainableFeature {
  readonly feature: Feature<unknown>
  /** By the place of the winner among the candidates; the default comes after them. */
  readonly wins: (Win | undefined)[]
}

/** A state that wins, with what it then answers. */
interface Win {
  readonly state: FeatureState<unknown>
  readonly flags: Outcomes<FlagResult>
  /** When it is the same for everybody. */
  readonly candidates: readonly CandidateExplanation[] | undefined
  /** When it is the same for everybody who is not split. */
  readonly unsplit: FlagExplanation | undefined
}

export function explainableFeature(feature: Feature<unknown>): ExplainableFeature {
  return { feature, wins: Array<undefined>(feature.candidates.length + 1).fill(undefined) }
}

export function explainFlag(
  explainable: ExplainableFeature,
  own: FeatureState<unknown> | undefined,
  evaluation: Evaluation,
): FlagExplanation {
  const { feature, wins } = explainable
  if (own) return explainOwn(feature, own, evaluation)
  const place = placeOfWinner(feature.candidates, evaluation)
  const win = (wins[place] ??= winOfPlace(feature, place, evaluation))
  if (win.unsplit && !isSplit(win.state, evaluation.subject)) return win.unsplit
  return explainWin(win, win.candidates ?? explainCandidates(feature, win.state, evaluation), evaluation.subject)
}

function explainOwn(feature: Feature<unknown>, own: FeatureState<unknown>, evaluation: Evaluation): FlagExplanation {
  const flags = outcomesOf(own, identityOverrideReason, freeze)
  const candidates = [explainState(own, 'identity', 'won'), ...explainCandidates(feature, own, evaluation)]
  return explainWin({ state: own, flags }, candidates, evaluation.subject)
}

/** Candidates are in order of strength, so the first that matches wins. */
function placeOfWinner(candidates: readonly Candidate<unknown>[], evaluation: Evaluation): number {
  let place = 0
  for (const { segment } of candidates) {
    if (isInSegment(segment, evaluation)) break
    place++
  }
  return place
}

function winOfPlace(feature: Feature<unknown>, place: number, evaluation: Evaluation): Win {
  const { fallback, candidates } = feature
  const { state, reason } = candidates[place] ?? { state: fallback, reason: defaultReason }
  const flags = outcomesOf(state, reason, freeze)
  // Those before the winner cannot have matched. So only those after it differ from one identity to the next, if there are any.
  if (place < candidates.length - 1) return { state, flags, candidates: undefined, unsplit: undefined }
  const explained = Object.freeze(explainCandidates(feature, state, evaluation))
  return { state, flags, candidates: explained, unsplit: Object.freeze(explainUnsplit({ state, flags }, explained)) }
}

function freeze<T>(frozen: T): T {
  return Object.freeze(frozen)
}

function explainCandidates({ fallback, candidates }: Feature<unknown>, winner: FeatureState<unknown>, evaluation: Evaluation) {
  return [
    ...candidates.map((candidate) => explainCandidate(candidate, winner, evaluation)),
    explainState(fallback, 'environment', winner === fallback ? 'won' : 'overridden'),
  ]
}

function explainCandidate(candidate: Candidate<unknown>, winner: FeatureState<unknown>, evaluation: Evaluation): CandidateExplanation {
  const { segment, state } = candidate
  const outcome = outcomeOf(candidate, winner, evaluation)
  // Contexts carry identity overrides as segments of infinite strength.
  if (state.priority === -Infinity) return explainState(state, 'identity', outcome)
  const priority = state.priority === Infinity ? null : state.priority
  const { enabled, value } = state
  return Object.freeze({ source: 'segment', segmentKey: segment.key, segmentName: segment.name, priority, enabled, value, outcome })
}

function outcomeOf({ segment, state }: Candidate<unknown>, winner: FeatureState<unknown>, evaluation: Evaluation): CandidateOutcome {
  if (state === winner) return 'won'
  if (!isInSegment(segment, evaluation)) return 'segment-did-not-match'
  return state.priority === winner.priority ? 'later-of-equal-priority' : 'weaker-priority'
}

function explainState(
  { enabled, value }: FeatureState<unknown>,
  source: 'identity' | 'environment',
  outcome: CandidateOutcome,
): CandidateExplanation {
  return Object.freeze({ source, segmentKey: null, segmentName: null, priority: null, enabled, value, outcome })
}

type Deciding = Pick<Win, 'state' | 'flags'>

function explainWin(win: Deciding, candidates: readonly CandidateExplanation[], subject: Subject): FlagExplanation {
  const { state, flags } = win
  const { key, keyPrefix } = subject
  if (!isSplit(state, subject) || key === undefined) return explainUnsplit(win, candidates)
  const bucket = percentageOf(state.key, key, keyPrefix)
  const range = rangeHolding(flags.variants, bucket)
  const chosen = range ? flags.variants.indexOf(range) : null
  return {
    flag: range?.flag ?? flags.control,
    candidates,
    split: { applied: true, hashed: [state.key, keyPrefix + key], bucket, chosen, ranges: state.variants },
  }
}

function isSplit({ variants }: FeatureState<unknown>, { key }: Subject): boolean {
  return variants.length > 0 && key !== undefined
}

const noVariants: SplitExplanation = Object.freeze({ applied: false, reason: 'no-variants', ranges: Object.freeze([]) })

function explainUnsplit({ state, flags }: Deciding, candidates: readonly CandidateExplanation[]): FlagExplanation {
  const { variants: ranges } = state
  const split = ranges.length === 0 ? noVariants : Object.freeze({ applied: false, reason: 'no-identity', ranges })
  return { flag: flags.plain, candidates, split }
}
