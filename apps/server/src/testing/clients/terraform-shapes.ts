import * as z from 'zod'

// What the replies of the reference hold that Terraform's client reads, or may: more may be there.

const id = z.int().positive()
const instant = z.iso.datetime()
const text = z.string()
const textOrNull = text.nullable()
const yesOrNo = z.boolean()

const typedValue = z.object({
  type: z.enum(['int', 'unicode', 'bool']),
  string_value: textOrNull,
  integer_value: z.int().nullable(),
  boolean_value: yesOrNo.nullable(),
})
const stateFields = {
  id,
  uuid: z.uuid(),
  enabled: yesOrNo,
  feature: id,
  environment: id,
  multivariate_feature_state_values: z.array(
    z.object({ id, multivariate_feature_option: id, percentage_allocation: z.number().min(0).max(100) }),
  ),
  created_at: instant,
  updated_at: instant,
  live_from: instant.nullable(),
  version: z.int().nullable(),
  change_request: z.null(),
  deleted_at: z.null(),
  environment_feature_version: text.nullable(),
}
export const typedState = z.object({
  ...stateFields,
  feature_state_value: typedValue,
  feature_segment: id.nullable(),
  identity: z.int().nullable(),
})
export const plainState = z.object({
  ...stateFields,
  feature_state_value: z.union([text, z.int(), yesOrNo, z.null()]),
  feature_segment: id.nullable(),
  identity: z.object({ id: z.int(), identifier: text }).nullable(),
})
export const organisation = z.object({
  id,
  uuid: z.uuid(),
  name: text,
  created_date: instant,
  webhook_notification_email: textOrNull,
  num_seats: z.int(),
  role: textOrNull,
  persist_trait_data: yesOrNo,
  block_access_to_admin: yesOrNo,
  restrict_project_create_to_admin: yesOrNo,
  force_2fa: yesOrNo,
})
export const user = z.object({ id, uuid: z.uuid(), email: text, first_name: text, last_name: text, role: text, date_joined: instant })
export const project = z.object({
  id,
  uuid: z.uuid(),
  name: text,
  organisation: id,
  hide_disabled_flags: yesOrNo,
  prevent_flag_defaults: yesOrNo,
  enable_realtime_updates: yesOrNo,
  only_allow_lower_case_feature_names: yesOrNo,
  feature_name_regex: textOrNull,
  enforce_feature_owners: yesOrNo,
  stale_flags_limit_days: z.int(),
  minimum_change_request_approvals: z.int().nullable(),
  enable_dynamo_db: yesOrNo,
  use_edge_identities: yesOrNo,
  migration_status: text,
  edge_v2_migration_status: text,
  show_edge_identity_overrides_for_feature: yesOrNo,
  total_features: z.int(),
  total_segments: z.int(),
})
export const environment = z.object({
  id,
  uuid: z.uuid(),
  name: text,
  api_key: text.min(1),
  description: textOrNull,
  project: id,
  minimum_change_request_approvals: z.int().nullable(),
  allow_client_traits: yesOrNo,
  banner_text: textOrNull,
  banner_colour: textOrNull,
  hide_disabled_flags: yesOrNo.nullable(),
  use_mv_v2_evaluation: yesOrNo,
  use_identity_composite_key_for_hashing: yesOrNo,
  hide_sensitive_data: yesOrNo,
  use_v2_feature_versioning: yesOrNo,
  use_identity_overrides_in_local_eval: yesOrNo,
  is_creating: yesOrNo,
  metadata: z.array(z.unknown()),
})
export const serverKey = z.object({
  id,
  key: text.startsWith('ser.'),
  name: text,
  active: yesOrNo,
  created_at: instant,
  expires_at: instant.nullable(),
})
export const variant = z.object({ id, uuid: z.uuid(), feature: id, ...typedValue.shape, default_percentage_allocation: z.number() })
export const feature = z.object({
  id,
  uuid: z.uuid(),
  name: text,
  type: z.enum(['STANDARD', 'MULTIVARIATE']),
  description: textOrNull,
  initial_value: textOrNull,
  default_enabled: yesOrNo,
  is_archived: yesOrNo,
  is_server_key_only: yesOrNo,
  created_date: instant,
  project: id,
  tags: z.array(id),
  owners: z.array(z.object({ id, email: text, first_name: text, last_name: text })),
  group_owners: z.array(z.object({ id, name: text })),
  multivariate_options: z.array(variant.omit({ feature: true })),
  metadata: z.array(z.unknown()),
})
const rule = z.object({
  type: z.enum(['ALL', 'ANY', 'NONE']),
  conditions: z.array(z.object({ operator: text, property: text, value: textOrNull })),
  get rules() {
    return z.array(rule)
  },
})
export const segment = z.object({
  id,
  uuid: z.uuid(),
  name: text,
  description: textOrNull,
  project: id,
  feature: id.nullable(),
  rules: z.array(rule).min(1),
  version: z.int(),
  version_of: id,
  metadata: z.array(z.unknown()),
})
export const place = z.object({ id, uuid: z.uuid(), feature: id, segment: id, environment: id, priority: z.int(), segment_name: text })
export const tag = z.object({
  id,
  uuid: z.uuid(),
  label: text,
  color: text,
  description: textOrNull,
  project: id,
  is_permanent: yesOrNo,
  is_system_tag: yesOrNo,
  type: text,
})
export const identity = z.object({ id: z.int(), identifier: text })
