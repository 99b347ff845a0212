const daysMax = 366

/** Why a personal token may not be good until then; undefined: it may. */
export function whyNotUntil(expiresAt: Date, at: Date): string | undefined {
  const days = (expiresAt.getTime() - at.getTime()) / 86_400_000
  if (days <= 0) return 'This is in the past.'
  if (days > daysMax) return 'A personal token is good for a year at most.'
  return undefined
}
