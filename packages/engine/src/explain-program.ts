import { type Evaluation, startEvaluation } from './evaluation.ts'
import { explainableFeature, explainFlag, type ExplainableFeature } from './explain-flag.ts'
import { explainSegment } from './explain-segment.ts'
import type { Explanation } from './explanation.ts'
import type { FeatureState } from './feature-state.ts'
import type { Program } from './program.ts'
import type { Segment } from './segments.ts'
import { hashKeyOf, nobody, type Subject } from './subject.ts'

/** A program with what its explanations share. Made when one is first asked for: nothing of it is on the way of an evaluation. */
export interface ExplainableProgram {
  readonly program: Program<unknown>
  readonly features: readonly ExplainableFeature[]
}

/** Who is asked about: identity overrides are kept apart from segments in a compiled environment. */
export interface Asked {
  readonly subject: Subject
  readonly identityOverrides: ReadonlyMap<string, FeatureState<unknown>> | undefined
}

export function explainable(program: Program<unknown>): ExplainableProgram {
  return { program, features: program.features.map(explainableFeature) }
}

/**
 * Walks the same program with the same comparisons as evaluation does, but without stopping at the first answer. The segments
 * come first: flags are then decided by what their explanations found, and no condition is asked twice.
 */
export function explainProgram({ program, features: all }: ExplainableProgram, asked: Asked, name?: string): Explanation {
  const { subject, identityOverrides } = asked
  const evaluation = startEvaluation(subject, program.beginning)
  const features = name === undefined ? all : all.filter(({ feature }) => feature.fallback.name === name)
  const segments = name === undefined ? program.segments : segmentsOf(features)
  const explainedSegments = explainSegments(segments, evaluation)
  return {
    identity: subject === nobody ? null : { identifier: subject.identifier ?? null, key: hashKeyOf(subject) ?? null },
    flags: features.map((each) => explainFlag(each, identityOverrides?.get(each.feature.fallback.name), evaluation)),
    segments: explainedSegments,
  }
}

function segmentsOf(features: readonly ExplainableFeature[]): Segment[] {
  const segments = new Set(features.flatMap(({ feature }) => feature.candidates.map(({ segment }) => segment)))
  return [...segments].sort((a, b) => a.index - b.index)
}

function explainSegments(segments: readonly Segment[], evaluation: Evaluation) {
  const findings = { evaluation, actualValues: [], rules: [] }
  return segments.map((segment) => explainSegment(segment, findings))
}
