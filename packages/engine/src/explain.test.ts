import { deepStrictEqual } from 'node:assert/strict'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compile } from './compile.ts'
import type { Condition, EvaluationContext, FeatureContext, SegmentContext, Traits } from './context.ts'
import { evaluate } from './evaluate.ts'
import { explain } from './explain.ts'
import type { RuleExplanation } from './explanation.ts'
import { anyDocument, anyIdentity } from './testing/arbitraries.ts'
import { contextOf } from './testing/document-context.ts'

test('the explained flags and segments are those of the evaluation, and the trace agrees with itself', () => {
  fc.assert(
    fc.property(anyDocument, anyIdentity, (document, identity) => {
      const context = contextOf(document, identity)
      const [result, explanation] = [evaluate(context), explain(context)]
      deepStrictEqual(Object.fromEntries(explanation.flags.map(({ flag }) => [flag.name, flag])), result.flags)
      deepStrictEqual(
        explanation.segments.filter(({ matched }) => matched).map(({ name }) => name),
        result.segments.map(({ name }) => name),
      )
      for (const { matched, rules } of explanation.segments)
        deepStrictEqual(rules.length > 0 && rules.every((rule) => rule.matched), matched)
      for (const { candidates } of explanation.flags) deepStrictEqual(candidates.filter(({ outcome }) => outcome === 'won').length, 1)
      deepStrictEqual(JSON.parse(JSON.stringify(explanation)), explanation)
    }),
    { numRuns: 500 },
  )
})

test('a compiled environment explains the flags it answers, all or one', () => {
  fc.assert(
    fc.property(anyDocument, anyIdentity, (document, identity) => {
      const environment = compile(document)
      const explanation = environment.explain(identity)
      const flags = environment.flagsFor(identity).map(({ feature: _feature, state: _state, source: _source, ...flag }) => flag)
      deepStrictEqual(
        explanation.flags.map(({ flag }) => flag),
        flags,
      )
      deepStrictEqual(
        flags.flatMap(({ name }) => environment.explain(identity, name).flags),
        explanation.flags,
      )
    }),
    { numRuns: 500 },
  )
})

test('what explanations of an environment share holds for everybody', () => {
  fc.assert(
    fc.property(anyDocument, fc.array(anyIdentity, { minLength: 2, maxLength: 6 }), (document, identities) => {
      const environment = compile(document)
      for (const identity of [...identities, ...identities])
        deepStrictEqual(environment.explain(identity), compile(document).explain(identity))
    }),
    { numRuns: 200 },
  )
})

test('every candidate says why it lost', () => {
  const context = contextWith({
    segments: [
      segment('elsewhere', [condition('plan', 'EQUAL', 'free')], [override('elsewhere', 0)]),
      segment('weaker', [condition('plan', 'EQUAL', 'premium')], [override('weaker', 2)]),
      segment('winner', [condition('plan', 'EQUAL', 'premium')], [override('winner', 1)]),
      segment('later', [condition('plan', 'EQUAL', 'premium')], [override('later', 1)]),
      segment('unrelated', [condition('plan', 'EQUAL', 'premium')]),
    ],
  })
  const { flags, segments } = explain(context, 'beta')
  expect(flags[0]?.candidates.map(({ value, segmentName, priority, outcome }) => [value, segmentName, priority, outcome])).toEqual([
    ['elsewhere', 'elsewhere', 0, 'segment-did-not-match'],
    ['winner', 'winner', 1, 'won'],
    ['later', 'later', 1, 'later-of-equal-priority'],
    ['weaker', 'weaker', 2, 'weaker-priority'],
    ['default', null, null, 'overridden'],
  ])
  expect(segments.map(({ name }) => name)).toEqual(['elsewhere', 'weaker', 'winner', 'later'])
})

test('an override of infinite strength is the identity’s', () => {
  const segments = [segment('identity_overrides', [condition('$.identity.identifier', 'IN', 'ada')], [override('ada', -Infinity)])]
  const [flag] = explain(contextWith({ segments })).flags
  expect(flag?.candidates[0]).toEqual({
    source: 'identity',
    segmentKey: null,
    segmentName: null,
    priority: null,
    enabled: true,
    value: 'ada',
    outcome: 'won',
  })
})

test('a split shows what was hashed, the bucket and the range it fell into', () => {
  const variants = [
    { value: 'B', weight: 30, priority: 2, key: 'b' },
    { value: 'A', weight: 20, priority: 1, key: 'a' },
  ]
  const context = contextWith({ feature: { ...override('control'), key: '104', variants }, key: 'CLIENTKEY123_bob' })
  expect(explain(context).flags[0]?.split).toEqual({
    applied: true,
    hashed: ['104', 'CLIENTKEY123_bob'],
    bucket: 21.394278855771155,
    chosen: 1,
    ranges: [
      { variant: 'a', value: 'A', weight: 20, from: 0, to: 20 },
      { variant: 'b', value: 'B', weight: 30, from: 20, to: 50 },
    ],
  })
  const nobody = { ...context, identity: null }
  expect(explain(nobody)).toMatchObject({
    identity: null,
    flags: [{ flag: { variant: null }, split: { applied: false, reason: 'no-identity' } }],
  })
  expect(explain(contextWith({})).flags[0]?.split).toEqual({ applied: false, reason: 'no-variants', ranges: [] })
})

test.each<[Condition, object]>([
  [condition('plan', 'EQUAL', 'free'), { passed: false, reason: 'not-met', actual: { value: 'premium', type: 'text', text: 'premium' } }],
  [condition('plan', 'EQUAL', 'premium'), { passed: true, reason: null }],
  [condition('seats', 'CONTAINS', '0'), { passed: false, reason: 'wrong-type', actual: { value: '007', type: 'integer', text: '7' } }],
  [condition('ratio', 'IN', '2.0'), { passed: false, reason: 'wrong-type', actual: { value: '2.0', type: 'decimal', text: '2.0' } }],
  [condition('order', 'GREATER_THAN', '9007199254740992'), { passed: true, actual: { type: 'integer', text: '9007199254740993' } }],
  [condition('staff', 'REGEX', 'false'), { passed: false, reason: 'not-met', actual: { value: true, type: 'boolean', text: 'True' } }],
  [condition('missing', 'NOT_EQUAL', 'x'), { passed: false, reason: 'not-set', actual: null }],
  [condition('plan', 'IS_NOT_SET', ''), { passed: false, reason: 'set' }],
  [condition('plan', 'REGEX', '('), { passed: false, reason: 'malformed', problem: expect.stringContaining('missing closing )') }],
  [
    condition('', 'PERCENTAGE_SPLIT', '50'),
    { passed: true, split: { hashed: ['104', 'CLIENTKEY123_bob'], bucket: 21.394278855771155, threshold: 50 } },
  ],
  [condition('missing', 'PERCENTAGE_SPLIT', '50'), { passed: false, reason: 'not-set', split: null }],
])('%j is explained', (asked, expected) => {
  const traits = { plan: 'premium', seats: '007', ratio: '2.0', order: '9007199254740993', staff: true }
  const context = contextWith({ segments: [{ ...segment('target', [asked]), key: '104' }], traits, key: 'CLIENTKEY123_bob' })
  const [explained] = explain(context).segments[0]?.rules[0]?.conditions ?? []
  expect(explained).toMatchObject({ property: asked.property, operator: asked.operator, expected: asked.value, ...expected })
})

test('a segment without rules says so', () => {
  const context = contextWith({ segments: [{ ...segment('empty', []), rules: [] }] })
  expect(explain(context).segments).toEqual([{ key: 'empty', name: 'empty', matched: false, reason: 'no-rules', rules: [] }])
})

test('rules nested too deep to show are counted and evaluated all the same', () => {
  let rules: SegmentContext['rules'] = [{ type: 'ALL', conditions: [condition('plan', 'EQUAL', 'free')] }]
  for (let depth = 0; depth < 10_001; depth++) rules = [{ type: 'NONE', rules }]
  const context = contextWith({ segments: [{ ...segment('deep', []), rules }] })
  const explanation = explain(context)
  expect(explanation.segments[0]?.matched).toBe(true)
  const shown: RuleExplanation[] = []
  for (let level = explanation.segments[0]?.rules; level?.[0]; level = level[0].rules) shown.push(level[0])
  expect(shown.map(({ omittedRules }) => omittedRules)).toEqual([...Array<number>(63).fill(0), 1])
  expect(JSON.parse(JSON.stringify(explanation))).toEqual(explanation)
})

function contextWith(parts: { segments?: SegmentContext[]; feature?: FeatureContext; traits?: Traits; key?: string }): EvaluationContext {
  const { segments = [], feature = override('default'), traits = { plan: 'premium' }, key = '' } = parts
  return {
    environment: { key: 'env', name: 'Production' },
    identity: { identifier: 'ada', key, traits },
    features: { beta: feature },
    segments: Object.fromEntries(segments.map((each) => [each.name, each])),
  }
}

function segment(name: string, conditions: Condition[], overrides: FeatureContext[] = []): SegmentContext {
  return { key: name, name, rules: [{ type: 'ALL', conditions }], overrides }
}

function condition(property: string, operator: Condition['operator'], value: string): Condition {
  return { property, operator, value }
}

function override(value: string, priority?: number): FeatureContext {
  return { key: '1', name: 'beta', enabled: true, value, ...(priority !== undefined && { priority }) }
}
