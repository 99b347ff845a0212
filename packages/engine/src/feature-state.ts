import type { FlagValue } from './context.ts'
import type { VariantRange } from './explanation.ts'
import { percentageOf } from './percentage.ts'
import type { FlagResult } from './result.ts'
import type { Subject } from './subject.ts'

/** One way a feature can be: the environment's default, or the override of a segment or an identity. */
export interface FeatureState<Origin> {
  readonly name: string
  /** The seed of the hash that picks among the variants. */
  readonly key: string
  readonly enabled: boolean
  readonly value: FlagValue
  /** Lower is stronger; missing is infinite. */
  readonly priority: number
  readonly variants: readonly VariantRange[]
  readonly metadata: Record<string, unknown> | undefined
  /** What it was read from. */
  readonly origin: Origin
}

export interface UnorderedVariant {
  value: FlagValue
  key: unknown
  weight: unknown
  /** Ascending; a bigint when it comes from a UUID. Anything else is last. */
  priority: unknown
}

export function arrangeVariants(unordered: UnorderedVariant[]): VariantRange[] {
  const ordered = unordered
    .map((variant) => ({ ...variant, priority: comparablePriority(variant.priority) }))
    .sort((a, b) => compare(a.priority, b.priority))
  let to = 0
  return ordered.map(({ value, key, weight: share }) => {
    const weight = typeof share === 'number' && !Number.isNaN(share) ? share : 0
    const from = to
    to += weight
    return { variant: typeof key === 'string' ? key : null, value, weight, from, to }
  })
}

export function numericPriority(priority: unknown): number {
  return typeof priority === 'number' && !Number.isNaN(priority) ? priority : Infinity
}

export function compare(a: number | bigint, b: number | bigint): number {
  if (a < b) return -1
  return a > b ? 1 : 0
}

function comparablePriority(priority: unknown): number | bigint {
  return typeof priority === 'bigint' ? priority : numericPriority(priority)
}

/** Everything one state can answer. There are finitely many, so they can be made ahead and shared. */
export interface Outcomes<Flag> {
  readonly seed: string
  /** Without variants, or without anybody to split. */
  readonly plain: Flag
  /** Nobody's variant: the same value, but known to come from a split. */
  readonly control: Flag
  readonly variants: readonly { readonly from: number; readonly to: number; readonly flag: Flag }[]
}

/** What a state answers for one outcome of the split; null when there was none. `because` is the reason when no variant is chosen. */
export function flagResult(state: FeatureState<unknown>, because: string, split: VariantRange | 'control' | null): FlagResult {
  const { name, enabled, metadata } = state
  const isVariant = split !== null && split !== 'control'
  const value = isVariant ? split.value : state.value
  const reason = isVariant ? `SPLIT; weight=${split.weight}` : because
  const variant = isVariant ? split.variant : split
  // Written out, because spreading costs more than all the rest.
  return metadata ? { name, enabled, value, reason, variant, metadata } : { name, enabled, value, reason, variant }
}

export function outcomesOf<Flag>(state: FeatureState<unknown>, because: string, make: (result: FlagResult) => Flag): Outcomes<Flag> {
  const plain = make(flagResult(state, because, null))
  return {
    seed: state.key,
    plain,
    control: state.variants.length === 0 ? plain : make(flagResult(state, because, 'control')),
    variants: state.variants.map((range) => ({ from: range.from, to: range.to, flag: make(flagResult(state, because, range)) })),
  }
}

export function pickOutcome<Flag>(outcomes: Outcomes<Flag>, { key, keyPrefix }: Subject): Flag {
  if (outcomes.variants.length === 0 || key === undefined) return outcomes.plain
  return rangeHolding(outcomes.variants, percentageOf(outcomes.seed, key, keyPrefix))?.flag ?? outcomes.control
}

export function rangeHolding<Range extends { readonly from: number; readonly to: number }>(
  ranges: readonly Range[],
  bucket: number,
): Range | undefined {
  for (const range of ranges) {
    if (range.from <= bucket && bucket < range.to) return range
  }
  return undefined
}
