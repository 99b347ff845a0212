import type { FlagValue, Operator } from './context.ts'

/**
 * Everything that decides the flags of one environment. The names are those of the wire (Flagsmith's environment document),
 * so that a document fetched by an SDK compiles as it is. Fields marked optional are absent in documents made elsewhere.
 */
export interface EnvironmentDocument {
  id: number
  /** The client-side key; part of every identity's hash key. */
  api_key: string
  name: string
  /** ISO 8601 with offset. */
  updated_at: string
  allow_client_traits: boolean
  hide_sensitive_data: boolean
  hide_disabled_flags: boolean | null
  use_identity_composite_key_for_hashing: boolean
  use_identity_overrides_in_local_eval: boolean
  project: ProjectDocument
  /** One per feature: the environment's defaults. */
  feature_states: FeatureStateDocument[]
  identity_overrides: IdentityOverrideDocument[]
}

export interface ProjectDocument {
  id: number
  name: string
  hide_disabled_flags: boolean
  enable_realtime_updates: boolean
  server_key_only_feature_ids: number[]
  organisation: OrganisationDocument
  segments: SegmentDocument[]
}

export interface OrganisationDocument {
  id: number
  name: string
  feature_analytics: boolean
  stop_serving_flags: boolean
  persist_trait_data: boolean
}

export interface SegmentDocument {
  id: number
  name: string
  rules: RuleDocument[]
  /** The overrides of this segment; `feature_segment.priority` orders them against other segments'. */
  feature_states: FeatureStateDocument[]
}

export interface RuleDocument {
  type: 'ALL' | 'ANY' | 'NONE'
  rules: RuleDocument[]
  conditions: ConditionDocument[]
}

export interface ConditionDocument {
  operator: Operator
  property_: string | null
  value: string | null
}

export interface FeatureStateDocument {
  feature: FeatureDocument
  enabled: boolean
  feature_state_value: FlagValue
  featurestate_uuid: string
  /** The id of the feature state's lineage: the hash seed of its variants, constant across edits. */
  django_id: number | null
  feature_segment: { priority: number | null } | null
  multivariate_feature_state_values: VariantDocument[]
}

export interface FeatureDocument {
  id: number
  name: string
  type: 'STANDARD' | 'MULTIVARIATE'
  /** Shown to SDKs beside the flag unless the environment hides sensitive data. */
  created_date?: string
  description?: string | null
  initial_value?: string | null
  default_enabled?: boolean
}

export interface VariantDocument {
  id: number | null
  mv_fs_value_uuid: string
  /** Per cent, 0 to 100. */
  percentage_allocation: number
  multivariate_feature_option: { id: number; key: string | null; value: FlagValue }
}

export interface IdentityOverrideDocument {
  identifier: string
  identity_features: FeatureStateDocument[]
  identity_traits: never[]
  identity_uuid: string
  environment_api_key: string
  created_date: string
  composite_key: string
  django_id: number | null
  dashboard_alias: null
}
