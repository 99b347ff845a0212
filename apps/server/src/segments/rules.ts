import { invalidFields, ownOperators, type Problem, type SegmentRule } from '@halyard/contract'
import type { RuleDocument } from '@halyard/engine'
import * as z from 'zod'
import { compileRules } from '../runtime/patterns.ts'

const depthMax = 5
const conditionsMax = 100
const rulesMax = 1000
// Each may take some milliseconds to compile, at every save and in every process.
const patternsMax = 20

/** What is wrong with rules, and where: the path leads into the body. */
export interface RuleProblem {
  readonly path: readonly (string | number)[]
  readonly message: string
}

/** Everything that keeps rules from being saved: what an engine would never match is refused, with its reason. */
export function findRuleProblems(rules: readonly SegmentRule[]): RuleProblem[] {
  if (rules.length === 0) return [{ path: ['rules'], message: 'Segment cannot be created without any rules.' }]
  // Measured first: the rest walks the rules, and the engine compiles them.
  const size = sizeOf(rules)
  if (size.depth > depthMax)
    return [{ path: ['rules'], message: `The rules are nested ${size.depth} levels deep; the limit is ${depthMax}.` }]
  if (size.rules > rulesMax) return [{ path: ['rules'], message: `The segment has ${size.rules} rules; the limit is ${rulesMax}.` }]
  if (size.conditions > conditionsMax) {
    return [
      {
        path: ['rules'],
        message: `The segment has ${size.conditions} conditions, which exceeds the maximum condition count of ${conditionsMax}.`,
      },
    ]
  }
  if (size.patterns > patternsMax) {
    return [{ path: ['rules'], message: `The segment has ${size.patterns} regular expressions; the limit is ${patternsMax}.` }]
  }
  const own = findWrittenProblems(rules, ['rules'])
  if (own.length > 0) return own
  return compileRules(rules.map(documentOf)).problems.map(({ path, reason }) => ({ path: [...stepsOf(path), 'value'], message: reason }))
}

export function whyNotSavable(rules: readonly SegmentRule[]): Problem | undefined {
  const problems = findRuleProblems(rules)
  if (problems.length === 0) return undefined
  return invalidFields(
    new z.ZodError(problems.map(({ path, message }) => ({ code: 'custom', path: [...path], message, input: undefined }))),
  )
}

interface Size {
  readonly depth: number
  readonly conditions: number
  readonly rules: number
  readonly patterns: number
}

function sizeOf(rules: readonly SegmentRule[]): Size {
  return rules.reduce<Size>(
    (size, rule) => {
      const below = sizeOf(rule.rules)
      return {
        depth: Math.max(size.depth, below.depth + 1),
        conditions: size.conditions + rule.conditions.length + below.conditions,
        rules: size.rules + 1 + below.rules,
        patterns: size.patterns + rule.conditions.filter(({ operator }) => operator === 'REGEX').length + below.patterns,
      }
    },
    { depth: 0, conditions: 0, rules: 0, patterns: 0 },
  )
}

/** A rule as documents spell it. */
export const documentOf = ({ type, rules, conditions }: SegmentRule): RuleDocument => ({
  type,
  rules: rules.map(documentOf),
  conditions: conditions.map(({ operator, property, value }) => ({ operator, property_: property, value })),
})

// `rules[0].conditions[2]` is where the engine found something.
const stepsOf = (path: string): (string | number)[] =>
  [...path.matchAll(/([a-z]+)\[(\d+)\]/g)].flatMap(([, list = '', index]) => [list, Number(index)])

/** What the engine takes, but nobody can have meant. */
function findWrittenProblems(rules: readonly SegmentRule[], path: readonly (string | number)[]): RuleProblem[] {
  return rules.flatMap((rule, index) => [
    ...rule.conditions.flatMap((condition, position) => {
      const where = [...path, index, 'conditions', position]
      return Object.entries(whyNotWritten(condition)).map(([field, message]) => ({ path: [...where, field], message }))
    }),
    ...findWrittenProblems(rule.rules, [...path, index, 'rules']),
  ])
}

// Of a percentage, anything below 0 is nobody and above 100 everybody.
function whyNotWritten({ operator, property, value }: SegmentRule['conditions'][number]): { property?: string; value?: string } {
  if (operator !== 'PERCENTAGE_SPLIT') return property === '' ? { property: 'This field may not be blank.' } : {}
  return Number(value) < 0 || Number(value) > 100 ? { value: 'PERCENTAGE_SPLIT needs a number from 0 to 100.' } : {}
}

const own = new Set<string>(ownOperators)

/** Why official SDKs that evaluate locally do not get a segment; undefined: they do. */
export function whyNotExported(rules: readonly SegmentRule[]): string | undefined {
  const conditions = rules.flatMap(ownConditionsOf)
  // Nearly every segment, so that a list of hundreds compiles nothing.
  if (conditions.length === 0) return undefined
  return compileRules([documentOf({ type: 'ALL', rules: [], conditions })]).exported().leftOut[0]?.reason
}

const ownConditionsOf = ({ rules, conditions }: SegmentRule): SegmentRule['conditions'] => [
  ...conditions.filter(({ operator }) => own.has(operator)),
  ...rules.flatMap(ownConditionsOf),
]

/** One override of a segment. */
export interface SegmentUse {
  readonly environment_id: number
  readonly environment_name: string
  readonly feature_id: number
  readonly feature_name: string
  readonly priority: number
  readonly enabled: boolean
}

const namedMax = 10

export function whyNotDeletable(
  { name }: { readonly name: string },
  uses: readonly SegmentUse[],
  seen: readonly number[],
): string | undefined {
  if (uses.length === 0) return undefined
  const named = uses
    .filter((use) => seen.includes(use.environment_id))
    .slice(0, namedMax)
    .map((use) => `${use.feature_name} in ${use.environment_name}`)
  const rest = uses.length > named.length ? [`${uses.length - named.length} more`] : []
  return `The segment “${name}” overrides ${[...named, ...rest].join(', ')}. Remove these overrides first, or delete it with ?force=true to remove them too.`
}
