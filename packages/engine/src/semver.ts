/** Precedence of a version by SemVer 2.0; build metadata takes no part in it. */
export interface Version {
  /** Major, minor and patch as digits: they may be longer than a number holds. */
  core: readonly string[]
  prerelease: readonly string[]
}

const number = '(?:0|[1-9]\\d*)'
const prereleasePart = `(?:${number}|\\d*[a-zA-Z-][0-9a-zA-Z-]*)`
const strictVersion = new RegExp(
  `^(${number})\\.(${number})\\.(${number})(?:-(${prereleasePart}(?:\\.${prereleasePart})*))?(?:\\+[0-9a-zA-Z-]+(?:\\.[0-9a-zA-Z-]+)*)?$`,
)
// Matching takes room on the stack in proportion to the length.
const longestVersion = 10_000
const digitsOnly = /^\d+$/

/** Strict: no leading `v`, no `1.2`, no leading zeros. */
export function parseVersion(text: string): Version | undefined {
  const match = text.length > longestVersion ? null : strictVersion.exec(text)
  if (!match) return undefined
  const [, major = '', minor = '', patch = '', prerelease] = match
  return {
    core: [major, minor, patch],
    prerelease: prerelease === undefined ? [] : prerelease.split('.'),
  }
}

/** Negative, zero or positive, as for sorting. */
export function compareVersions(a: Version, b: Version): number {
  const core = compareInTurn(a.core, b.core)
  if (core !== 0) return core
  // A release comes after all of its pre-releases.
  if (a.prerelease.length === 0 || b.prerelease.length === 0) return b.prerelease.length - a.prerelease.length
  return compareInTurn(a.prerelease, b.prerelease)
}

function compareInTurn(a: readonly string[], b: readonly string[]): number {
  for (const [index, part] of a.entries()) {
    const other = b[index]
    if (other === undefined) return 1
    const order = comparePart(part, other)
    if (order !== 0) return order
  }
  return a.length - b.length
}

function comparePart(a: string, b: string): number {
  if (a === b) return 0
  const isNumber = digitsOnly.test(a)
  if (isNumber !== digitsOnly.test(b)) return isNumber ? -1 : 1
  if (isNumber && a.length !== b.length) return a.length - b.length
  return a < b ? -1 : 1
}
