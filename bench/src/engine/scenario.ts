/** What every engine is asked in one run, in nobody's format: each contestant says it in its own. */
export interface Scenario {
  readonly flags: readonly ScenarioFlag[]
  readonly segments: readonly ScenarioSegment[]
  /** A ring that evaluation goes around, so that no engine answers the same question twice in a row. */
  readonly identities: readonly ScenarioIdentity[]
  /** The names of the flags that a segment overrides. */
  readonly targeted: readonly string[]
}

export interface ScenarioFlag {
  readonly id: number
  readonly name: string
  /** Outside of the segment. A multivariate flag is always on: only its variants differ by segment. */
  readonly isOn: boolean
  readonly weights: Weights | null
  readonly override: Override | null
}

/** Whoever is in the segment gets the flag on, split by other weights when it is multivariate. */
export interface Override {
  readonly segment: ScenarioSegment
  readonly weights: Weights | null
}

/** In per cent, together 100. */
export type Weights = readonly [number, number, number]

/** Holds whoever meets all of `all` and any of `any`. */
export interface ScenarioSegment {
  readonly id: number
  readonly name: string
  readonly all: readonly ScenarioCondition[]
  readonly any: readonly ScenarioCondition[]
}

export interface Operands {
  EQUAL: boolean
  NOT_EQUAL: string
  CONTAINS: string
  GREATER_THAN: number
  LESS_THAN_INCLUSIVE: number
  IN: readonly string[]
}

export type ScenarioCondition<Operator extends keyof Operands = keyof Operands> = {
  [Each in Operator]: { readonly trait: string; readonly operator: Each; readonly value: Operands[Each] }
}[Operator]

/** How a contestant says a condition, by operator. */
export type Dialect<Said> = { readonly [Each in keyof Operands]: (trait: string, value: Operands[Each]) => Said }

export function say<Operator extends keyof Operands, Said>(dialect: Dialect<Said>, condition: ScenarioCondition<Operator>): Said {
  return dialect[condition.operator](condition.trait, condition.value)
}

export interface ScenarioIdentity {
  readonly identifier: string
  readonly traits: Traits
}

export interface Traits {
  readonly plan: string
  readonly country: string
  readonly email: string
  readonly age: number
  readonly sessions: number
  readonly beta: boolean
}

export const variantNames = ['red', 'green', 'blue'] as const

const identityCount = 256
const plans = ['free', 'trial', 'pro', 'enterprise']
const countries = ['DE', 'FR', 'GB', 'JP', 'US']
const domains = ['acme.test', 'globex.test', 'initech.test']

/** Half of the flags have a segment override, a fifth is multivariate, and half of those have an override too. */
export function buildScenario(flagCount: number, segmentCount: number): Scenario {
  const segments = Array.from({ length: segmentCount }, (_, index) => segmentAt(index))
  const flags = Array.from({ length: flagCount }, (_, index) => flagAt(index, segments))
  return {
    flags,
    segments,
    identities: Array.from({ length: identityCount }, (_, index) => identityAt(index)),
    targeted: flags.filter(({ override }) => override !== null).map(({ name }) => name),
  }
}

/** Each turn asks for another targeted flag. */
export function targetedAt({ targeted }: Scenario, turn: number): string {
  return at(targeted, turn)
}

function segmentAt(index: number): ScenarioSegment {
  const conditions = conditionsAt(index)
  // Each segment begins at another trait, so that every operator stands among `all` in some and among `any` in others.
  const first = index % conditions.length
  const four = [...conditions, ...conditions].slice(first, first + 4)
  return { id: index + 1, name: `segment_${index}`, all: four.slice(0, 2), any: four.slice(2) }
}

function conditionsAt(index: number): ScenarioCondition[] {
  return [
    { trait: 'plan', operator: 'IN', value: [at(plans, index), at(plans, index + 1)] },
    { trait: 'age', operator: 'GREATER_THAN', value: 25 + (index % 7) * 5 },
    { trait: 'country', operator: 'NOT_EQUAL', value: at(countries, index) },
    { trait: 'email', operator: 'CONTAINS', value: `@${at(domains, index)}` },
    { trait: 'sessions', operator: 'LESS_THAN_INCLUSIVE', value: 150 + (index % 5) * 50 },
    { trait: 'beta', operator: 'EQUAL', value: true },
  ]
}

function flagAt(index: number, segments: readonly ScenarioSegment[]): ScenarioFlag {
  const isMultivariate = index % 5 === 0
  const segment = index % 2 === 0 ? at(segments, index / 2) : null
  return {
    id: index + 1,
    name: `flag_${index}`,
    isOn: isMultivariate || index % 4 === 1,
    weights: isMultivariate ? [20, 30, 50] : null,
    override: segment && { segment, weights: isMultivariate ? [50, 30, 20] : null },
  }
}

function identityAt(index: number): ScenarioIdentity {
  // Steps that share no factor with the lengths they go around, so that the traits mix.
  return {
    identifier: `identity-${index}`,
    traits: {
      plan: at(plans, index * 7),
      country: at(countries, index * 3),
      email: `somebody-${index}@${at(domains, index * 5 + (index >> 4))}`,
      age: 18 + ((index * 29) % 60),
      sessions: (index * 173) % 500,
      beta: ((index * 11) >> 3) % 2 === 0,
    },
  }
}

function at<T>(members: readonly T[], index: number): T {
  const member = members[index % members.length]
  if (member === undefined) throw new Error('A scenario cannot choose from an empty list.')
  return member
}
