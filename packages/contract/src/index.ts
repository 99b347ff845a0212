import { audit } from './admin/audit.ts'
import { deletions } from './admin/deletions.ts'
import { environmentApiKeys } from './admin/environment-api-keys.ts'
import { environmentDocument } from './admin/environment-document.ts'
import { environments } from './admin/environments.ts'
import { personalData } from './admin/personal-data.ts'
import { explanations } from './admin/explanations.ts'
import { featureFiles } from './admin/feature-files.ts'
import { featureSegments } from './admin/feature-segments.ts'
import { featureStates } from './admin/feature-states.ts'
import { featureVersions, versionStates } from './admin/feature-versions.ts'
import { features } from './admin/features.ts'
import { flagUpdates, manyFlags, wholeFlags } from './admin/flag-updates.ts'
import {
  environmentGroupPermissions,
  environmentUserPermissions,
  organisationGroupPermissions,
  organisationUserPermissions,
  projectGroupPermissions,
  projectUserPermissions,
} from './admin/grants.ts'
import { groups } from './admin/groups.ts'
import { identities } from './admin/identities.ts'
import { identityOverrides } from './admin/identity-overrides.ts'
import { identityTraits } from './admin/identity-traits.ts'
import { inviteLinks, invites } from './admin/invites.ts'
import { masterApiKeys } from './admin/master-api-keys.ts'
import { members } from './admin/members.ts'
import { organisations } from './admin/organisations.ts'
import { permissionViews } from './admin/permissions.ts'
import { passwords } from './admin/passwords.ts'
import { personalTokens } from './admin/personal-tokens.ts'
import { projects } from './admin/projects.ts'
import { secondFactors } from './admin/second-factors.ts'
import {
  roleEnvironmentPermissions,
  roleGroups,
  roleMasterApiKeys,
  roleOrganisationPermissions,
  roleProjectPermissions,
  roles,
  roleUsers,
} from './admin/roles.ts'
import { scheduledChanges, versioning } from './admin/scheduled-changes.ts'
import { segmentMembers } from './admin/segment-members.ts'
import { segments } from './admin/segments.ts'
import { sessions } from './admin/sessions.ts'
import { tags } from './admin/tags.ts'
import { staleFeatures } from './admin/stale-features.ts'
import { transfers } from './admin/transfers.ts'
import { usage } from './admin/usage.ts'
import { trustRelationships } from './admin/trust-relationships.ts'
import { users } from './admin/users.ts'
import { valueSchemas } from './admin/value-schemas.ts'
import { variants } from './admin/variants.ts'
import { environmentWebhooks, organisationWebhooks, webhookTests } from './admin/webhooks.ts'

export { restorableDays, type DeletedKind } from './admin/deletions.ts'
export { ownOperators, segmentRule, type SegmentRule, type WrittenRule } from './admin/segments.ts'
export { newPassword } from './admin/passwords.ts'
export * from './changes.ts'
export * from './endpoint.ts'
export { isOverHundred, type FeatureValue, type ValueType } from './feature-value.ts'
export * from './export-file.ts'
export { featureFileDays } from './admin/feature-files.ts'
export type { FeatureInFile } from './feature-file.ts'
export * from './field-errors.ts'
export * from './openapi.ts'
export * from './page.ts'
export * from './permissions.ts'
export * from './problem.ts'
export * from './sdk/endpoint.ts'
export * from './sdk/endpoints.ts'
export * from './sdk/limits.ts'
export { isLongerThan } from './sdk/text.ts'
export { traitKeyLengthMax, traitTextLengthMax } from './sdk/traits.ts'

/** Every noun of the admin API. */
export const api = {
  users,
  passwords,
  secondFactors,
  sessions,
  personalTokens,
  organisations,
  members,
  invites,
  inviteLinks,
  masterApiKeys,
  trustRelationships,
  permissionViews,
  organisationUserPermissions,
  organisationGroupPermissions,
  projectUserPermissions,
  projectGroupPermissions,
  environmentUserPermissions,
  environmentGroupPermissions,
  groups,
  roles,
  roleUsers,
  roleGroups,
  roleMasterApiKeys,
  roleOrganisationPermissions,
  roleProjectPermissions,
  roleEnvironmentPermissions,
  projects,
  environments,
  environmentApiKeys,
  environmentDocument,
  tags,
  features,
  variants,
  valueSchemas,
  featureStates,
  segments,
  featureSegments,
  featureVersions,
  versionStates,
  scheduledChanges,
  versioning,
  flagUpdates,
  wholeFlags,
  manyFlags,
  identities,
  identityTraits,
  identityOverrides,
  personalData,
  explanations,
  segmentMembers,
  audit,
  environmentWebhooks,
  organisationWebhooks,
  webhookTests,
  usage,
  staleFeatures,
  transfers,
  featureFiles,
  deletions,
}
