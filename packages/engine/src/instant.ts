/** A moment: whole seconds since 1970 and the digits of the rest, which may be more than a number holds. */
export interface Instant {
  readonly seconds: number
  /** Without zeros at the end. */
  readonly fraction: string
}

const written = /^(\d{4})-(\d{2})-(\d{2})(?:[Tt ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,100}))?)?(?:[Zz]|([+-])(\d{2})(?::?(\d{2}))?)?)?$/

/**
 * ISO 8601 in its extended form: a date, or a date and a time with or without seconds, fraction and offset. A date alone is
 * its first moment, and without an offset a time is UTC: what an instant is never depends on where it is asked.
 */
export function parseInstant(text: string): Instant | undefined {
  const match = written.exec(text)
  if (!match) return undefined
  const [, year, month, day, hour = 0, minute = 0, second = 0, fraction = '', sign, offsetHours = 0, offsetMinutes = 0] = match
  const isTime = Number(hour) < 24 && Number(minute) < 60 && Number(second) < 60
  if (!isTime || Number(offsetHours) > 23 || Number(offsetMinutes) > 59) return undefined
  const midnight = secondsOfDate(Number(year), Number(month), Number(day))
  if (midnight === undefined) return undefined
  const offset = (Number(offsetHours) * 60 + Number(offsetMinutes)) * 60 * (sign === '-' ? -1 : 1)
  const seconds = midnight + (Number(hour) * 60 + Number(minute)) * 60 + Number(second) - offset
  return { seconds, fraction: fraction.replace(/0+$/, '') }
}

/** Undefined for dates that no calendar has, such as 30 February. */
function secondsOfDate(year: number, month: number, day: number): number | undefined {
  const date = new Date(0)
  // Unlike `Date.UTC`, this takes years below 100 as they are.
  date.setUTCFullYear(year, month - 1, day)
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day ? date.getTime() / 1000 : undefined
}

/** Negative, zero or positive, as for sorting. */
export function compareInstants(a: Instant, b: Instant): number {
  if (a.seconds !== b.seconds) return a.seconds - b.seconds
  if (a.fraction === b.fraction) return 0
  return a.fraction < b.fraction ? -1 : 1
}
