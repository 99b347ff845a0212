import { parseNumber } from './cast.ts'
import { comparison, type Parsed } from './comparison.ts'
import { compareVersions, parseVersion } from './semver.ts'

/** Whether an order (negative, zero, positive, or NaN when there is none) satisfies the operator. */
type Accepts = (order: number) => boolean

const semverSuffix = ':semver'

/** EQUAL, NOT_EQUAL and the four inequalities differ only in the orders they accept. */
export function orderedBy(accepts: Accepts): (operand: string) => Parsed {
  return (operand) => (operand.endsWith(semverSuffix) ? byVersion(operand, accepts) : byValue(operand, accepts))
}

function byValue(operand: string, accepts: Accepts): Parsed {
  const compareText = textOrder(operand)
  const text = (value: string) => accepts(compareText(value))
  const boolean = byTruth(operand, accepts)
  const number = parseNumber(operand)
  if (!number) return { comparison: comparison({ text, boolean }) }
  const { nearest, exact } = number
  const decimal = (value: number) => accepts(order(value, nearest))
  // The reference engine reads infinities and NaN only beside decimals.
  if (!Number.isFinite(nearest)) return { comparison: comparison({ text, decimal, boolean }) }
  // A number has been rounded already, so its operand is rounded alike; a bigint has not.
  const integer = (value: number | bigint) => accepts(typeof value === 'bigint' ? order(value, exact) : order(value, nearest))
  return { comparison: comparison({ text, integer, decimal, boolean }) }
}

function byVersion(operand: string, accepts: Accepts): Parsed {
  const boolean = byTruth(operand, accepts)
  const expected = parseVersion(operand.slice(0, -semverSuffix.length))
  if (!expected)
    return {
      comparison: comparison({ boolean }),
      problem: 'The value is not a semantic version such as 1.2.3:semver.',
    }
  const text = (value: string) => {
    const version = parseVersion(value)
    return version !== undefined && accepts(compareVersions(version, expected))
  }
  return { comparison: comparison({ text, boolean }) }
}

/** Every text but `False` and `false` counts as true, even `0` and the empty one. */
function byTruth(operand: string, accepts: Accepts): (value: boolean) => boolean {
  const expected = operand !== 'False' && operand !== 'false'
  return (value) => accepts(order(Number(value), Number(expected)))
}

function order(value: number | bigint, expected: number | bigint): number {
  if (value < expected) return -1
  if (value > expected) return 1
  return value >= expected ? 0 : Number.NaN
}

const firstSurrogate = 0xd800

/** By code point. JavaScript orders by UTF-16 unit, which differs only where surrogates meet units above them. */
function textOrder(expected: string): (value: string) => number {
  for (let index = 0; index < expected.length; index++) {
    if (expected.charCodeAt(index) >= firstSurrogate) return (value) => codePointOrder(value, expected)
  }
  return (value) => (value === expected ? 0 : value < expected ? -1 : 1)
}

function codePointOrder(value: string, expected: string): number {
  const shorter = Math.min(value.length, expected.length)
  for (let index = 0; index < shorter; index++) {
    const [unit, other] = [value.charCodeAt(index), expected.charCodeAt(index)]
    if (unit !== other) return rank(unit) - rank(other)
  }
  return value.length - expected.length
}

/** Surrogates belong to code points beyond all others. */
function rank(unit: number): number {
  return unit >= firstSurrogate && unit <= 0xdfff ? unit + 0x10000 : unit
}
