import { invalid } from '@halyard/contract'

export type Interval = 'day' | 'hour'

export interface Range {
  readonly from: Date
  readonly to: Date
  readonly interval: Interval
}

export interface AskedRange {
  readonly from?: Date | undefined
  readonly to?: Date | undefined
  readonly interval?: Interval
  readonly period?: 'current_billing_period' | 'previous_billing_period' | '90_day_period' | number | undefined
}

const dayMs = 86_400_000
const longestDays: Record<Interval, number> = { day: 366, hour: 31 }

const monthOf = (at: Date, offset: number) => new Date(Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + offset, 1))
const daysBefore = (at: Date, days: number) => new Date(at.getTime() - days * dayMs)

/** The range that was asked for, the period counting when no instants are given; 400 for one that is empty or too long. */
export function readRange({ from, to, interval = 'day', period }: AskedRange, now: Date): Range {
  const range = { interval, ...(from || to ? instantsOf(from, to, now) : periodOf(period, now)) }
  if (range.from >= range.to) throw invalid({ from: ['Ensure this instant is before “to”.'] })
  if (range.to.getTime() - range.from.getTime() > longestDays[interval] * dayMs)
    throw invalid({ from: [`Ask for at most ${longestDays[interval]} days by the ${interval}.`] })
  return range
}

const instantsOf = (from: Date | undefined, to: Date | undefined, now: Date) => ({ from: from ?? daysBefore(to ?? now, 30), to: to ?? now })

function periodOf(period: AskedRange['period'], now: Date): { from: Date; to: Date } {
  if (period === 'current_billing_period') return { from: monthOf(now, 0), to: now }
  if (period === 'previous_billing_period') return { from: monthOf(now, -1), to: monthOf(now, 0) }
  return { from: daysBefore(now, period === '90_day_period' ? 90 : (period ?? 30)), to: now }
}
