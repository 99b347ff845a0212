/** What an evaluation is made from: the published `evaluation-context.json` schema. */
export interface EvaluationContext {
  environment: EnvironmentContext
  identity?: IdentityContext | null
  /** Keyed by feature name; every key equals the `name` inside. */
  features?: Record<string, FeatureContext>
  /** Keyed by anything; iteration order decides the order of results and of equal priorities. */
  segments?: Record<string, SegmentContext>
}

export interface EnvironmentContext {
  key: string
  name: string
}

export interface IdentityContext {
  identifier: string
  /** What percentages hash on. Missing or empty: `{environment.key}_{identifier}`. */
  key?: string
  traits?: Traits
}

export type TraitValue = string | number | boolean | null
export type Traits = Readonly<Record<string, TraitValue>>

export interface FeatureContext {
  /** The hash seed of the feature state; survives every edit. */
  key: string
  name: string
  enabled: boolean
  value: FlagValue
  variants?: VariantContext[]
  /** Lower is stronger; missing is weakest. */
  priority?: number
  metadata?: Record<string, unknown>
}

export interface VariantContext {
  value: FlagValue
  /** Per cent, 0 to 100. */
  weight: number
  /** Variants are tried in ascending order of this. */
  priority: number
  key?: string
}

export type FlagValue = string | number | boolean | null

export interface SegmentContext {
  key: string
  name: string
  rules: Rule[]
  overrides?: FeatureContext[]
  metadata?: Record<string, unknown>
}

export interface Rule {
  type: 'ALL' | 'ANY' | 'NONE'
  conditions?: Condition[]
  rules?: Rule[]
}

export interface Condition {
  /** A trait's key, or a JSONPath when it begins with `$.`. */
  property: string
  operator: Operator
  /** An array only for `IN`. */
  value: string | string[]
}

export type Operator = UpstreamOperator | OwnOperator

/** Known to every official SDK. */
export type UpstreamOperator =
  | 'EQUAL'
  | 'NOT_EQUAL'
  | 'GREATER_THAN'
  | 'GREATER_THAN_INCLUSIVE'
  | 'LESS_THAN'
  | 'LESS_THAN_INCLUSIVE'
  | 'CONTAINS'
  | 'NOT_CONTAINS'
  | 'REGEX'
  | 'PERCENTAGE_SPLIT'
  | 'MODULO'
  | 'IS_SET'
  | 'IS_NOT_SET'
  | 'IN'

/** Known to this engine alone: documents for official SDKs say them in other words, or leave their segments out. */
export type OwnOperator = 'STARTS_WITH' | 'ENDS_WITH' | 'CONTAINS_IGNORE_CASE' | 'DATE_BEFORE' | 'DATE_AFTER'
