import fc from 'fast-check'
import type {
  Condition,
  EvaluationContext,
  FeatureContext,
  IdentityContext,
  Rule,
  SegmentContext,
  TraitValue,
  UpstreamOperator,
  VariantContext,
} from '../context.ts'
import { upstreamOperators } from './arbitraries.ts'

/** What every engine agrees on, so that contexts of it prove something. What they do not is below, as wild. */
const tameOperands: Record<UpstreamOperator, string[]> = {
  EQUAL: ['premium', 'free', '7', '42', '1.5', 'true', 'False', '1.2.3:semver', '1.3.0:semver'],
  NOT_EQUAL: ['premium', 'free', '7', '42', '1.5', 'true', 'False'],
  GREATER_THAN: ['premium', 'free', '7', '42', '1.5', '1.2.3:semver', '1.3.0-rc.1:semver'],
  GREATER_THAN_INCLUSIVE: ['premium', 'free', '7', '42', '1.5', '1.2.3:semver', '1.3.0-rc.1:semver'],
  LESS_THAN: ['premium', 'free', '7', '42', '1.5', '1.2.3:semver', '1.3.0-rc.1:semver'],
  LESS_THAN_INCLUSIVE: ['premium', 'free', '7', '42', '1.5', '1.2.3:semver', '1.3.0-rc.1:semver'],
  CONTAINS: ['prem', 'e', 'x', ''],
  NOT_CONTAINS: ['prem', 'e', 'x', ''],
  REGEX: ['prem', '^f', '[a-z]+$', '\\d+', '.*e', '(free|premium)$'],
  PERCENTAGE_SPLIT: ['0', '25', '50', '75.5', '100'],
  MODULO: ['2|0', '2|1', '5|2', '10|7'],
  IS_SET: [''],
  IS_NOT_SET: [''],
  IN: ['premium,free', '["premium","ada"]', '[premium,free]', '7,42', 'ada', ''],
}
const tameProperties: Record<'trait' | 'version' | 'path' | 'blank', string[]> = {
  trait: ['plan', 'age', 'staff', 'missing'],
  version: ['version'],
  path: ['$.identity.identifier', '$.identity.key', '$.environment.name', '$.identity.traits.plan', '$.identity', '$.nowhere.here'],
  blank: [''],
}
const wildConditions: { operators: UpstreamOperator[]; properties: string[]; operands: string[] }[] = [
  {
    operators: ['EQUAL', 'NOT_EQUAL', 'GREATER_THAN', 'GREATER_THAN_INCLUSIVE', 'LESS_THAN', 'LESS_THAN_INCLUSIVE'],
    properties: ['plan', 'age', 'staff', '__proto__', '$.environment.name'],
    operands: ['5abc', ' 7', '7', '1.0', '007', '', 'premium', 'true', 'Production', '1.2.3:semver'],
  },
  {
    operators: ['EQUAL', 'NOT_EQUAL', 'GREATER_THAN', 'LESS_THAN', 'CONTAINS', 'NOT_CONTAINS'],
    properties: ['version'],
    operands: ['1.2.3:semver', 'v1.2.3:semver', '1.2:semver', '1.2.3+b:semver'],
  },
  {
    operators: ['CONTAINS', 'NOT_CONTAINS', 'REGEX'],
    properties: ['plan', 'age', 'staff', '$.identity'],
    operands: ['', '7', 'mium', 'a', '(', 'true'],
  },
  {
    operators: ['MODULO'],
    properties: ['plan', 'age', 'staff', 'missing'],
    operands: ['2|0', '3|1', '-3|-1', '0|0', '2|1|0', '5|2', '2|1x'],
  },
  {
    operators: ['IN'],
    properties: ['plan', 'age', 'staff'],
    operands: ['', '[7, true]', '["7"]', '[null]', '0,7,2.5,true', '[a,7]', '{"a":7'],
  },
  {
    operators: ['PERCENTAGE_SPLIT'],
    properties: ['', 'plan', 'age', 'staff', '$.identity', '$.identity.traits', '$.environment.name'],
    operands: ['50', '60 per cent', 'most', '5_0', '1e2'],
  },
  {
    operators: ['IS_SET', 'IS_NOT_SET'],
    properties: ['', '__proto__', 'constructor', '$.environment.name', '$.identity', 'plan'],
    operands: [''],
  },
]

const anyTraits: fc.Arbitrary<Record<string, TraitValue>> = fc.record(
  {
    plan: fc.constantFrom<TraitValue[]>('premium', 'free', 'Enterprise', 'é', 'premium', 'free'),
    age: fc.constantFrom<TraitValue[]>(7, 42, 1, 18, 1.5, 21),
    staff: fc.constantFrom<TraitValue[]>(true, false, null),
    version: fc.constantFrom<TraitValue[]>('1.2.3', '1.3.0', '1.3.0-rc.2', '2.0.0'),
  },
  { requiredKeys: [] },
)
const anyWildTraits: fc.Arbitrary<Record<string, TraitValue>> = fc.record(
  {
    plan: fc.constantFrom<TraitValue[]>('', '7', '007', '1.50', 'premium', 0, 'x-premium'),
    age: fc.constantFrom<TraitValue[]>(0, -1, 7, 2.5, '7', '7 years'),
    staff: fc.constantFrom<TraitValue[]>(true, false, 'true'),
    version: fc.constantFrom<TraitValue[]>('v1.2.3', '1.2.3+build', '1.2', '1.2.3', 1),
    '$.environment.name': fc.constantFrom<TraitValue[]>('mine', 'Production'),
  },
  { requiredKeys: [] },
)

function anyIdentityWith(traits: fc.Arbitrary<Record<string, TraitValue>>): fc.Arbitrary<IdentityContext> {
  return fc.record(
    { identifier: fc.constantFrom('ada', 'bob', 'user-1', 'é'), key: fc.constantFrom('env_ada', '', 'own'), traits },
    { requiredKeys: ['identifier'] },
  )
}

const anyTameCondition: fc.Arbitrary<Condition> = fc.constantFrom(...upstreamOperators).chain((operator) =>
  fc.constantFrom(...tameOperands[operator]).chain((value) =>
    fc.record({
      operator: fc.constant(operator),
      property: fc.constantFrom(...propertiesFor(operator, value)),
      value: fc.constant(value),
    }),
  ),
)

/** Properties whose values the operand was written for. */
function propertiesFor(operator: UpstreamOperator, value: string): string[] {
  if (value.endsWith(':semver')) return tameProperties.version
  if (operator === 'PERCENTAGE_SPLIT') return [...tameProperties.blank, '$.identity.key', '$.identity.identifier']
  if (operator === 'MODULO' || /^[\d.]+$/.test(value)) return ['age', 'missing']
  if (operator.startsWith('IS_')) return [...tameProperties.trait, ...tameProperties.path]
  return value === 'true' || value === 'False' ? ['staff', 'plan'] : ['plan', 'plan', 'missing', ...tameProperties.path]
}

const anyWildCondition: fc.Arbitrary<Condition> = fc
  .constantFrom(...wildConditions)
  .chain(({ operators, properties, operands }) =>
    fc.record({ operator: fc.constantFrom(...operators), property: fc.constantFrom(...properties), value: fc.constantFrom(...operands) }),
  )

const noRules: Rule[] = []
const anyTameRules = anyRulesOver(anyRulesOver(fc.constant(noRules))).filter((rules) => rules.length > 0)
// One condition alone, so that whatever differs is laid at its door.
const anyWildRules = anyWildCondition.map((condition): Rule[] => [{ type: 'ALL', conditions: [condition] }])

function anyRulesOver(rules: fc.Arbitrary<Rule[]>): fc.Arbitrary<Rule[]> {
  const rule: fc.Arbitrary<Rule> = fc.record({
    type: fc.constantFrom('ALL', 'ANY', 'NONE'),
    conditions: fc.array(anyTameCondition, { maxLength: 2 }),
    rules,
  })
  return fc.array(rule, { maxLength: 2 })
}

const anyVariant: fc.Arbitrary<VariantContext> = fc.record({
  value: fc.constantFrom('A', 'B', 3),
  weight: fc.constantFrom(0, 20, 33.3, 50),
  priority: fc.integer({ min: 1, max: 30 }),
})

const anyFeature: fc.Arbitrary<FeatureContext> = fc.record(
  {
    key: fc.nat(300).map(String),
    name: fc.constantFrom('beta', 'gamma', 'delta'),
    enabled: fc.boolean(),
    value: fc.constantFrom('on', 'off', 1, null),
    variants: fc.array(anyVariant, { maxLength: 3 }),
    priority: fc.integer({ min: -1, max: 3 }),
    metadata: fc.record({ id: fc.nat(9) }),
  },
  { requiredKeys: ['key', 'name', 'enabled', 'value'] },
)

function anySegmentWith(rules: fc.Arbitrary<Rule[]>): fc.Arbitrary<SegmentContext> {
  return fc.record({ key: fc.nat(300).map(String), name: fc.constant(''), rules, overrides: fc.array(anyFeature, { maxLength: 2 }) })
}

function anyContextOf(
  identity: fc.Arbitrary<IdentityContext | null>,
  segment: fc.Arbitrary<SegmentContext>,
): fc.Arbitrary<EvaluationContext> {
  return fc
    .record({ identity, features: fc.array(anyFeature, { maxLength: 3 }), segments: fc.array(segment, { minLength: 1, maxLength: 3 }) })
    .map(({ identity: subject, features, segments }) =>
      fromJson({
        environment: { key: 'env', name: 'Production' },
        identity: subject,
        features: Object.fromEntries(features.map((feature) => [feature.name, feature])),
        segments: Object.fromEntries(segments.map((each, index) => [`s${index}`, { ...each, name: `segment ${index}` }])),
      }),
    )
}

/** Upstream throws for objects without a prototype, which only tests make. */
function fromJson(context: EvaluationContext): EvaluationContext {
  return JSON.parse(JSON.stringify(context))
}

export const anyTameContext = anyContextOf(anyIdentityWith(anyTraits), anySegmentWith(anyTameRules))

export const anyWildContext = anyContextOf(
  fc.oneof({ weight: 20, arbitrary: anyIdentityWith(anyWildTraits) }, { weight: 1, arbitrary: fc.constant(null) }),
  anySegmentWith(anyWildRules),
)
