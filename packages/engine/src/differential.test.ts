import { deepStrictEqual } from 'node:assert/strict'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { EvaluationContext } from './context.ts'
import { evaluate } from './evaluate.ts'
import type { EvaluationResult, FlagResult } from './result.ts'
import { anyTameContext, anyWildContext } from './testing/arbitrary-contexts.ts'
import { allowedDifferences, differencesAllowedIn } from './testing/upstream-differences.ts'

const require = createRequire(import.meta.url)
const engine = join(require.resolve('flagsmith-nodejs'), '../flagsmith-engine/index.js')
const upstream: { getEvaluationResult: (context: EvaluationContext) => EvaluationResult } = require(engine)

// A fixed seed: a difference nobody knows of is found by changing it, not by chance on somebody else's change.
const seed = 20_240_418
const contexts = [...fc.sample(anyTameContext, { numRuns: 6500, seed }), ...fc.sample(anyWildContext, { numRuns: 3500, seed })]
const compared = contexts.map((context) => {
  const [ours, theirs] = [evaluate(context), upstream.getEvaluationResult(context)]
  const segments = Object.values(context.segments ?? {}).map((segment) => ({
    isSame: holds(ours, segment.name) === holds(theirs, segment.name),
    allowed: new Set(differencesAllowedIn(segment, context)),
  }))
  return { context, ours, theirs, segments }
})

test('segments differ from those of flagsmith-nodejs only where a difference is allowed', () => {
  const unexplained = compared.filter(({ segments }) => segments.some(({ isSame, allowed }) => !isSame && allowed.size === 0))
  expect(unexplained.map(({ context }) => context)).toEqual([])
})

test('where the same segments match, so do the flags', () => {
  for (const { ours, theirs, segments } of compared) {
    if (segments.every(({ isSame }) => isSame)) deepStrictEqual(flagsWithoutVariant(ours), { ...theirs.flags })
  }
})

test('nearly half of the contexts leave no room for differences, and many of those match something', () => {
  const strict = compared.filter(({ segments }) => segments.every(({ allowed }) => allowed.size === 0))
  expect(strict.length / compared.length).toBeGreaterThan(0.45)
  expect(strict.filter(({ ours }) => ours.segments.length > 0).length / strict.length).toBeGreaterThan(0.4)
})

test('every allowed difference is needed by some context', () => {
  const different = compared.flatMap(({ segments }) => segments.filter(({ isSame }) => !isSame))
  // Only a difference that stands alone is proof.
  const proven = new Set(different.flatMap(({ allowed }) => (allowed.size === 1 ? [...allowed] : [])))
  expect(Object.keys(allowedDifferences).filter((name) => !proven.has(name))).toEqual([])
})

function holds({ segments }: EvaluationResult, segmentName: string): boolean {
  return segments.some(({ name }) => name === segmentName)
}

// This version does not answer which variant was chosen.
function flagsWithoutVariant({ flags }: EvaluationResult): Record<string, Omit<FlagResult, 'variant'>> {
  return Object.fromEntries(Object.values(flags).map(({ variant: _, ...flag }) => [flag.name, flag]))
}
