import { RE2JS } from 're2js'

export type Pattern = { matchesStartOf: (text: string) => boolean } | { problem: string }

// Compiling takes time in proportion to what counted repetitions unfold to: `(?:…){1000}` of a long group takes seconds. At these
// limits it takes some 20 ms, and so does the first match of a text of 2 000 characters.
const longestPattern = 2000
const largestProgram = 1000
// A Unicode category is hundreds of ranges.
const partsOfCategory = 10
// Documents are compiled again at every revision, and most of their patterns are those of the last.
const rememberedMax = 1000
const remembered = new Map<string, Pattern>()

/**
 * A pattern as Python's `re.match` reads it, anchored at the start only, run by a linear-time engine: it takes no
 * backreferences and no lookaround, and no pattern can stall a server. `\d`, `\w`, `\s` and `\b` know ASCII only, as in the
 * JavaScript SDKs; Python's also know other scripts.
 */
export function compilePattern(source: string): Pattern {
  const known = remembered.get(source)
  if (known) return known
  const pattern = compileUnknown(source)
  if (remembered.size >= rememberedMax) remembered.clear()
  remembered.set(source, pattern)
  return pattern
}

function compileUnknown(source: string): Pattern {
  const problem = whyTooLarge(source)
  if (problem !== undefined) return { problem }
  try {
    // Compiled alone first: within the anchoring group `a)|(b` would become valid.
    RE2JS.compile(source.replaceAll('\\Z', '\\z'))
    const anchored = RE2JS.compile(`\\A(?:${translate(source)})`)
    return { matchesStartOf: (text) => anchored.test(text) }
  } catch (error) {
    return {
      problem: `The pattern is not supported: ${error instanceof Error ? error.message : String(error)}`,
    }
  }
}

/** Undefined for patterns that take little to compile, if they are valid. */
export function whyTooLarge(source: string): string | undefined {
  if (source.length > longestPattern) return `The pattern is longer than ${longestPattern} characters.`
  const size = unfoldedSize(source)
  return size > largestProgram ? `The pattern's repetitions unfold to ${size} parts; the limit is ${largestProgram}.` : undefined
}

// An escape, a character class, the opening of a group with its flags, a counted repetition, or one character.
const part = /\\.|\[\^?\]?(?:\\.|\[:\^?\w+:\]|[^\]\\])*\]|\((?:\?[^():]*:?)?|\{(\d+)(,(\d*))?\}|./gsu
const category = /\\[pP]/g
const multilineFlag = /^\(\?[a-zA-Z]*m/

/** Python's `\Z` is the very end, and its `$` also stands before a final newline, unless `(?m)` makes it the end of each line. */
function translate(source: string): string {
  const parts = source.match(part) ?? []
  const dollar = parts.some((each) => multilineFlag.test(each)) ? '$' : '(?:\\n?\\z)'
  return parts.map((each) => (each === '\\Z' ? '\\z' : each === '$' ? dollar : each)).join('')
}

/** How many parts the pattern has once `a{3}` is written `aaa`. */
function unfoldedSize(source: string): number {
  const outer: number[] = []
  let size = 0
  let last = 0
  for (const [text, least, more, most] of source.matchAll(part)) {
    if (text.startsWith('(')) {
      outer.push(size)
      size = 0
    } else if (text === ')') {
      last = size
      size += outer.pop() ?? 0
    } else if (least !== undefined) {
      const times = Math.max(Number(least), Number(most ?? 0), more === undefined ? 1 : 2)
      size += last * (times - 1)
      last *= times
    } else if (!'*+?|'.includes(text)) {
      last = 1 + (text.match(category)?.length ?? 0) * (partsOfCategory - 1)
      size += last
    }
  }
  return size
}
