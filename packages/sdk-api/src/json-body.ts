import { Problem } from '@halyard/contract'
import { isUtf8 } from 'node:buffer'
import { checkKeys } from './json-keys.ts'
import { endOfText } from './json-text.ts'

const depthMax = 100

/**
 * Reads a body as it is: `__proto__` is a key like any other, integers too large for a number stay exact as text, and what
 * cannot be kept (a number beyond all bounds, bytes that are not UTF-8, endless nesting, a key that is there twice) is refused.
 */
export function parseJsonBody(bytes: Buffer): unknown {
  if (bytes.length === 0) return undefined
  if (!isUtf8(bytes)) throw malformed('The body is not UTF-8.')
  const text = withExactIntegers(bytes.toString('utf8'))
  const value = parse(text)
  checkKeys(text)
  return value
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw malformed(error instanceof Error ? error.message : String(error))
  }
}

const malformed = (reason: string) => new Problem('malformed', `JSON parse error - ${reason}`)

const quote = 0x22
const opening: ReadonlySet<number> = new Set([0x5b, 0x7b])
const closing: ReadonlySet<number> = new Set([0x5d, 0x7d])
const minus = 0x2d
const digitZero = 0x30
const digitNine = 0x39

/** The same JSON with integers that a number would round written as texts. What is not JSON is left to the parser to refuse. */
function withExactIntegers(text: string): string {
  let depth = 0
  let copiedTo = 0
  let exact = ''
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === quote) at = endOfText(text, at)
    else if (opening.has(code)) {
      if (++depth > depthMax) throw malformed(`Nested more than ${depthMax} levels deep.`)
    } else if (closing.has(code)) depth--
    else if (code === minus || isDigit(code)) {
      const end = endOfNumber(text, at)
      const literal = text.slice(at, end)
      if (isRounded(literal)) {
        exact += `${text.slice(copiedTo, at)}"${literal}"`
        copiedTo = end
      }
      at = end - 1
    }
  }
  return copiedTo === 0 ? text : exact + text.slice(copiedTo)
}

const isDigit = (code: number) => code >= digitZero && code <= digitNine

const numberCharacters = /[-+.0-9eE]+/y

function endOfNumber(text: string, start: number): number {
  numberCharacters.lastIndex = start
  numberCharacters.test(text)
  return numberCharacters.lastIndex
}

function isRounded(literal: string): boolean {
  const value = Number(literal)
  if (!Number.isFinite(value) && !Number.isNaN(value)) throw malformed(`Number out of range: ${literal.slice(0, 40)}`)
  return !Number.isSafeInteger(value) && /^-?[1-9]\d*$/.test(literal)
}
