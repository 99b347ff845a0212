import fc from 'fast-check'
import type { Identity } from '../compiled-environment.ts'
import type { FlagValue, Operator, TraitValue, UpstreamOperator } from '../context.ts'
import type {
  ConditionDocument,
  EnvironmentDocument,
  FeatureStateDocument,
  IdentityOverrideDocument,
  RuleDocument,
  SegmentDocument,
  VariantDocument,
} from '../environment-document.ts'

/** Small pools, so that generated conditions meet generated identities often. */
const properties = [
  'plan',
  'age',
  'version',
  'staff',
  '__proto__',
  'constructor',
  '',
  '$.identity.identifier',
  '$.identity.key',
  '$.identity',
  '$.identity.traits.age',
  "$.identity.traits['plan']",
  '$.environment.name',
  '$.environment.key',
  '$.features.beta.value',
  '$. no path',
]
const texts = [
  '',
  'a',
  'b',
  'premium',
  '7',
  '007',
  '-3',
  '1.5',
  '2.0',
  '9007199254740993',
  '1.2.3',
  '1.2.3-rc.1',
  'v1.2.3',
  'True',
  'é',
  '😀',
  'ada',
  'PREMIUM',
  '2026-11-22',
  '2026-11-22T09:30:00+02:00',
]
const operands = [
  ...texts,
  'a,b,7',
  '["a", 7]',
  '[a,b]',
  '2|1',
  '3|0',
  '0|0',
  '50',
  '99.9',
  '1.2.3:semver',
  'x:semver',
  '^a',
  '[a-z]+$',
  '(',
  'False',
  'prem',
  'ium',
  'MI',
  '2026-11-22T07:30:00.000Z',
]
const names = ['beta', 'gamma', 'delta', 'constructor', '__proto__', '12']
const identifiers = ['ada', 'bob', 'user-1', '7', 'é', '']

export const upstreamOperators = [
  'EQUAL',
  'NOT_EQUAL',
  'GREATER_THAN',
  'GREATER_THAN_INCLUSIVE',
  'LESS_THAN',
  'LESS_THAN_INCLUSIVE',
  'CONTAINS',
  'NOT_CONTAINS',
  'REGEX',
  'PERCENTAGE_SPLIT',
  'MODULO',
  'IS_SET',
  'IS_NOT_SET',
  'IN',
] as const satisfies readonly UpstreamOperator[]

export const operators = [
  ...upstreamOperators,
  'STARTS_WITH',
  'ENDS_WITH',
  'CONTAINS_IGNORE_CASE',
  'DATE_BEFORE',
  'DATE_AFTER',
] as const satisfies readonly Operator[]

export const anyTraitValue: fc.Arbitrary<TraitValue> = fc.oneof(
  fc.constantFrom<TraitValue[]>(...texts),
  fc.constantFrom<TraitValue[]>(7, -3, 0, 1.5, 2, 42, true, false, null),
)

const anyTraits = fc
  .uniqueArray(
    fc.tuple(fc.constantFrom('plan', 'age', 'version', 'staff', '__proto__', '$.environment.name', '$. no path'), anyTraitValue),
    {
      selector: ([name]) => name,
    },
  )
  // Unlike assignment, this makes `__proto__` a property like any other.
  .chain((entries) => fc.constantFrom<NonNullable<Identity['traits']>[]>(Object.fromEntries(entries), new Map(entries)))

export const anyIdentity: fc.Arbitrary<Identity> = fc.record(
  { identifier: fc.constantFrom(...identifiers), key: fc.constantFrom('', '93', 'own-key'), traits: anyTraits },
  { requiredKeys: [] },
)

const anyCondition: fc.Arbitrary<ConditionDocument> = fc.record({
  operator: fc.constantFrom(...operators),
  property_: fc.oneof({ weight: 20, arbitrary: fc.constantFrom(...properties) }, { weight: 1, arbitrary: fc.constant(null) }),
  value: fc.oneof({ weight: 20, arbitrary: fc.constantFrom(...operands) }, { weight: 1, arbitrary: fc.constant(null) }),
})

const noRules: RuleDocument[] = []
const noTraits: never[] = []
const noVariants: VariantDocument[] = []

// Three levels, spelled out: a recursive arbitrary of this width overflows the stack of its own generator.
const anyRule = anyRuleOver(anyRuleOver(anyRuleOver(fc.constant(noRules))))

function anyRuleOver(rules: fc.Arbitrary<RuleDocument[]>): fc.Arbitrary<RuleDocument[]> {
  const rule: fc.Arbitrary<RuleDocument> = fc.record({
    type: fc.constantFrom('ALL', 'ANY', 'NONE'),
    conditions: fc.array(anyCondition, { maxLength: 3, size: 'max' }),
    rules,
  })
  return fc.array(rule, { maxLength: 2 })
}

const anyValue: fc.Arbitrary<FlagValue> = fc.constantFrom<FlagValue[]>('on', 'off', 1, 2.5, true, null)

const anyVariant: fc.Arbitrary<VariantDocument> = fc.record({
  id: fc.oneof(fc.integer({ min: 1, max: 30 }), fc.constant(null)),
  mv_fs_value_uuid: fc.uuid(),
  percentage_allocation: fc.constantFrom(0, 10, 33.3, 50, 100),
  multivariate_feature_option: fc.record({ id: fc.nat(50), key: fc.constantFrom('one', 'two', null), value: anyValue }),
})

const anyState: fc.Arbitrary<FeatureStateDocument> = fc.record({
  feature: fc.record({ id: fc.nat(9), name: fc.constantFrom(...names), type: fc.constant('STANDARD' as const) }),
  enabled: fc.boolean(),
  feature_state_value: anyValue,
  featurestate_uuid: fc.uuid(),
  django_id: fc.oneof(fc.integer({ min: 0, max: 500 }), fc.constant(null)),
  feature_segment: fc.oneof(fc.constant(null), fc.record({ priority: fc.oneof(fc.integer({ min: -1, max: 3 }), fc.constant(null)) })),
  multivariate_feature_state_values: fc.oneof(fc.constant(noVariants), fc.array(anyVariant, { maxLength: 3 })),
})

const anySegment: fc.Arbitrary<SegmentDocument> = fc.record({
  id: fc.integer({ min: 1, max: 99 }),
  name: fc.constantFrom('staff', 'premium', 'identity_overrides'),
  rules: fc.oneof({ weight: 9, arbitrary: anyRule.filter((rules) => rules.length > 0) }, { weight: 1, arbitrary: fc.constant(noRules) }),
  feature_states: fc.array(anyState, { maxLength: 3, size: 'max' }),
})

const anyIdentityOverride: fc.Arbitrary<IdentityOverrideDocument> = fc.record({
  identifier: fc.constantFrom(...identifiers),
  identity_features: fc.array(anyState, { maxLength: 2 }),
  identity_traits: fc.constant(noTraits),
  identity_uuid: fc.uuid(),
  environment_api_key: fc.constant('env'),
  created_date: fc.constant('2024-01-01T00:00:00Z'),
  composite_key: fc.constant(''),
  django_id: fc.constant(null),
  dashboard_alias: fc.constant(null),
})

export const anyDocument: fc.Arbitrary<EnvironmentDocument> = fc
  .record({
    segments: fc.uniqueArray(anySegment, { maxLength: 4, selector: ({ id }) => id }),
    feature_states: fc.array(anyState, { maxLength: 6, size: 'max' }),
    identity_overrides: fc.array(anyIdentityOverride, { maxLength: 3 }),
  })
  .map(({ segments, ...rest }) => documentOf({ ...rest, segments }))

/** A document that has only what a test is about. */
export function documentOf(parts: {
  segments?: SegmentDocument[]
  feature_states?: FeatureStateDocument[]
  identity_overrides?: IdentityOverrideDocument[]
}): EnvironmentDocument {
  return {
    id: 1,
    api_key: 'env',
    name: 'Production',
    updated_at: '2024-01-01T00:00:00Z',
    allow_client_traits: true,
    hide_sensitive_data: false,
    hide_disabled_flags: null,
    use_identity_composite_key_for_hashing: true,
    use_identity_overrides_in_local_eval: true,
    project: {
      id: 1,
      name: 'Project',
      hide_disabled_flags: false,
      enable_realtime_updates: false,
      server_key_only_feature_ids: [],
      organisation: { id: 1, name: 'Organisation', feature_analytics: false, stop_serving_flags: false, persist_trait_data: true },
      segments: parts.segments ?? [],
    },
    feature_states: parts.feature_states ?? [],
    identity_overrides: parts.identity_overrides ?? [],
  }
}
