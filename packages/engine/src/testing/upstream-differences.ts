import type { Condition, EvaluationContext, Rule, SegmentContext } from '../context.ts'
import { valueAt } from '../json-path.ts'
import { parseVersion } from '../semver.ts'
import { isRecord } from '../shape.ts'
import { keyPrefixOf, propertyNamed, subjectOf } from '../subject.ts'

/** A condition as the two engines meet it; `found` is the value of its property before any conversion. */
interface Met {
  condition: Condition
  operand: unknown
  found: unknown
  context: EvaluationContext
}

const ordering = ['EQUAL', 'NOT_EQUAL', 'GREATER_THAN', 'GREATER_THAN_INCLUSIVE', 'LESS_THAN', 'LESS_THAN_INCLUSIVE']
const plainNumber = /^-?\d+(\.\d+)?$/

/**
 * Where the engine of flagsmith-nodejs is known to answer otherwise than the API does, whom we follow. A segment may differ
 * only when one of these holds for one of its conditions.
 */
export const allowedDifferences: Record<string, (met: Met) => boolean> = {
  'text that looks like a number is a number': ({ found }) => typeof found === 'string' && plainNumber.test(found),
  'a number is not compared with text that is no number': ({ condition, operand, found }) =>
    ordering.includes(condition.operator) && typeof found === 'number' && !isPlainNumber(operand),
  'booleans are compared with versions as with any text': ({ operand, found }) => typeof found === 'boolean' && isVersionOperand(operand),
  'different and invalid versions are told apart in NOT_EQUAL': ({ condition, operand }) =>
    condition.operator === 'NOT_EQUAL' && isVersionOperand(operand),
  'a version suffix means nothing to CONTAINS': ({ condition, operand }) => condition.operator === 'CONTAINS' && isVersionOperand(operand),
  'versions are strict': ({ condition, operand, found }) =>
    ordering.includes(condition.operator) &&
    typeof operand === 'string' &&
    isVersionOperand(operand) &&
    typeof found !== 'boolean' &&
    !(isVersion(operand.slice(0, -7)) && isVersion(found)),
  'MODULO takes numbers, floors, and never divides by zero': ({ condition, operand, found }) =>
    condition.operator === 'MODULO' && !(typeof found === 'number' && found >= 0 && isPlainModulo(operand)),
  'patterns are anchored at the start, and of the linear-time dialect': ({ condition, operand, found }) =>
    condition.operator === 'REGEX' && !isMatchedAlike(operand, found),
  'the empty text contains the empty text': ({ condition, found }) => condition.operator === 'CONTAINS' && found === '',
  'zero and the empty text can be in a list': ({ condition, found }) => condition.operator === 'IN' && (found === 0 || found === ''),
  'decimals are in no list': ({ condition, found }) => condition.operator === 'IN' && typeof found === 'number' && !Number.isInteger(found),
  'members of JSON lists that are not text count as text': ({ condition, operand }) =>
    condition.operator === 'IN' && typeof operand === 'string' && operand.startsWith('[') && /[[,]\s*[\d.tfn-]/.test(operand),
  'PERCENTAGE_SPLIT works on traits': ({ condition }) =>
    condition.operator === 'PERCENTAGE_SPLIT' &&
    condition.property !== '' &&
    !/^\$\.(identity\.(key|identifier)|environment\.\w+)$/.test(condition.property),
  'PERCENTAGE_SPLIT needs a number': ({ condition, operand }) => condition.operator === 'PERCENTAGE_SPLIT' && !isPlainNumber(operand),
  'names that every object inherits are not traits': ({ condition }) => condition.property in {},
  'a trait named like a path wins over the path': ({ condition, context }) =>
    condition.property.startsWith('$.') && isRecord(context.identity?.traits) && Object.hasOwn(context.identity.traits, condition.property),
}

/** The names of the differences that some condition of the segment allows. */
export function differencesAllowedIn(segment: SegmentContext, context: EvaluationContext): string[] {
  // The one difference that needs no condition: without an identity, upstream evaluates no segments.
  const ofContext = context.identity ? [] : ['no identity']
  return [...ofContext, ...segment.rules.flatMap(conditionsOf).flatMap((condition) => differencesAllowedFor(condition, context))]
}

function conditionsOf(rule: Rule): Condition[] {
  return [...(rule.conditions ?? []), ...(rule.rules ?? []).flatMap(conditionsOf)]
}

function differencesAllowedFor(condition: Condition, context: EvaluationContext): string[] {
  const subject = subjectOf(context.identity, keyPrefixOf(context.environment.key))
  const found = propertyNamed(condition.property, (path) => valueAt(context, path)).find(subject)
  const met = { condition, operand: condition.value, found, context }
  return Object.keys(allowedDifferences).filter((name) => allowedDifferences[name]?.(met))
}

function isPlainNumber(operand: unknown): boolean {
  return typeof operand === 'string' && plainNumber.test(operand)
}

function isVersionOperand(operand: unknown): boolean {
  return typeof operand === 'string' && operand.endsWith(':semver')
}

function isVersion(value: unknown): boolean {
  return typeof value === 'string' && parseVersion(value) !== undefined
}

function isPlainModulo(operand: unknown): boolean {
  return typeof operand === 'string' && /^[1-9]\d*\|\d+$/.test(operand)
}

/** Whether searching, as upstream does, cannot find what matching at the start does not. */
function isMatchedAlike(operand: unknown, found: unknown): boolean {
  if (typeof operand !== 'string' || operand === '' || typeof found === 'boolean') return false
  try {
    return String(found).search(new RegExp(operand)) <= 0
  } catch {
    return false
  }
}
