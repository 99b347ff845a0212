import type { FlagValue, TraitValue } from './context.ts'
import type { FlagResult } from './result.ts'

/** Why every flag came out as it did. Plain data: it survives `JSON.stringify` whatever the rules look like. */
export interface Explanation {
  /** Null when nobody was evaluated for. */
  readonly identity: ExplainedIdentity | null
  /** In the order of evaluation; only the named one when a name was given. */
  readonly flags: readonly FlagExplanation[]
  /** Every segment, or only those that override the named feature, in order. */
  readonly segments: readonly SegmentExplanation[]
}

export interface ExplainedIdentity {
  readonly identifier: string | null
  /** What percentages hash on; null when there is nothing to hash. */
  readonly key: string | null
}

export interface FlagExplanation {
  /** Equal to what the evaluation answers. */
  readonly flag: Readonly<FlagResult>
  /** Everything that could decide the flag, strongest first; the environment's default is last. Exactly one won. */
  readonly candidates: readonly CandidateExplanation[]
  readonly split: SplitExplanation
}

export interface CandidateExplanation {
  readonly source: 'environment' | 'segment' | 'identity'
  /** Null unless the source is a segment. */
  readonly segmentKey: string | null
  readonly segmentName: string | null
  /** Lower is stronger. Null for the default (weakest), for an identity's override (strongest), and when missing (weakest). */
  readonly priority: number | null
  readonly enabled: boolean
  readonly value: FlagValue
  readonly outcome: CandidateOutcome
}

export type CandidateOutcome = 'won' | 'segment-did-not-match' | 'weaker-priority' | 'later-of-equal-priority' | 'overridden'

export type SplitExplanation =
  | { readonly applied: false; readonly reason: 'no-variants' | 'no-identity'; readonly ranges: readonly VariantRange[] }
  /** `chosen` is an index into `ranges`; null is the control value. */
  | {
      readonly applied: true
      readonly hashed: readonly string[]
      readonly bucket: number
      readonly chosen: number | null
      readonly ranges: readonly VariantRange[]
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
  readonly key: string
  readonly name: string
  readonly matched: boolean
  /** Null when it matched. A segment without rules holds nobody. */
  readonly reason: 'no-rules' | 'rules-did-not-match' | null
  readonly rules: readonly RuleExplanation[]
}

export interface RuleExplanation {
  /** As written; one that is not ALL, ANY or NONE never matches. */
  readonly type: string
  readonly matched: boolean
  readonly conditions: readonly ConditionExplanation[]
  readonly rules: readonly RuleExplanation[]
  /** Sub-rules left out here because they are nested too deep to show. They were evaluated all the same. */
  readonly omittedRules: number
}

export interface ConditionExplanation {
  readonly property: string
  readonly operator: string
  /** As written in the condition. */
  readonly expected: string | readonly string[] | null
  /** Null when the identity does not have the property. */
  readonly actual: ActualValue | null
  readonly passed: boolean
  /** Null when it passed. */
  readonly reason: ConditionFailure | null
  /** What is wrong with the condition itself, in words; null when it is well formed. */
  readonly problem: string | null
  /** Only for a PERCENTAGE_SPLIT that had something to hash. */
  readonly split: { readonly hashed: readonly string[]; readonly bucket: number; readonly threshold: number } | null
}

export interface ActualValue {
  /** As found, before conversion. */
  readonly value: TraitValue
  /** What the operators treated it as: text that looks like a number is compared as one. */
  readonly type: 'text' | 'integer' | 'decimal' | 'boolean'
  /** The converted value as text, exactly as hashed and matched by REGEX and IN. */
  readonly text: string
}

export type ConditionFailure = 'not-set' | 'set' | 'malformed' | 'wrong-type' | 'not-met'
