import { isUtf8 } from 'node:buffer'
import { invalid, Problem, type FieldErrors } from '@halyard/contract'
import { checkKeys } from '@halyard/sdk-api'

const depthMax = 32
const keysMax = 1000

/**
 * Parses a body. `__proto__` arrives as an ordinary property; NUL characters, lone surrogates and infinite numbers are refused by
 * field; deep nesting, keys that are twice in one object and very many of them altogether.
 */
export function readJson(body: Buffer): unknown {
  if (!isUtf8(body)) throw new Problem('malformed', 'JSON parse error - The body is not UTF-8.')
  const text = body.toString('utf8')
  const value = parse(text)
  checkJson(value)
  checkKeys(text, keysMax)
  return value
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new Problem('malformed', `JSON parse error - ${error instanceof Error ? error.message : 'not JSON'}`)
  }
}

/** Refuses what no store or SDK takes, by field. */
export const checkJson = (value: unknown): void => checkValue(value, [])

function checkValue(value: unknown, path: readonly (string | number)[]): void {
  if (path.length > depthMax) throw new Problem('malformed', `JSON parse error - nested more than ${depthMax} levels deep.`)
  if (typeof value === 'string') checkText(value, path)
  else if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw refuse(path, 'A number is too large.')
  } else if (Array.isArray(value)) value.forEach((element, index) => checkValue(element, [...path, index]))
  else if (typeof value === 'object' && value !== null) {
    for (const [key, member] of Object.entries(value)) {
      checkText(key, path)
      checkValue(member, [...path, key])
    }
  }
}

function checkText(text: string, path: readonly (string | number)[]): void {
  if (text.includes('\0')) throw refuse(path, 'Null characters are not allowed.')
  if (!text.isWellFormed()) throw refuse(path, 'Text must be valid Unicode: it holds half of a surrogate pair.')
}

function refuse(path: readonly (string | number)[], message: string): Problem {
  const [field, ...rest] = path
  if (field === undefined) return invalid({ non_field_errors: [message] })
  const where = rest.length > 0 ? `${rest.join('.')}: ` : ''
  const errors: FieldErrors = { [String(field)]: [`${where}${message}`] }
  return invalid(errors)
}
