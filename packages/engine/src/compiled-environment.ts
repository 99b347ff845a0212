import type { FlagValue, TraitValue } from './context.ts'
import type { EnvironmentDocument, FeatureDocument, FeatureStateDocument } from './environment-document.ts'
import type { Explanation } from './explanation.ts'
import type { FlagResult, SegmentResult } from './result.ts'

/** An environment document made ready: once per revision, then shared by every evaluation. Never changes. */
export interface CompiledEnvironment {
  readonly document: EnvironmentDocument
  /** Conditions that can never match, with the reason: unsupported regular expressions, malformed numbers and versions. */
  readonly problems: readonly ConditionProblem[]
  /** What somebody unknown gets: defaults only, control values, no segments. In the order of the document. */
  readonly environmentFlags: readonly Flag[]
  environmentFlag(name: string): Flag | undefined
  /** Every flag of an identity, in the order of the document. */
  flagsFor(identity: Identity): Flag[]
  flagFor(identity: Identity, name: string): Flag | undefined
  /** The segments an identity is in, in the order of the document. */
  segmentsFor(identity: Identity): SegmentResult[]
  isInSegment(identity: Identity, segmentId: number): boolean
  explain(identity: Identity, name?: string): Explanation
  /** For engines that know only upstream's operators. Made once. */
  exported(): ExportedDocument
}

/** A document in words that every official SDK knows. What it holds answers alike there; what cannot is not in it. */
export interface ExportedDocument {
  readonly document: EnvironmentDocument
  readonly leftOut: readonly LeftOutSegment[]
}

export interface LeftOutSegment {
  readonly segmentId: number
  readonly segmentName: string
  readonly reason: string
}

/** Somebody to evaluate for. Without an identifier only traits count: nothing that hashes an identity can match. */
export interface Identity {
  identifier?: string
  /** What percentages hash on; `{environment key}_{identifier}` when missing. */
  key?: string
  traits?: Readonly<Record<string, TraitValue>> | ReadonlyMap<string, TraitValue>
}

/**
 * One possible outcome for one feature. There are finitely many (each state, each of its variants), they are made when the
 * environment is compiled and shared, so a caller may keep what it derives from one (such as encoded bytes) in a `WeakMap`.
 */
export interface Flag extends Readonly<FlagResult> {
  readonly value: FlagValue
  readonly feature: FeatureDocument
  /** The state that won. */
  readonly state: FeatureStateDocument
  readonly source: 'environment' | 'segment' | 'identity'
}

export interface ConditionProblem {
  segmentId: number
  segmentName: string
  /** Where in the segment, such as `rules[0].rules[1].conditions[2]`. */
  path: string
  reason: string
}
