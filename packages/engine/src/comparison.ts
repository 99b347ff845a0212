import type { ContextValue } from './cast.ts'

/** An operator with its operand, ready to be asked. A kind of value it does not take is answered by `never`. */
export interface Comparison {
  readonly text: (value: string) => boolean
  readonly integer: (value: number | bigint) => boolean
  readonly decimal: (value: number) => boolean
  readonly boolean: (value: boolean) => boolean
  /** The answer when the property is not set. */
  readonly unset: boolean
}

/** An operand parsed once. A `problem` says why the condition can never do what it was written for. */
export interface Parsed {
  comparison: Comparison
  problem?: string
  /** The threshold of a PERCENTAGE_SPLIT, in per cent, for whoever explains. */
  threshold?: number
}

export function never(): boolean {
  return false
}

/** Always the same fields in the same order, so that the engine beneath can treat every comparison alike. */
export function comparison(takes: Partial<Comparison>): Comparison {
  return {
    text: takes.text ?? never,
    integer: takes.integer ?? never,
    decimal: takes.decimal ?? never,
    boolean: takes.boolean ?? never,
    unset: takes.unset ?? false,
  }
}

export function holds(asked: Comparison, value: ContextValue): boolean {
  if (typeof value === 'string') return asked.text(value)
  if (typeof value === 'number') return Number.isInteger(value) ? asked.integer(value) : asked.decimal(value)
  if (typeof value === 'boolean') return asked.boolean(value)
  if (value === undefined) return asked.unset
  return typeof value === 'bigint' ? asked.integer(value) : asked.decimal(value.decimal)
}

export function malformed(problem: string): Parsed {
  return { comparison: comparison({}), problem }
}
