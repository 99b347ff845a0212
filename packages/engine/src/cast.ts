/**
 * A value found in a context, after conversion. A number is whole, or a decimal when it has a fraction; a bigint is an
 * integer too long for a number; `undefined` is not set. A `Decimal` is a fraction that JavaScript would show as whole,
 * such as the text `2.0`: the reference engine keeps the two apart in IN, REGEX and percentages.
 */
export type ContextValue = string | number | bigint | boolean | Decimal | undefined

export interface Decimal {
  readonly decimal: number
}

const integerPattern = /^-?[0-9]+$/
const decimalPattern = /^-?[0-9]+\.[0-9]+$/
// Reading a long number takes time that grows with the square of its length; Python refuses integers beyond this too.
const longestNumber = 4300
// From here on JavaScript writes integers with an exponent, and JSON that says 1e21 means a decimal.
const smallestExponentialInteger = 1e21

/** Text that looks like a number becomes one (`"007"` is 7); `"+5"`, `" 5"` and `"1e5"` stay text. Objects are not set. */
export function coerce(value: unknown): ContextValue {
  if (typeof value === 'string') return coerceText(value)
  if (typeof value === 'boolean' || typeof value === 'bigint') return value
  if (typeof value !== 'number') return undefined
  return Math.abs(value) >= smallestExponentialInteger && Number.isInteger(value) ? { decimal: value } : value
}

function coerceText(text: string): ContextValue {
  if (!mayBeNumber(text)) return text
  if (integerPattern.test(text)) return exactInteger(text)
  if (!decimalPattern.test(text)) return text
  const decimal = Number(text)
  return Number.isInteger(decimal) ? { decimal } : decimal
}

// Nearly every trait is plain text: one look at its first character saves two regular expressions.
function mayBeNumber(text: string): boolean {
  const first = text.charCodeAt(0)
  return ((first >= 48 && first <= 57) || first === 45) && text.length <= longestNumber
}

function exactInteger(digits: string): number | bigint {
  const number = Number(digits)
  return Number.isSafeInteger(number) ? number : BigInt(digits)
}

/** The text that is hashed and matched, as the reference engine (Python) writes it: `True`, `7`, `1.5`, `2.0`, `1e-05`. */
export function textOfValue(value: Exclude<ContextValue, undefined>): string {
  if (typeof value === 'string') return value
  if (typeof value === 'boolean') return value ? 'True' : 'False'
  if (typeof value === 'object') return textOfDecimal(value.decimal)
  return typeof value === 'bigint' || Number.isInteger(value) ? String(value) : textOfDecimal(value)
}

function textOfDecimal(value: number): string {
  if (Number.isNaN(value)) return 'nan'
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf'
  const magnitude = Math.abs(value)
  if (magnitude !== 0 && (magnitude < 1e-4 || magnitude >= 1e16)) return value.toExponential().replace(/([+-])(\d)$/, '$10$2')
  if (!Number.isInteger(value)) return String(value)
  return Object.is(value, -0) ? '-0.0' : `${value}.0`
}

/** A number written in a condition. `exact` differs from `nearest` only for integers beyond 2^53. */
export interface WrittenNumber {
  nearest: number
  exact: number | bigint
}

const writtenInteger = /^[+-]?\d+(?:_\d+)*$/
const writtenDecimal = /^[+-]?(?:\d+(?:_\d+)*\.?(?:\d+(?:_\d+)*)?|\.\d+(?:_\d+)*)(?:e[+-]?\d+(?:_\d+)*)?$/i
const writtenNonFinite = /^([+-]?)(?:(nan)|inf(?:inity)?)$/i

/** What Python's `int` or `float` reads from the whole text, so `" 5"`, `"+5"` and `"1e5"` but never `"5abc"`. */
export function parseNumber(text: string): WrittenNumber | undefined {
  const trimmed = text.trim()
  if (trimmed.length > longestNumber) return undefined
  const digits = trimmed.replaceAll('_', '')
  if (writtenInteger.test(trimmed)) {
    const nearest = Number(digits)
    return {
      nearest,
      exact: Number.isSafeInteger(nearest) ? nearest : BigInt(digits.replace('+', '')),
    }
  }
  if (writtenDecimal.test(trimmed)) return { nearest: Number(digits), exact: Number(digits) }
  const nonFinite = writtenNonFinite.exec(trimmed)
  if (!nonFinite) return undefined
  const value = nonFinite[2] ? NaN : nonFinite[1] === '-' ? -Infinity : Infinity
  return { nearest: value, exact: value }
}
