/**
 * Seconds with a fraction, as the header and as the number in stream events: clients compare the two, and some (Flutter) take
 * a number without a fraction for none at all.
 */
export const unixSeconds = (instant: Date) => (instant.getTime() / 1000).toFixed(3)

export const wholeSeconds = (instant: Date) => Math.floor(instant.getTime() / 1000)

/** The instant of an HTTP date in whole seconds; undefined for anything else, which conditional requests then ignore. */
export function readHttpDate(text: string): number | undefined {
  if (!/^[A-Z][a-z]{2,8},? .{14,24}$/.test(text)) return undefined
  // The oldest of the three forms (asctime) has no zone, and would be read as local time.
  const instant = Date.parse(text.endsWith(' GMT') ? text : `${text} GMT`)
  return Number.isNaN(instant) ? undefined : Math.floor(instant / 1000)
}
