import { deepStrictEqual } from 'node:assert/strict'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compile } from './compile.ts'
import type { EvaluationContext, OwnOperator, TraitValue } from './context.ts'
import type { ConditionDocument } from './environment-document.ts'
import type { EvaluationResult } from './result.ts'
import { anyDocument, anyIdentity, documentOf, upstreamOperators } from './testing/arbitraries.ts'
import { contextOf } from './testing/document-context.ts'

const require = createRequire(import.meta.url)
const upstream: { getEvaluationResult: (context: EvaluationContext) => EvaluationResult } = require(
  join(require.resolve('flagsmith-nodejs'), '../flagsmith-engine/index.js'),
)

const environmentWith = (condition: ConditionDocument) =>
  compile(
    documentOf({ segments: [{ id: 1, name: 'target', rules: [{ type: 'ALL', rules: [], conditions: [condition] }], feature_states: [] }] }),
  )

const conditionOf = (operator: OwnOperator, value: string): ConditionDocument => ({ operator, property_: 'trait', value })

const exportedValue = (operator: OwnOperator, value: string) =>
  environmentWith(conditionOf(operator, value)).exported().document.project.segments[0]?.rules[0]?.conditions[0]?.value

// Few characters, so that operands are found in traits; among them all that mean something in a pattern, or have odd cases.
const character = fc.constantFrom(...Array.from('aAbBkKKsSſéÉσςΣßẞıİI𐐀𐐨7.-^$*+?()[]{}|\\/ ,&~#"e'))
const text = (maxLength: number) => fc.array(character, { maxLength }).map((characters) => characters.join(''))
const anyTrait: fc.Arbitrary<TraitValue> = fc.oneof(
  { weight: 12, arbitrary: text(8) },
  { weight: 3, arbitrary: fc.constantFrom<TraitValue>('007', '1.50', '-0', '1e5', 'true', 'True', 7, 2.5, 1e21, 1e-7, true, false) },
)
const anyOperand = fc.oneof(
  { weight: 9, arbitrary: text(3) },
  { weight: 1, arbitrary: fc.constantFrom('7', '0', '1.', 'e', 'T', 'inf', '+4') },
)
// The operand itself with something around it, as it is or in another case; or anything.
const anyQuestion = fc.tuple(anyOperand, anyTrait, text(2), text(2), fc.nat(3)).map(([operand, trait, before, after, kind]) => {
  const found = [operand, operand.toUpperCase(), operand.toLowerCase()][kind]
  return { operand, trait: found === undefined ? trait : before + found + after }
})
const searching = fc.constantFrom<OwnOperator>('STARTS_WITH', 'ENDS_WITH', 'CONTAINS_IGNORE_CASE')

test('what is exported answers alike in our engine and in that of flagsmith-nodejs', () => {
  const outcomes = { exported: 0, matched: 0 }
  fc.assert(
    fc.property(searching, anyQuestion, (operator, { operand, trait }) => {
      const environment = environmentWith(conditionOf(operator, operand))
      const identity = { identifier: 'ada', traits: { trait } }
      const { document, leftOut } = environment.exported()
      expect(document.project.segments.length + leftOut.length).toBe(1)
      if (leftOut.length > 0) return
      const isMember = environment.isInSegment(identity, 1)
      expect(compile(document).isInSegment(identity, 1)).toBe(isMember)
      expect(upstream.getEvaluationResult(contextOf(document, identity)).segments.length > 0).toBe(isMember)
      outcomes.exported++
      outcomes.matched += Number(isMember)
    }),
    { numRuns: 5000 },
  )
  expect(outcomes.exported).toBeGreaterThan(3000)
  expect(outcomes.matched).toBeGreaterThan(300)
})

test('documents are exported with operators of upstream only, whole segments being kept or left out', () => {
  fc.assert(
    fc.property(anyDocument, anyIdentity, (document, identity) => {
      const environment = compile(document)
      const { document: exported, leftOut } = environment.exported()
      const ids = exported.project.segments.map(({ id }) => id)
      const idsLeftOut = new Set(leftOut.map(({ segmentId }) => segmentId))
      deepStrictEqual(
        ids,
        document.project.segments.map(({ id }) => id).filter((id) => !idsLeftOut.has(id)),
      )
      const known = new Set<unknown>(upstreamOperators)
      JSON.stringify(exported.project.segments, (key: string, value: unknown) => {
        if (key === 'operator') expect(known).toContain(value)
        return value
      })
      const again = compile(exported)
      for (const id of ids) expect(again.isInSegment(identity, id)).toBe(environment.isInSegment(identity, id))
    }),
    { numRuns: 500 },
  )
})

test.each<[OwnOperator, string, string]>([
  ['STARTS_WITH', 'a.c', '^a\\.c[\\s\\S]*'],
  ['STARTS_WITH', '+49', '^\\+49[\\s\\S]*'],
  ['ENDS_WITH', '@acme.test', '^[\\s\\S]*@acme\\.test$'],
  ['CONTAINS_IGNORE_CASE', 'Öl-7', '^[\\s\\S]*[öÖ][lL]-7[\\s\\S]*'],
  ['CONTAINS_IGNORE_CASE', '𐐀!', '^[\\s\\S]*(?:𐐨|𐐀)![\\s\\S]*'],
])('%s %s is exported as %s', (operator, value, pattern) => {
  expect(exportedValue(operator, value)).toBe(pattern)
})

test.each<[OwnOperator, string, string]>([
  ['STARTS_WITH', '49', 'in numbers and booleans'],
  ['STARTS_WITH', 'Tr', 'in numbers and booleans'],
  ['ENDS_WITH', '.0', 'in numbers and booleans'],
  ['CONTAINS_IGNORE_CASE', 'RU', 'in numbers and booleans'],
  ['CONTAINS_IGNORE_CASE', 'x'.repeat(1000), 'too long'],
  ['STARTS_WITH', '', 'empty'],
  ['DATE_BEFORE', '2026-11-22', 'cannot compare dates'],
  ['DATE_AFTER', '2026-11-22', 'cannot compare dates'],
])('%s %s is left out, with its reason', (operator, value, reason) => {
  const { document, leftOut } = environmentWith(conditionOf(operator, value)).exported()
  expect(document.project.segments).toEqual([])
  expect(leftOut).toEqual([{ segmentId: 1, segmentName: 'target', reason: expect.stringContaining(reason) }])
})
