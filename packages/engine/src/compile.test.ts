import { expect, test } from 'vitest'
import { compile } from './compile.ts'
import type { ConditionDocument, FeatureStateDocument, RuleDocument, SegmentDocument } from './environment-document.ts'
import { documentOf } from './testing/arbitraries.ts'

test('flags carry their feature, the state that won and where it comes from', () => {
  const [byDefault, bySegment, forAda] = [state('beta', 'default'), state('beta', 'staff'), state('beta', 'ada')]
  const environment = compile(
    documentOf({
      feature_states: [byDefault],
      segments: [segment([condition('staff', 'EQUAL', 'true')], [bySegment])],
      identity_overrides: [identityOverride('ada', [forAda])],
    }),
  )
  const staff = { staff: true }
  expect(environment.environmentFlag('beta')).toMatchObject({
    value: 'default',
    reason: 'DEFAULT',
    source: 'environment',
    state: byDefault,
  })
  expect(environment.flagFor({ identifier: 'bob' }, 'beta')).toBe(environment.environmentFlag('beta'))
  expect(environment.flagFor({ identifier: 'bob', traits: staff }, 'beta')).toMatchObject({
    value: 'staff',
    reason: 'TARGETING_MATCH; segment=segment 1',
    source: 'segment',
    feature: bySegment.feature,
  })
  expect(environment.flagFor({ identifier: 'ada', traits: staff }, 'beta')).toMatchObject({
    value: 'ada',
    reason: 'TARGETING_MATCH; segment=identity_overrides',
    source: 'identity',
    state: forAda,
  })
  expect(environment.flagFor({ identifier: 'ada' }, 'unknown')).toBeUndefined()
})

test('the same outcome is the same frozen object for everybody', () => {
  const environment = compile(documentOf({ feature_states: [splitState()] }))
  const flags = Array.from({ length: 300 }, (_, index) => environment.flagFor({ identifier: `user-${index}` }, 'beta'))
  expect(new Set(flags).size).toBe(3)
  expect(flags.every((flag) => Object.isFrozen(flag))).toBe(true)
})

test('somebody without an identifier has traits but no split', () => {
  const blankSplit = segment([condition('', 'PERCENTAGE_SPLIT', '100')], [], 2)
  const byIdentifier = segment([condition('$.identity.identifier', 'IS_SET', '')], [], 3)
  const environment = compile(
    documentOf({
      feature_states: [splitState()],
      segments: [segment([condition('plan', 'EQUAL', 'premium')]), blankSplit, byIdentifier],
      identity_overrides: [identityOverride('', [state('beta', 'nobody')])],
    }),
  )
  const identity = { traits: { plan: 'premium' } }
  expect(environment.flagFor(identity, 'beta')).toMatchObject({ value: 'control', reason: 'DEFAULT', variant: null })
  expect(environment.segmentsFor(identity)).toEqual([{ name: 'segment 1', metadata: { id: 1, source: 'api' } }])
})

test('a key of its own is hashed instead of the identifier', () => {
  const environment = compile(documentOf({ feature_states: [splitState()] }))
  const hashed = (identity: { identifier: string; key?: string }) => environment.flagFor(identity, 'beta')
  expect(hashed({ identifier: 'ada', key: 'CLIENTKEY123_bob' })).toMatchObject({ value: 'A' })
  expect(hashed({ identifier: 'ada', key: 'CLIENTKEY123_vip' })).toMatchObject({ value: 'B' })
  expect(hashed({ identifier: 'ada', key: '' })).toBe(hashed({ identifier: 'ada' }))
})

test.each([
  ['a record', JSON.parse('{"__proto__": "x", "plan": "premium"}')],
  [
    'a map',
    new Map([
      ['__proto__', 'x'],
      ['plan', 'premium'],
    ]),
  ],
])('traits may be %s, and __proto__ is a name like any other', (_, traits) => {
  const named = [condition('__proto__', 'EQUAL', 'x'), condition('plan', 'EQUAL', 'premium'), condition('constructor', 'IS_NOT_SET', null)]
  const environment = compile(documentOf({ segments: [segment(named)] }))
  expect(environment.isInSegment({ identifier: 'ada', traits }, 1)).toBe(true)
})

test('inherited traits are nobody’s', () => {
  const environment = compile(documentOf({ segments: [segment([condition('plan', 'IS_SET', '')])] }))
  expect(environment.isInSegment({ traits: Object.create({ plan: 'premium' }) }, 1)).toBe(false)
})

test('identity overrides are found by identifier as it is, even where a segment would read it as a number', () => {
  const environment = compile(
    documentOf({ feature_states: [state('beta', 'default')], identity_overrides: [identityOverride('007', [state('beta', 'bond')])] }),
  )
  expect(environment.flagFor({ identifier: '007' }, 'beta')).toMatchObject({ value: 'bond' })
  expect(environment.flagFor({ identifier: '7' }, 'beta')).toMatchObject({ value: 'default' })
  const disguised = { identifier: 'eve', traits: { '$.identity.identifier': '007' } }
  expect(environment.flagFor(disguised, 'beta')).toMatchObject({ value: 'default' })
})

test('variants without ids are ordered by their UUIDs', () => {
  const split = splitState()
  split.multivariate_feature_state_values = [
    variant('late', null, 'ffffffff-0000-4000-8000-000000000000'),
    variant('early', null, '00000000-0000-4000-8000-000000000001'),
  ]
  const environment = compile(documentOf({ feature_states: [split] }))
  expect(environment.flagFor({ key: 'CLIENTKEY123_bob' }, 'beta')).toMatchObject({ value: 'early' })
})

const unknownOperator: ConditionDocument = JSON.parse('{"operator": "SOUNDS_LIKE", "property_": "a", "value": "b"}')

test.each<[ConditionDocument, RegExp]>([
  [condition('a', 'REGEX', '(a'), /not supported: .*missing closing \)/],
  [condition('a', 'REGEX', '(a)\\1'), /not supported: .*invalid escape sequence: `\\1`/],
  [condition('a', 'REGEX', 'a(?=b)'), /not supported: .*invalid or unsupported Perl syntax/],
  [condition('a', 'REGEX', 'a|b)('), /not supported: .*unexpected \)/],
  [condition('a', 'REGEX', `(?:${'a'.repeat(100)}){1000}`), /unfold to 100000 parts; the limit is 1000/],
  [condition('a', 'REGEX', 'a'.repeat(2001)), /longer than 2000 characters/],
  [condition('a', 'MODULO', '2'), /MODULO needs two numbers/],
  [condition('a', 'MODULO', '2|x'), /MODULO needs two numbers/],
  [condition('a', 'MODULO', '0|1'), /divide by zero/],
  [condition('', 'PERCENTAGE_SPLIT', '10 %'), /PERCENTAGE_SPLIT needs a number/],
  [condition('a', 'GREATER_THAN', '1.2:semver'), /not a semantic version/],
  [condition('a', 'EQUAL', null), /value is not text/],
  [condition('', 'EQUAL', 'x'), /no property/],
  [condition(null, 'IS_SET', null), /no property/],
  [unknownOperator, /operator SOUNDS_LIKE is not known/],
])('%j is a problem', (broken, reason) => {
  const nested = rule('ANY', [condition('a', 'EQUAL', 'b')], [rule('ALL', [condition('a', 'EQUAL', 'c'), broken])])
  const [problem, ...others] = compile(documentOf({ segments: [{ ...segment([]), rules: [rule('ALL'), nested] }] })).problems
  expect(others).toEqual([])
  expect(problem).toEqual({
    segmentId: 1,
    segmentName: 'segment 1',
    path: 'rules[1].rules[0].conditions[1]',
    reason: expect.stringMatching(reason),
  })
})

test('conditions that can match are no problem', () => {
  const fine = [
    condition('a', 'REGEX', '(?P<year>\\d{4})-[^$]+$\\Z'),
    condition('a', 'REGEX', `${'[0-9a-f]{4}-'.repeat(50)}.{0,500}`),
    condition('a', 'MODULO', '2|0'),
    condition('', 'PERCENTAGE_SPLIT', '12.5'),
    condition(null, 'PERCENTAGE_SPLIT', '12.5'),
    condition('a', 'EQUAL', '1.2.3-rc.1:semver'),
    condition('a', 'IS_SET', null),
    condition('a', 'IN', ''),
  ]
  expect(compile(documentOf({ segments: [segment(fine)] })).problems).toEqual([])
})

test('no pattern that is accepted takes long to compile or to run', () => {
  const patterns = ['(a+)+$', '(a|a)*b', '(?:a?){999}', `(?:${'[a-z]'.repeat(9)}){100}`, '(.*)*\\Z', '(?i)(?:[a-z]?\\pL){80}']
  for (const pattern of patterns) {
    const start = performance.now()
    const environment = compile(documentOf({ segments: [segment([condition('a', 'REGEX', pattern)])] }))
    expect(environment.problems).toEqual([])
    environment.isInSegment({ traits: { a: 'a'.repeat(2000) } }, 1)
    expect(performance.now() - start).toBeLessThan(1000)
  }
})

function condition(property_: string | null, operator: ConditionDocument['operator'], value: string | null): ConditionDocument {
  return { operator, property_, value }
}

function rule(type: RuleDocument['type'], conditions: ConditionDocument[] = [], rules: RuleDocument[] = []): RuleDocument {
  return { type, conditions, rules }
}

function segment(conditions: ConditionDocument[], feature_states: FeatureStateDocument[] = [], id = 1): SegmentDocument {
  return { id, name: `segment ${id}`, rules: [rule('ALL', conditions)], feature_states }
}

function state(name: string, value: string): FeatureStateDocument {
  return {
    feature: { id: 1, name, type: 'STANDARD' },
    enabled: true,
    feature_state_value: value,
    featurestate_uuid: '0b1a1b1c-0000-4000-8000-000000000001',
    django_id: 104,
    feature_segment: null,
    multivariate_feature_state_values: [],
  }
}

/** Half A, a quarter B. Known hashes of its seed: bob 21.39, vip 55.65. */
function splitState(): FeatureStateDocument {
  const variants = [{ ...variant('B', 901), percentage_allocation: 25 }, variant('A', 900)]
  return { ...state('beta', 'control'), multivariate_feature_state_values: variants }
}

function variant(value: string, id: number | null, mv_fs_value_uuid = '0b1a1b1c-0000-4000-8000-000000000005') {
  return { id, mv_fs_value_uuid, percentage_allocation: 50, multivariate_feature_option: { id: 1, key: value, value } }
}

function identityOverride(identifier: string, identity_features: FeatureStateDocument[]) {
  return {
    identifier,
    identity_features,
    identity_traits: [],
    identity_uuid: '0b1a1b1c-0000-4000-8000-000000000007',
    environment_api_key: 'env',
    created_date: '2024-01-01T00:00:00Z',
    composite_key: `env_${identifier}`,
    django_id: null,
    dashboard_alias: null,
  }
}
