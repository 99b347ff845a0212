import { isRecord, ownProperty } from './shape.ts'

/** Names of members and indexes of elements, from the root down. */
export type JsonPath = readonly (string | number)[]

// RFC 9535's member-name-shorthand, single index and quoted name; blanks may stand between segments and within brackets.
const segment =
  /[ \t\n\r]*(?:\.([A-Za-z_\u{80}-\u{D7FF}\u{E000}-\u{10FFFF}][\w\u{80}-\u{D7FF}\u{E000}-\u{10FFFF}]*)|\[[ \t\n\r]*(?:(0|-?[1-9]\d{0,15})|'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)")[ \t\n\r]*\])/uy

// Matching takes room on the stack in proportion to the length.
const longestPath = 10_000

const escape = /\\(?:u([0-9a-fA-F]{4})|(.))/gsu
// Control characters must be escaped.
const belowBlank = /[^ -\uffff]/
const escapedCharacters = new Map(Object.entries({ b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', '/': '/', '\\': '\\' }))

/**
 * The part of RFC 9535 that names one place: `$.a.b`, `$.a['b']`, `$.a[0]`. Anything else (filters, wildcards, slices,
 * descendants, or no path at all) is undefined, so nothing a customer writes is ever executed.
 */
export function parseJsonPath(text: string): JsonPath | undefined {
  if (text.length > longestPath) return undefined
  const steps: (string | number)[] = []
  let at = 1
  while (at < text.length) {
    segment.lastIndex = at
    const match = segment.exec(text)
    if (!match) return undefined
    const [, shorthand, index, singleQuoted, doubleQuoted] = match
    const step = index === undefined ? (shorthand ?? unquote(singleQuoted, "'") ?? unquote(doubleQuoted, '"')) : Number(index)
    if (step === undefined) return undefined
    steps.push(step)
    at = segment.lastIndex
  }
  return steps
}

function unquote(quoted: string | undefined, quote: string): string | undefined {
  if (quoted === undefined) return undefined
  let isValid = !belowBlank.test(quoted)
  const text = quoted.replace(escape, (_, hex: string | undefined, character: string | undefined) => {
    if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex, 16))
    const meant = character === quote ? quote : escapedCharacters.get(character ?? '')
    isValid &&= meant !== undefined
    return meant ?? ''
  })
  return isValid ? text : undefined
}

export function valueAt(root: unknown, path: JsonPath): unknown {
  let value = root
  for (const step of path) value = childOf(value, step)
  return value
}

function childOf(value: unknown, step: string | number): unknown {
  if (typeof step === 'number') return Array.isArray(value) ? value.at(step) : undefined
  return isRecord(value) ? ownProperty(value, step) : undefined
}
