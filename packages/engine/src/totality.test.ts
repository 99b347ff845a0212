import { deepStrictEqual } from 'node:assert/strict'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compile } from './compile.ts'
import type { Condition, Rule } from './context.ts'
import type { RuleDocument } from './environment-document.ts'
import { evaluate } from './evaluate.ts'
import { explain } from './explain.ts'
import { anyDocument, anyIdentity, documentOf } from './testing/arbitraries.ts'
import { contextOf } from './testing/document-context.ts'

/** Real contexts and documents with some of their parts, at any depth, replaced by anything JSON can say. */
function damaged<T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T> {
  return fc
    .tuple(arbitrary, fc.infiniteStream(fc.nat(11)), fc.infiniteStream(fc.jsonValue({ maxDepth: 2 })))
    .map(([whole, dice, garbage]) => {
      const damage = (_: string, value: unknown) => (dice.next().value === 0 ? garbage.next().value : value)
      return JSON.parse(JSON.stringify(whole), damage)
    })
}

const anyContext = fc.tuple(anyDocument, anyIdentity).map(([document, identity]) => contextOf(document, identity))

test('evaluation and explanation of damaged contexts answer, and agree', () => {
  fc.assert(
    fc.property(damaged(anyContext), (context) => {
      const result = evaluate(context)
      deepStrictEqual(Object.fromEntries(explain(context).flags.map(({ flag }) => [flag.name, flag])), result.flags)
      for (const flag of Object.values(result.flags))
        deepStrictEqual(Object.keys(flag).slice(0, 5), ['name', 'enabled', 'value', 'reason', 'variant'])
    }),
    { numRuns: 600 },
  )
})

test('damaged documents compile, and answer for damaged identities', () => {
  fc.assert(
    fc.property(damaged(anyDocument), damaged(anyIdentity), (document, identity) => {
      const environment = compile(document)
      const flags = environment.flagsFor(identity)
      deepStrictEqual(
        flags.map(({ name }) => environment.flagFor(identity, name)),
        flags,
      )
      deepStrictEqual(
        environment.explain(identity).flags.map(({ flag }) => flag.value),
        flags.map(({ value }) => value),
      )
      deepStrictEqual(
        environment.problems.every(({ path, reason }) => path.startsWith('rules[') && reason !== ''),
        true,
      )
    }),
    { numRuns: 500 },
  )
})

const anything = fc.anything({ withBigInt: true, withMap: true, withNullPrototype: true, withDate: true })

test('anything at all evaluates to a result', () => {
  fc.assert(
    fc.property(anything, anything, (context: unknown, identity: unknown) => {
      for (const input of [context, { environment: context, identity, features: context, segments: identity }]) {
        deepStrictEqual(Object.keys(callWith(evaluate, input)), ['flags', 'segments'])
        deepStrictEqual(Object.keys(callWith(explain, input)), ['identity', 'flags', 'segments'])
      }
      const environment = callWith(compile, context)
      deepStrictEqual(
        callWith((input) => environment.flagsFor(input), identity),
        [],
      )
    }),
    { numRuns: 500 },
  )
})

test('rules ten thousand deep are evaluated without a call stack', () => {
  let rules: RuleDocument[] = [{ type: 'ALL', conditions: [{ operator: 'EQUAL', property_: 'plan', value: 'free' }], rules: [] }]
  for (let depth = 0; depth < 10_001; depth++)
    rules = [{ type: 'NONE', conditions: [{ operator: 'REGEX', property_: 'plan', value: '(' }], rules }]
  const environment = compile(documentOf({ segments: [{ id: 1, name: 'deep', rules, feature_states: [] }] }))
  expect(environment.isInSegment({ traits: { plan: 'premium' } }, 1)).toBe(true)
  expect(environment.isInSegment({ traits: { plan: 'free' } }, 1)).toBe(false)
  expect(environment.problems).toHaveLength(10_001)
  expect(environment.problems.at(-1)?.path).toMatch(/^(rules\[0\]\.){64}…\.conditions\[0\]$/)
})

test.each<Condition>([
  { property: `$.a['${'x'.repeat(1e7)}']`, operator: 'IS_SET', value: '' },
  { property: 'trait', operator: 'EQUAL', value: `1.0.0-${'a.'.repeat(5e6)}a:semver` },
  { property: 'trait', operator: 'LESS_THAN', value: '1.0.0:semver' },
  { property: 'trait', operator: 'IN', value: `["${'x'.repeat(1e7)}"]` },
  { property: 'trait', operator: 'EQUAL', value: '1'.repeat(1e7) },
  { property: 'trait', operator: 'REGEX', value: 'x'.repeat(1e7) },
  { property: 'trait', operator: 'REGEX', value: '(a|b)*c' },
])('values of ten million characters do not match, and do no harm ($operator)', (condition) => {
  const traits = { trait: `1.0.0-${'a.'.repeat(5e6)}!` }
  const segments = { long: { key: '1', name: 'long', rules: [{ type: 'ALL' as const, conditions: [condition] }] } }
  const context = { environment: { key: 'env', name: 'Production' }, identity: { identifier: 'ada', traits }, segments }
  expect(evaluate(context).segments).toEqual([])
})

test('rules that contain themselves end, and do not match', () => {
  const rule: Rule = { type: 'ALL', rules: [] }
  rule.rules?.push(rule)
  const context = { environment: { key: 'env', name: 'Production' }, segments: { loop: { key: '1', name: 'loop', rules: [rule] } } }
  expect(evaluate(context).segments).toEqual([])
})

/** The types say what may be passed; this is about everything else. */
function callWith<Answer>(evaluation: (input: never) => Answer, input: unknown): Answer {
  return Reflect.apply(evaluation, undefined, [input])
}
