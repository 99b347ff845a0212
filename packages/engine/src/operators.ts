import { parseNumber, textOfValue } from './cast.ts'
import { foldCase } from './case-folding.ts'
import { comparison, malformed, type Parsed } from './comparison.ts'
import type { Operator } from './context.ts'
import { compareInstants, parseInstant } from './instant.ts'
import { listMember, parseList } from './list.ts'
import { orderedBy } from './ordering.ts'
import { percentageOf } from './percentage.ts'
import { compilePattern } from './regular-expression.ts'

/** Hashes depend on the segment; no other operator looks at it. */
type ParseOperand = (operand: string, segmentKey: string) => Parsed

const isSet = comparison({ text: always, integer: always, decimal: always, boolean: always })
const isNotSet = comparison({ unset: true })

const parsers = {
  EQUAL: orderedBy((order) => order === 0),
  NOT_EQUAL: orderedBy((order) => order !== 0),
  GREATER_THAN: orderedBy((order) => order > 0),
  GREATER_THAN_INCLUSIVE: orderedBy((order) => order >= 0),
  LESS_THAN: orderedBy((order) => order < 0),
  LESS_THAN_INCLUSIVE: orderedBy((order) => order <= 0),
  CONTAINS: (operand) => ({ comparison: comparison({ text: (value) => value.includes(operand) }) }),
  NOT_CONTAINS: (operand) => ({
    comparison: comparison({ text: (value) => !value.includes(operand) }),
  }),
  STARTS_WITH: searched((value, operand) => value.startsWith(operand)),
  ENDS_WITH: searched((value, operand) => value.endsWith(operand)),
  CONTAINS_IGNORE_CASE: searched((value, operand) => foldCase(value).includes(operand), foldCase),
  DATE_BEFORE: datedBy((order) => order < 0),
  DATE_AFTER: datedBy((order) => order > 0),
  REGEX: parseRegex,
  MODULO: parseModulo,
  PERCENTAGE_SPLIT: parsePercentageSplit,
  IN: (operand) => memberOf(parseList(operand)),
  IS_SET: () => ({ comparison: isSet }),
  IS_NOT_SET: () => ({ comparison: isNotSet }),
} satisfies Record<Operator, ParseOperand>

const operandless = new Set(['IS_SET', 'IS_NOT_SET'])
const textual = new Set(['STARTS_WITH', 'ENDS_WITH', 'CONTAINS_IGNORE_CASE'])
const parserByName = new Map<string, ParseOperand>(Object.entries(parsers))

export function parseOperand(operator: unknown, operand: unknown, segmentKey: string): Parsed {
  if (typeof operator !== 'string') return malformed('The condition has no operator.')
  const parse = parserByName.get(operator)
  if (!parse) return malformed(`The operator ${operator.slice(0, 50)} is not known.`)
  if (operandless.has(operator)) return parse('', segmentKey)
  if (typeof operand === 'string') return parse(operand, segmentKey)
  if (operator === 'IN' && Array.isArray(operand)) return memberOf(operand.map(listMember).filter((member) => member !== undefined))
  return malformed('The value is not text.')
}

/** Whether an operator looks at the text as it was given, so that a postcode may start with `0`. All others take `"007"` as 7. */
export function readsAsGiven(operator: string): boolean {
  return textual.has(operator)
}

function always(): boolean {
  return true
}

function searched(isFound: (value: string, operand: string) => boolean, prepare = (operand: string) => operand): ParseOperand {
  return (operand) => {
    if (operand === '') return malformed('The value is empty: there is nothing to look for.')
    const prepared = prepare(operand)
    return { comparison: comparison({ text: (value) => isFound(value, prepared) }) }
  }
}

function datedBy(accepts: (order: number) => boolean): ParseOperand {
  return (operand) => {
    const expected = parseInstant(operand)
    if (!expected) return malformed('The value is not a date such as 2026-11-22, 2026-11-22T09:30:00Z or 2026-11-22T09:30:00+02:00.')
    const text = (value: string) => {
      const instant = parseInstant(value)
      return instant !== undefined && accepts(compareInstants(instant, expected))
    }
    return { comparison: comparison({ text }) }
  }
}

function parseRegex(operand: string): Parsed {
  const pattern = compilePattern(operand)
  if ('problem' in pattern) return malformed(pattern.problem)
  const matches = (value: string | number | bigint | boolean) => pattern.matchesStartOf(textOfValue(value))
  return {
    comparison: comparison({
      text: matches,
      integer: matches,
      decimal: (decimal) => pattern.matchesStartOf(textOfValue({ decimal })),
      boolean: matches,
    }),
  }
}

function parseModulo(operand: string): Parsed {
  const [divisor, remainder, ...rest] = operand.split('|').map(parseNumber)
  if (!divisor || !remainder || rest.length > 0) return malformed('MODULO needs two numbers, as in 2|0.')
  if (!Number.isFinite(divisor.nearest) || !Number.isFinite(remainder.nearest)) return malformed('MODULO needs finite numbers.')
  if (divisor.nearest === 0) return malformed('MODULO cannot divide by zero.')
  const decimal = (value: number) => flooredModulo(value, divisor.nearest) === remainder.nearest
  const isWhole = [divisor.exact, remainder.exact].every((number) => typeof number === 'bigint' || Number.isSafeInteger(number))
  const integer = (value: number | bigint) => {
    if (typeof value === 'number') return decimal(value)
    return isWhole ? flooredModuloOfLong(value, BigInt(divisor.exact)) === BigInt(remainder.exact) : decimal(Number(value))
  }
  return {
    comparison: comparison({ integer, decimal, boolean: (value) => decimal(Number(value)) }),
  }
}

/** The remainder has the sign of the divisor, unlike JavaScript's `%`. */
function flooredModulo(value: number, divisor: number): number {
  const remainder = value % divisor
  return remainder !== 0 && remainder < 0 !== divisor < 0 ? remainder + divisor : remainder
}

function flooredModuloOfLong(value: bigint, divisor: bigint): bigint {
  const remainder = value % divisor
  return remainder !== 0n && remainder < 0n !== divisor < 0n ? remainder + divisor : remainder
}

function parsePercentageSplit(operand: string, segmentKey: string): Parsed {
  const threshold = parseNumber(operand)?.nearest
  if (threshold === undefined || Number.isNaN(threshold)) return malformed('PERCENTAGE_SPLIT needs a number.')
  // Inclusive, unlike the ranges of variants.
  const isWithin = (value: string | number | bigint | boolean) => percentageOf(segmentKey, textOfValue(value)) <= threshold
  const decimal = (value: number) => percentageOf(segmentKey, textOfValue({ decimal: value })) <= threshold
  return {
    comparison: comparison({ text: isWithin, integer: isWithin, decimal, boolean: isWithin }),
    threshold,
  }
}

/** Decimals and booleans are in no list, however they are written. */
function memberOf(members: readonly string[]): Parsed {
  const written = new Set(members)
  const integer = (value: number | bigint) =>
    written.has(String(value)) ||
    // JSON has already rounded such a number, so it is compared rounded.
    (typeof value === 'number' && !Number.isSafeInteger(value) && members.some((member) => parseNumber(member)?.nearest === value))
  return { comparison: comparison({ text: (value) => written.has(value), integer }) }
}
