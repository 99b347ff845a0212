// Made from the migrated database by `npm run generate`; a test fails when it differs. Do not edit.
import type { ColumnType, Generated } from 'kysely'

/** A jsonb column: unknown until parsed when read, JSON text when written. */
type Json = ColumnType<unknown, string, string>
type NullableJson = ColumnType<unknown, string | null, string | null>

export interface AttemptsTable {
  subject_hash: Buffer
  taken: number
  open_at: Date
  forgotten_at: Date
}

export interface ChangeChainsTable {
  organisation_id: number
  length: number
  hash: Buffer
  signature: string
  sealed_at: ColumnType<Date, Date | string | undefined, Date | string>
}

export interface ChangeSealsTable {
  organisation_id: number
  position: number
  change_id: number
  hash: Buffer
}

export interface ChangesTable {
  id: Generated<number>
  at: Date
  type: string
  organisation_id: number | null
  project_id: number | null
  environment_id: number | null
  subject_id: string | null
  actor_kind: string
  actor_id: number | null
  actor_name: string
  request_id: string | null
  address: string | null
  before: NullableJson
  after: NullableJson
  transaction_id: Generated<string>
  subject_name: string | null
}

export interface DeploymentTable {
  singleton: Generated<boolean>
  epoch: Generated<number>
}

export interface DocumentHistoryTable {
  kind: string
  entity_id: number
  from_at: Date
  until_at: ColumnType<Date, Date | string | undefined, Date | string>
  organisation_id: number | null
  project_id: number | null
  environment_id: number | null
  body: Json
}

export interface EnvironmentApiKeysTable {
  id: Generated<number>
  environment_id: number
  key: string
  name: string
  active: Generated<boolean>
  expires_at: Date | null
  created_at: Date
}

export interface EnvironmentRevisionsTable {
  environment_id: number
  revision: number
  updated_at: Date
  previous_updated_at: Date | null
  streamed_at: Date
}

export interface EnvironmentsTable {
  id: Generated<number>
  uuid: Generated<string>
  project_id: number
  name: string
  description: string | null
  api_key: string
  minimum_change_request_approvals: number | null
  allow_client_traits: Generated<boolean>
  banner_text: string | null
  banner_colour: string | null
  hide_disabled_flags: boolean | null
  use_identity_composite_key_for_hashing: Generated<boolean>
  hide_sensitive_data: Generated<boolean>
  use_identity_overrides_in_local_eval: Generated<boolean>
  created_at: Date
  deleted_at: Date | null
  hash_key: string | null
  use_v2_feature_versioning: Generated<boolean>
}

export interface EvaluatedFeaturesTable {
  environment_id: number
  feature_name: string
  first_evaluated_at: Date
  last_evaluated_at: Date
}

export interface FeatureExportsTable {
  id: Generated<number>
  environment_id: number
  created_at: Date
  file: string
}

export interface FeatureGroupOwnersTable {
  feature_id: number
  group_id: number
}

export interface FeatureImportsTable {
  id: Generated<number>
  environment_id: number
  created_at: Date
  strategy: string
}

export interface FeatureOwnersTable {
  feature_id: number
  user_id: number
}

export interface FeatureSegmentsTable {
  id: Generated<number>
  uuid: Generated<string>
  project_id: number
  environment_id: number
  feature_id: number
  segment_id: number
  priority: number
  removed_at: Date | null
  created_at: Date
}

export interface FeatureStatesTable {
  id: Generated<number>
  uuid: Generated<string>
  project_id: number
  environment_id: number
  feature_id: number
  segment_id: number | null
  identifier: string | null
  enabled: boolean
  value: NullableJson
  variants: ColumnType<unknown, string | undefined, string>
  version: Generated<number>
  feature_version_id: number | null
  live_from: Date
  created_at: Date
  updated_at: Date
  removed_at: Date | null
}

export interface FeatureTagsTable {
  feature_id: number
  tag_id: number
}

export interface FeatureValueSchemasTable {
  feature_id: number
  schema: Json
  updated_at: Date
}

export interface FeatureVersionsTable {
  id: Generated<number>
  uuid: Generated<string>
  environment_id: number
  feature_id: number
  number: number | null
  live_from: Date | null
  author_kind: string
  author_id: number | null
  author_name: string
  comment: string | null
  draft: NullableJson
  drafted_at: Date | null
  saved_at: Date | null
  published_at: Date | null
  publisher_kind: string | null
  publisher_id: number | null
  publisher_name: string | null
  ignore_conflicts: Generated<boolean>
  refusal: NullableJson
}

export interface FeaturesTable {
  id: Generated<number>
  uuid: Generated<string>
  project_id: number
  name: string
  type: Generated<string>
  initial_value: string | null
  default_enabled: Generated<boolean>
  description: string | null
  is_archived: Generated<boolean>
  is_server_key_only: Generated<boolean>
  created_at: Date
  deleted_at: Date | null
}

export interface FirstEvaluationsTable {
  environment_id: number
  at: Date
  sdk_label: string | null
}

export interface FormerClientKeysTable {
  key: string
  environment_id: number
  works_until: Date
  created_at: Date
}

export interface GrantsTable {
  id: Generated<number>
  organisation_id: number
  project_id: number | null
  environment_id: number | null
  user_id: number | null
  group_id: number | null
  role_id: number | null
  is_admin: Generated<boolean>
  permissions: ColumnType<unknown, string | undefined, string>
}

export interface GroupMembersTable {
  organisation_id: number
  group_id: number
  user_id: number
  is_admin: Generated<boolean>
}

export interface GroupsTable {
  id: Generated<number>
  organisation_id: number
  name: string
  is_default: Generated<boolean>
  external_id: string | null
  created_at: Date
}

export interface IdempotencyKeysTable {
  caller: string
  key: string
  fingerprint: Buffer
  reply: string | null
  created_at: ColumnType<Date, Date | string | undefined, Date | string>
}

export interface IdentitiesTable {
  environment_id: number
  bucket: number
  identifier: string
  id: number
  traits: Json
  created_at: Date
  updated_at: Date
  dashboard_alias: string | null
}

export interface IdentityKeysTable {
  pseudonym: Generated<string>
  environment_id: number
  identity_id: number
  identifier: string
  sealed_key: string | null
  erased_at: Date | null
}

export interface IdentitySearchQueueTable {
  environment_id: number
  bucket: number
  identifier: string
}

export interface IdentitySearchWalksTable {
  bucket: Generated<number>
  version: number
  environment_id: number
  identifier: string
  is_finished: Generated<boolean>
}

export interface IdentitySearchesTable {
  environment_id: number
  bucket: number
  identifier: string
  id: number
  folded: string
  terms: number[]
}

export interface InviteGroupsTable {
  organisation_id: number
  invite_id: number
  group_id: number
}

export interface InviteLinksTable {
  id: Generated<number>
  uuid: string
  organisation_id: number
  role: string
  token_hash: Buffer
  expires_at: Date | null
  created_at: Date
}

export interface InvitesTable {
  id: Generated<number>
  uuid: string
  organisation_id: number
  email: string
  role: string
  token_hash: Buffer
  invited_by: number | null
  expires_at: Date
  created_at: Date
}

export interface JobsTable {
  id: Generated<number>
  name: string
  payload: Json
  key: string | null
  run_at: ColumnType<Date, Date | string | undefined, Date | string>
  attempts: Generated<number>
  leased_until: Date | null
  lease_token: string | null
  last_error: string | null
  failed_at: Date | null
  created_at: ColumnType<Date, Date | string | undefined, Date | string>
}

export interface MasterApiKeysTable {
  id: Generated<number>
  organisation_id: number
  prefix: string
  hashed_key: Buffer
  name: string
  is_admin: boolean
  expires_at: Date | null
  revoked_at: Date | null
  created_by: number | null
  created_at: Date
  deleted_at: Date | null
}

export interface OrganisationMembersTable {
  organisation_id: number
  user_id: number
  role: string
  joined_at: Date
}

export interface OrganisationsTable {
  id: Generated<number>
  uuid: Generated<string>
  name: string
  webhook_notification_email: string | null
  persist_trait_data: Generated<boolean>
  stop_serving_flags: Generated<boolean>
  feature_analytics: Generated<boolean>
  force_2fa: Generated<boolean>
  restrict_project_create_to_admin: Generated<boolean>
  created_at: Date
  deleted_at: Date | null
}

export interface PasswordResetsTable {
  token_hash: Buffer
  user_id: number
  expires_at: Date
}

export interface ProjectsTable {
  id: Generated<number>
  uuid: Generated<string>
  organisation_id: number
  name: string
  hide_disabled_flags: Generated<boolean>
  prevent_flag_defaults: Generated<boolean>
  enforce_feature_owners: Generated<boolean>
  only_allow_lower_case_feature_names: Generated<boolean>
  feature_name_regex: string | null
  enable_realtime_updates: Generated<boolean>
  stale_flags_limit_days: Generated<number>
  minimum_change_request_approvals: number | null
  created_at: Date
  changed_at: Date
  deleted_at: Date | null
}

export interface RecoveryCodesTable {
  user_id: number
  code_hash: Buffer
}

export interface RoleAssignmentsTable {
  id: Generated<number>
  organisation_id: number
  role_id: number
  user_id: number | null
  group_id: number | null
  master_api_key_id: number | null
}

export interface RolesTable {
  id: Generated<number>
  organisation_id: number
  name: string
  description: string | null
  tags: Generated<number[]>
  created_at: Date
}

export interface SchemaMigrationsTable {
  store: string
  number: number
  name: string
  checksum: string
  applied_at: ColumnType<Date, Date | string | undefined, Date | string>
}

export interface SdkEventsTable {
  id: Generated<number>
  environment_id: number
  event: string
  feature_name: string | null
  identifier: string | null
  value: NullableJson
  traits: NullableJson
  metadata: NullableJson
  at: Date
  received_at: Date
}

export interface SecondFactorsTable {
  user_id: number
  sealed_secret: string
  confirmed_at: Date | null
  last_step: number | null
  created_at: Date
}

export interface SegmentsTable {
  id: Generated<number>
  uuid: Generated<string>
  project_id: number
  feature_id: number | null
  name: string
  description: string | null
  rules: Json
  version: Generated<number>
  created_at: Date
  updated_at: Date
  deleted_at: Date | null
}

export interface SetupTokensTable {
  token_hash: Buffer
  created_at: Date
}

export interface TagsTable {
  id: Generated<number>
  uuid: Generated<string>
  project_id: number
  label: string
  color: string
  description: string | null
  is_permanent: Generated<boolean>
  is_system_tag: Generated<boolean>
  type: Generated<string>
  created_at: Date
}

export interface TrustRelationshipsTable {
  id: Generated<number>
  organisation_id: number
  master_api_key_id: number
  name: string
  issuer: string
  audience: string
  claim_rules: Json
  created_by: number | null
  created_at: Date
}

export interface UnrecordedEditsTable {
  transaction_id: string
}

export interface UnsealedChangesTable {
  change_id: number
}

export interface UsageCountsTable {
  environment_id: number
  hour: Date
  resource: string
  feature_name: Generated<string>
  user_agent: Generated<string>
  application_name: Generated<string>
  application_version: Generated<string>
  count: number
}

export interface UserTokensTable {
  token_hash: Buffer
  user_id: number
  created_at: Date
  id: Generated<number>
  name: string | null
  expires_at: Date
  used_at: Date | null
  user_agent: string | null
  address: string | null
}

export interface UsersTable {
  id: Generated<number>
  uuid: Generated<string>
  email: string
  password_hash: string
  first_name: string
  last_name: string
  sign_up_type: string | null
  marketing_consent_given: Generated<boolean>
  is_active: Generated<boolean>
  is_superuser: Generated<boolean>
  signed_in_at: Date | null
  created_at: Date
  onboarding: NullableJson
}

export interface VariantsTable {
  id: Generated<number>
  uuid: Generated<string>
  project_id: number
  feature_id: number
  key: string | null
  value: NullableJson
  default_weight: number
  created_at: Date
}

export interface WebhookDeliveriesTable {
  id: Generated<number>
  uuid: Generated<string>
  webhook_id: number
  change_id: number
  environment_id: number | null
  event_type: string
  state: Generated<string>
  body: string | null
  attempts: ColumnType<unknown, string | undefined, string>
  response: string | null
  first_attempt_at: Date | null
  next_attempt_at: ColumnType<Date, Date | string | undefined, Date | string>
  leased_until: Date | null
  created_at: ColumnType<Date, Date | string | undefined, Date | string>
  finished_at: Date | null
}

export interface WebhooksTable {
  id: Generated<number>
  uuid: Generated<string>
  organisation_id: number
  project_id: number | null
  environment_id: number | null
  url: string
  enabled: Generated<boolean>
  format: string
  sealed_secret: string | null
  sealed_former_secret: string | null
  former_secret_until: Date | null
  disabled_reason: string | null
  created_at: Date
  updated_at: Date
}

export interface Tables {
  attempts: AttemptsTable
  change_chains: ChangeChainsTable
  change_seals: ChangeSealsTable
  changes: ChangesTable
  deployment: DeploymentTable
  document_history: DocumentHistoryTable
  environment_api_keys: EnvironmentApiKeysTable
  environment_revisions: EnvironmentRevisionsTable
  environments: EnvironmentsTable
  evaluated_features: EvaluatedFeaturesTable
  feature_exports: FeatureExportsTable
  feature_group_owners: FeatureGroupOwnersTable
  feature_imports: FeatureImportsTable
  feature_owners: FeatureOwnersTable
  feature_segments: FeatureSegmentsTable
  feature_states: FeatureStatesTable
  feature_tags: FeatureTagsTable
  feature_value_schemas: FeatureValueSchemasTable
  feature_versions: FeatureVersionsTable
  features: FeaturesTable
  first_evaluations: FirstEvaluationsTable
  former_client_keys: FormerClientKeysTable
  grants: GrantsTable
  group_members: GroupMembersTable
  groups: GroupsTable
  idempotency_keys: IdempotencyKeysTable
  identities: IdentitiesTable
  identity_keys: IdentityKeysTable
  identity_search_queue: IdentitySearchQueueTable
  identity_search_walks: IdentitySearchWalksTable
  identity_searches: IdentitySearchesTable
  invite_groups: InviteGroupsTable
  invite_links: InviteLinksTable
  invites: InvitesTable
  jobs: JobsTable
  master_api_keys: MasterApiKeysTable
  organisation_members: OrganisationMembersTable
  organisations: OrganisationsTable
  password_resets: PasswordResetsTable
  projects: ProjectsTable
  recovery_codes: RecoveryCodesTable
  role_assignments: RoleAssignmentsTable
  roles: RolesTable
  schema_migrations: SchemaMigrationsTable
  sdk_events: SdkEventsTable
  second_factors: SecondFactorsTable
  segments: SegmentsTable
  setup_tokens: SetupTokensTable
  tags: TagsTable
  trust_relationships: TrustRelationshipsTable
  unrecorded_edits: UnrecordedEditsTable
  unsealed_changes: UnsealedChangesTable
  usage_counts: UsageCountsTable
  user_tokens: UserTokensTable
  users: UsersTable
  variants: VariantsTable
  webhook_deliveries: WebhookDeliveriesTable
  webhooks: WebhooksTable
}
