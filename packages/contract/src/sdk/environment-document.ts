import * as z from 'zod'

const flagValue = z.union([z.string(), z.number(), z.boolean()]).nullable()

const condition = z.object({ operator: z.string(), property_: z.string().nullable(), value: z.string().nullable() })

const rule = z
  .object({
    type: z.enum(['ALL', 'ANY', 'NONE']),
    get rules() {
      return z.array(rule)
    },
    conditions: z.array(condition),
  })
  .meta({ id: 'DocumentRule' })

const featureState = z.object({
  feature: z.object({ id: z.number().int(), name: z.string(), type: z.enum(['STANDARD', 'MULTIVARIATE']) }),
  enabled: z.boolean(),
  feature_state_value: flagValue,
  featurestate_uuid: z.string(),
  django_id: z.number().int().nullable().describe('What variants are hashed with; the same across edits.'),
  feature_segment: z.object({ priority: z.number().int().nullable().describe('Lower is stronger.') }).nullable(),
  multivariate_feature_state_values: z.array(
    z.object({
      id: z.number().int().nullable(),
      mv_fs_value_uuid: z.string(),
      percentage_allocation: z.number().min(0).max(100),
      multivariate_feature_option: z.object({ id: z.number().int(), key: z.string().nullable(), value: flagValue }),
    }),
  ),
})

const identityOverride = z.object({
  identifier: z.string(),
  identity_features: z.array(featureState),
  identity_traits: z.array(z.never()),
  identity_uuid: z.string(),
  environment_api_key: z.string(),
  created_date: z.string(),
  composite_key: z.string(),
  django_id: z.number().int().nullable(),
  dashboard_alias: z.null(),
})

const project = z.object({
  id: z.number().int(),
  name: z.string(),
  hide_disabled_flags: z.boolean().describe('The effective value: the environment’s, or else the project’s.'),
  enable_realtime_updates: z.boolean(),
  server_key_only_feature_ids: z.array(z.number().int()),
  organisation: z.object({
    id: z.number().int(),
    name: z.string(),
    feature_analytics: z.boolean(),
    stop_serving_flags: z.boolean(),
    persist_trait_data: z.boolean(),
  }),
  segments: z.array(z.object({ id: z.number().int(), name: z.string(), rules: z.array(rule), feature_states: z.array(featureState) })),
})

const alwaysNull = z.null().describe('Integrations are never published.')

export const environmentDocument = z.object({
  id: z.number().int(),
  api_key: z.string(),
  name: z.string(),
  updated_at: z.string(),
  allow_client_traits: z.boolean(),
  hide_sensitive_data: z.boolean(),
  hide_disabled_flags: z.boolean().nullable(),
  use_identity_composite_key_for_hashing: z.boolean(),
  use_identity_overrides_in_local_eval: z.boolean(),
  project,
  feature_states: z.array(featureState),
  identity_overrides: z.array(identityOverride),
  amplitude_config: alwaysNull,
  heap_config: alwaysNull,
  mixpanel_config: alwaysNull,
  rudderstack_config: alwaysNull,
  segment_config: alwaysNull,
  webhook_config: alwaysNull,
})

export const environmentDocumentHeaders = z.object({
  'if-modified-since': z.string().optional().describe('Answered with 304 when the document is not newer.'),
  'if-unmodified-since': z.string().optional().describe('Answered with 412 when the document is newer.'),
})
