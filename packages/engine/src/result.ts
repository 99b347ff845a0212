import type { FlagValue } from './context.ts'

/** What an evaluation answers: the published `evaluation-result.json` schema. */
export interface EvaluationResult {
  flags: Record<string, FlagResult>
  /** The segments that match, in the order of the context. */
  segments: SegmentResult[]
}

export interface FlagResult {
  name: string
  enabled: boolean
  value: FlagValue
  /** `DEFAULT`, `TARGETING_MATCH; segment=<name>` or `SPLIT; weight=<per cent>`. */
  reason: string
  /** Null unless a split applied: a variant's key (null when it has none) or `control`. */
  variant: string | null
  metadata?: Record<string, unknown>
}

export interface SegmentResult {
  name: string
  metadata?: Record<string, unknown>
}
