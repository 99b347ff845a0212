import { type Evaluation, startEvaluation } from './evaluation.ts'
import { explainSegment } from './explain-segment.ts'
import type { CandidateExplanation, CandidateOutcome, Explanation, FlagExplanation, SplitExplanation } from './explanation.ts'
import { type FeatureState, flagResult, rangeHolding } from './feature-state.ts'
import { percentageOf } from './percentage.ts'
import { type Candidate, defaultReason, type Feature, identityOverrideReason, type Program, strongestCandidate } from './program.ts'
import { isInSegment, type Segment } from './segments.ts'
import { hashKeyOf, nobody, type Subject } from './subject.ts'

/** Who is asked about: identity overrides are kept apart from segments in a compiled environment. */
export interface Asked {
  readonly subject: Subject
  readonly identityOverrides: ReadonlyMap<string, FeatureState<unknown>> | undefined
}

/**
 * Walks the same program with the same comparisons as evaluation does, but without stopping at the first answer. Nothing of
 * it is on the way of an evaluation.
 */
export function explainProgram(program: Program<unknown>, { subject, identityOverrides }: Asked, name?: string): Explanation {
  const evaluation = startEvaluation(subject, program.beginning)
  const features = name === undefined ? program.features : program.features.filter(({ fallback }) => fallback.name === name)
  const segments = name === undefined ? program.segments : segmentsOf(features)
  return {
    identity: subject === nobody ? null : { identifier: subject.identifier ?? null, key: hashKeyOf(subject) ?? null },
    flags: features.map((feature) => explainFlag(feature, identityOverrides?.get(feature.fallback.name), evaluation)),
    segments: explainSegments(segments, evaluation),
  }
}

function segmentsOf(features: readonly Feature<unknown>[]): Segment[] {
  const segments = new Set(features.flatMap(({ candidates }) => candidates.map(({ segment }) => segment)))
  return [...segments].sort((a, b) => a.index - b.index)
}

function explainSegments(segments: readonly Segment[], evaluation: Evaluation) {
  const findings = { evaluation, actualValues: [], rules: [] }
  return segments.map((segment) => explainSegment(segment, findings))
}

function explainFlag(feature: Feature<unknown>, own: FeatureState<unknown> | undefined, evaluation: Evaluation): FlagExplanation {
  const { fallback } = feature
  const strongest = own ? undefined : strongestCandidate(feature.candidates, evaluation)
  const winner = own ?? strongest?.state ?? fallback
  const candidates = explainCandidates(feature, winner, evaluation)
  if (own) candidates.unshift(explainState(own, 'identity', 'won'))
  const because = own ? identityOverrideReason : (strongest?.reason ?? defaultReason)
  return explainSplit(winner, because, { subject: evaluation.subject, candidates })
}

function explainCandidates({ fallback, candidates }: Feature<unknown>, winner: FeatureState<unknown>, evaluation: Evaluation) {
  const byDefault = explainState(fallback, 'environment', winner === fallback ? 'won' : 'overridden')
  if (candidates.length === 0) return [byDefault]
  // An array that is pushed to makes room for many more, and there are as many of these as features.
  const explained = Array<CandidateExplanation>(candidates.length + 1)
  candidates.forEach((candidate, index) => {
    explained[index] = explainCandidate(candidate, winner, evaluation)
  })
  explained[candidates.length] = byDefault
  return explained
}

function explainCandidate(candidate: Candidate<unknown>, winner: FeatureState<unknown>, evaluation: Evaluation): CandidateExplanation {
  const { segment, state } = candidate
  const outcome = outcomeOf(candidate, winner, evaluation)
  // Contexts carry identity overrides as segments of infinite strength.
  if (state.priority === -Infinity) return explainState(state, 'identity', outcome)
  const priority = state.priority === Infinity ? null : state.priority
  const { enabled, value } = state
  return { source: 'segment', segmentKey: segment.key, segmentName: segment.name, priority, enabled, value, outcome }
}

function outcomeOf({ segment, state }: Candidate<unknown>, winner: FeatureState<unknown>, evaluation: Evaluation): CandidateOutcome {
  if (state === winner) return 'won'
  if (!isInSegment(segment, evaluation)) return 'segment-did-not-match'
  return state.priority === winner.priority ? 'later-of-equal-priority' : 'weaker-priority'
}

function explainState({ enabled, value }: FeatureState<unknown>, source: 'identity' | 'environment', outcome: CandidateOutcome) {
  return { source, segmentKey: null, segmentName: null, priority: null, enabled, value, outcome }
}

const noVariants: SplitExplanation = Object.freeze({ applied: false, reason: 'no-variants', ranges: Object.freeze([]) })

interface Deciding {
  subject: Subject
  candidates: CandidateExplanation[]
}

function explainSplit(state: FeatureState<unknown>, because: string, { subject, candidates }: Deciding): FlagExplanation {
  const { key, variants: ranges } = state
  if (ranges.length === 0) return { flag: flagResult(state, because, null), candidates, split: noVariants }
  if (subject.key === undefined) {
    return { flag: flagResult(state, because, null), candidates, split: { applied: false, reason: 'no-identity', ranges } }
  }
  const bucket = percentageOf(key, subject.key, subject.keyPrefix)
  const chosen = rangeHolding(ranges, bucket)
  return {
    flag: flagResult(state, because, chosen ?? 'control'),
    candidates,
    split: {
      applied: true,
      hashed: [key, subject.keyPrefix + subject.key],
      bucket,
      chosen: chosen ? ranges.indexOf(chosen) : null,
      ranges,
    },
  }
}
