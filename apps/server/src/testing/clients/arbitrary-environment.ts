import type { WrittenRule } from '@halyard/contract'
import fc from 'fast-check'

/**
 * Environments and identities about which the engines of the API and of flagsmith-nodejs agree. Where they do not is left out:
 * text that looks like a number, decimals and zero in lists, patterns that are not anchored, versions that are unequal or none,
 * percentages of traits, and false or empty traits of identities with overrides.
 */
export const environments = () =>
  fc.record({
    features: fc.array(feature(), { minLength: 20, maxLength: 20 }),
    segments: fc.array(fc.array(rule(3), { minLength: 1, maxLength: 2 }), { minLength: 16, maxLength: 16 }),
    segmentOverrides: fc.uniqueArray(fc.record({ feature: fc.nat(19), segment: fc.nat(15), content: content() }), {
      minLength: 30,
      maxLength: 30,
      selector: ({ feature, segment }) => `${feature}/${segment}`,
    }),
    identityOverrides: fc.uniqueArray(fc.record({ feature: fc.nat(19), identity: fc.nat(11), content: content() }), {
      minLength: 24,
      maxLength: 24,
      selector: ({ feature, identity }) => `${feature}/${identity}`,
    }),
  })

export type ArbitraryEnvironment = ReturnType<typeof environments> extends fc.Arbitrary<infer Generated> ? Generated : never

/** What a feature is somewhere. A feature with variants is split by `weights`, in tenths, the first to the first variant. */
export type Content = ReturnType<typeof content> extends fc.Arbitrary<infer Generated> ? Generated : never

function feature() {
  return fc.record({
    value: value(),
    enabled: fc.boolean(),
    variants: fc.array(variant(), { maxLength: 3 }),
  })
}

function variant() {
  return fc.record({ isKeyed: fc.boolean(), value: value(), weight: fc.integer({ min: 0, max: 33 }) })
}

function content() {
  return fc.record({
    enabled: fc.boolean(),
    value: value(),
    weights: fc.array(fc.integer({ min: 0, max: 33 }), { minLength: 3, maxLength: 3 }),
  })
}

function value() {
  return fc.oneof(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }), fc.integer({ min: -1000, max: 1000 }), fc.boolean())
}

const plans = ['free', 'pro', 'team', 'Größe L']
const countries = ['SE', 'NO', 'DE', 'FR', 'ÅX']
const versions = ['1.0.0', '1.2.10', '2.0.0-rc.1', '2.0.0', '10.3.1']
const notes = ['likes cats', 'cats, dogs', 'DOGS', 'ein Hünd', '🦊']

/** Everything that is known of a visitor; any of it may be absent. */
export const traits = () =>
  fc.record(
    {
      plan: fc.constantFrom(...plans),
      country: fc.constantFrom(...countries),
      note: fc.constantFrom(...notes),
      age: fc.integer({ min: 1, max: 99 }),
      score: fc.integer({ min: -20, max: 20 }).map((halves) => halves + 0.5),
      beta: fc.boolean(),
      app_version: fc.constantFrom(...versions),
    },
    { requiredKeys: [] },
  )

type ConditionArbitrary = fc.Arbitrary<NonNullable<WrittenRule['conditions']>[number]>

const onText = (property: string, values: readonly string[]): ConditionArbitrary => {
  const operand = fc.constantFrom(...values)
  return fc.oneof(
    fc.record({
      property: fc.constant(property),
      operator: fc.constantFrom('EQUAL', 'NOT_EQUAL', 'CONTAINS', 'NOT_CONTAINS'),
      value: operand,
    }),
    fc.record({
      property: fc.constant(property),
      operator: fc.constant('IN'),
      value: fc.array(operand, { minLength: 1 }).map((list) => JSON.stringify(list)),
    }),
    fc.record({
      property: fc.constant(property),
      operator: fc.constant('REGEX'),
      value: fc.constantFrom('^[a-p]', '^(?:cats|team|S)', '^.+ .+$', '^\\w+$'),
    }),
  )
}

const ordering = ['EQUAL', 'GREATER_THAN', 'GREATER_THAN_INCLUSIVE', 'LESS_THAN', 'LESS_THAN_INCLUSIVE'] as const

function condition(): ConditionArbitrary {
  const age = fc.integer({ min: 1, max: 99 }).map(String)
  return fc.oneof(
    onText('plan', plans),
    onText('country', countries),
    onText('note', notes),
    fc.record({ property: fc.constant('age'), operator: fc.constantFrom(...ordering, 'NOT_EQUAL'), value: age }),
    fc.record({
      property: fc.constant('age'),
      operator: fc.constant('IN'),
      value: fc.array(age, { minLength: 1 }).map((list) => list.join(',')),
    }),
    fc.record({ property: fc.constant('age'), operator: fc.constant('MODULO'), value: fc.constantFrom('2|1', '3|0', '7|3') }),
    fc.record({ property: fc.constant('score'), operator: fc.constantFrom(...ordering), value: fc.constantFrom('-3', '0', '2.5', '7.25') }),
    fc.record({ property: fc.constant('beta'), operator: fc.constantFrom('EQUAL', 'NOT_EQUAL'), value: fc.constantFrom('true', 'false') }),
    fc.record({
      property: fc.constant('app_version'),
      operator: fc.constantFrom(...ordering),
      value: fc.constantFrom(...versions).map((text) => `${text}:semver`),
    }),
    fc.record({ property: fc.constantFrom('plan', 'age', 'beta', 'unheard_of'), operator: fc.constantFrom('IS_SET', 'IS_NOT_SET') }),
    fc.record({
      property: fc.constantFrom('', '$.identity.identifier'),
      operator: fc.constant('PERCENTAGE_SPLIT'),
      value: fc.integer({ min: 0, max: 100 }).map(String),
    }),
    fc.record({
      property: fc.constant('$.environment.name'),
      operator: fc.constant('EQUAL'),
      value: fc.constantFrom('Production', 'Staging'),
    }),
  )
}

function rule(levels: number): fc.Arbitrary<WrittenRule> {
  return fc.record({
    type: fc.constantFrom('ALL', 'ANY', 'NONE'),
    conditions: fc.array(condition(), { minLength: 1, maxLength: 3 }),
    rules: levels > 1 ? fc.array(rule(levels - 1), { maxLength: 2 }) : fc.constant([]),
  })
}
