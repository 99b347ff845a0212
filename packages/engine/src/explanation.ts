import type { FlagValue, TraitValue } from './context.ts'
import type { FlagResult } from './result.ts'

/** Why every flag came out as it did. Plain data: it survives `JSON.stringify` whatever the rules look like. */
export interface Explanation {
  /** Null when nobody was evaluated for. */
  identity: ExplainedIdentity | null
  /** In the order of evaluation; only the named one when a name was given. */
  flags: FlagExplanation[]
  /** Every segment, or only those that override the named feature, in order. */
  segments: SegmentExplanation[]
}

export interface ExplainedIdentity {
  identifier: string | null
  /** What percentages hash on; null when there is nothing to hash. */
  key: string | null
}

export interface FlagExplanation {
  /** Equal to what the evaluation answers. */
  flag: FlagResult
  /** Everything that could decide the flag, strongest first; the environment's default is last. Exactly one won. */
  candidates: CandidateExplanation[]
  split: SplitExplanation
}

export interface CandidateExplanation {
  source: 'environment' | 'segment' | 'identity'
  /** Null unless the source is a segment. */
  segmentKey: string | null
  segmentName: string | null
  /** Lower is stronger. Null for the default (weakest), for an identity's override (strongest), and when missing (weakest). */
  priority: number | null
  enabled: boolean
  value: FlagValue
  outcome: CandidateOutcome
}

export type CandidateOutcome = 'won' | 'segment-did-not-match' | 'weaker-priority' | 'later-of-equal-priority' | 'overridden'

export type SplitExplanation =
  | { applied: false; reason: 'no-variants' | 'no-identity'; ranges: readonly VariantRange[] }
  /** `chosen` is an index into `ranges`; null is the control value. */
  | {
      applied: true
      hashed: string[]
      bucket: number
      chosen: number | null
      ranges: readonly VariantRange[]
    }

/** A variant holds the buckets from `from` (included) to `to` (excluded), in per cent. */
export interface VariantRange {
  /** The variant's key. */
  readonly variant: string | null
  readonly value: FlagValue
  readonly weight: number
  readonly from: number
  readonly to: number
}

export interface SegmentExplanation {
  key: string
  name: string
  matched: boolean
  /** Null when it matched. A segment without rules holds nobody. */
  reason: 'no-rules' | 'rules-did-not-match' | null
  rules: RuleExplanation[]
}

export interface RuleExplanation {
  /** As written; one that is not ALL, ANY or NONE never matches. */
  type: string
  matched: boolean
  conditions: ConditionExplanation[]
  rules: RuleExplanation[]
  /** Sub-rules left out here because they are nested too deep to show. They were evaluated all the same. */
  omittedRules: number
}

export interface ConditionExplanation {
  property: string
  operator: string
  /** As written in the condition. */
  expected: string | string[] | null
  /** Null when the identity does not have the property. */
  actual: ActualValue | null
  passed: boolean
  /** Null when it passed. */
  reason: ConditionFailure | null
  /** What is wrong with the condition itself, in words; null when it is well formed. */
  problem: string | null
  /** Only for a PERCENTAGE_SPLIT that had something to hash. */
  split: { hashed: string[]; bucket: number; threshold: number } | null
}

export interface ActualValue {
  /** As found, before conversion. */
  value: TraitValue
  /** What the operators treated it as: text that looks like a number is compared as one. */
  type: 'text' | 'integer' | 'decimal' | 'boolean'
  /** The converted value as text, exactly as hashed and matched by REGEX and IN. */
  text: string
}

export type ConditionFailure = 'not-set' | 'set' | 'malformed' | 'wrong-type' | 'not-met'
