import type { EvaluationContext } from './context.ts'
import { startEvaluation } from './evaluation.ts'
import { flagResult, rangeHolding } from './feature-state.ts'
import { percentageOf } from './percentage.ts'
import { buildProgram, defaultReason, strongestCandidate } from './program.ts'
import { readContext } from './read-context.ts'
import type { EvaluationResult, FlagResult } from './result.ts'
import { isInSegment } from './segments.ts'

/**
 * The flags and segments of a context, in its order. It never throws: whatever is malformed does not match or is left out.
 * To evaluate one environment for many identities, compile its document instead.
 */
export function evaluate(context: EvaluationContext): EvaluationResult {
  const definition = readContext(context)
  const program = buildProgram(definition)
  const evaluation = startEvaluation(definition.subject, program.beginning)
  const { key, keyPrefix } = definition.subject
  const flags = program.features.map(({ fallback, candidates }): [string, FlagResult] => {
    const winner = strongestCandidate(candidates, evaluation)
    const state = winner?.state ?? fallback
    const isSplit = state.variants.length > 0 && key !== undefined
    const split = isSplit ? (rangeHolding(state.variants, percentageOf(state.key, key, keyPrefix)) ?? 'control') : null
    return [fallback.name, flagResult(state, winner?.reason ?? defaultReason, split)]
  })
  return {
    // Unlike assignment, this makes a feature named `__proto__` a property like any other.
    flags: Object.fromEntries(flags),
    segments: program.segmentResults.filter((_, index) => {
      const segment = program.segments[index]
      return segment !== undefined && isInSegment(segment, evaluation)
    }),
  }
}
