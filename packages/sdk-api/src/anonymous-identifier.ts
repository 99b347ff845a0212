import type { TraitValue } from '@halyard/engine'
import { createHash, randomUUID } from 'node:crypto'

/**
 * Whom a request is evaluated for that names nobody. The same traits make the same identifier, so that percentages hold still;
 * the JavaScript SDK adopts it as its own.
 */
export function anonymousIdentifier(traits: ReadonlyMap<string, TraitValue>): string {
  if (traits.size === 0) return randomUUID().replaceAll('-', '')
  const hash = createHash('sha256')
  for (const [key, value] of [...traits].toSorted(([one], [other]) => byCodePoint(one, other))) {
    if (value !== null) hash.update(key).update(pythonText(value))
  }
  return hash.digest('hex')
}

// Python orders texts by code point, which is the order of their UTF-8; JavaScript orders units of UTF-16.
const byCodePoint = (one: string, other: string) => Buffer.compare(Buffer.from(one), Buffer.from(other))

/** What `str()` makes of a value in Python, because the identifiers that upstream handed out were hashed from that. */
export function pythonText(value: string | number | boolean): string {
  if (typeof value === 'string') return value
  if (typeof value === 'boolean') return value ? 'True' : 'False'
  return Number.isSafeInteger(value) ? String(value) : pythonFloat(value)
}

// Both languages print the shortest digits that read back as the same number; they differ in when they use an exponent.
function pythonFloat(value: number): string {
  const [digits = '', exponentText = '0'] = value.toExponential().split('e')
  const exponent = Number(exponentText)
  // Below 1e-6 JavaScript would use an exponent too, but Python does from 1e-4 down.
  if (exponent >= -4 && exponent < 16) return Number.isInteger(value) ? `${value}.0` : String(value)
  const sign = exponent < 0 ? '-' : '+'
  return `${digits}e${sign}${String(Math.abs(exponent)).padStart(2, '0')}`
}
