/**
 * Every kind of change there is. `touches`: whose flags may come out differently (`document`), or nobody's (`nothing`).
 * `streams`: whether SDKs that listen are told; one identity's override must not make ten thousand clients ask again.
 */
const changeTypes = {
  'organisation.created': { touches: 'nothing', streams: false, sentence: 'created the organisation' },
  'organisation.updated': { touches: 'document', streams: true, sentence: 'changed the organisation’s settings' },
  'organisation.deleted': { touches: 'document', streams: true, sentence: 'deleted the organisation' },
  'user.created': { touches: 'nothing', streams: false, sentence: 'signed up' },
  'user.updated': { touches: 'nothing', streams: false, sentence: 'changed their profile' },
  'user.signed_in': { touches: 'nothing', streams: false, sentence: 'signed in' },
  'user.signed_out': { touches: 'nothing', streams: false, sentence: 'signed out' },
  'user.deleted': { touches: 'nothing', streams: false, sentence: 'deleted their account' },
  'user.email_changed': { touches: 'nothing', streams: false, sentence: 'changed their e-mail address' },
  'user.password_changed': { touches: 'nothing', streams: false, sentence: 'chose a new password' },
  'user.password_reset_requested': { touches: 'nothing', streams: false, sentence: 'asked for a new password' },
  'user.second_factor_enabled': { touches: 'nothing', streams: false, sentence: 'turned two-factor authentication on' },
  'user.second_factor_disabled': { touches: 'nothing', streams: false, sentence: 'turned two-factor authentication off' },
  'user.second_factor_started': { touches: 'nothing', streams: false, sentence: 'began to set up two-factor authentication' },
  'session.ended': { touches: 'nothing', streams: false, sentence: 'ended a session' },
  'personal_token.created': { touches: 'nothing', streams: false, sentence: 'created a personal token' },
  'personal_token.deleted': { touches: 'nothing', streams: false, sentence: 'deleted a personal token' },
  'installation.set_up': { touches: 'nothing', streams: false, sentence: 'set up this installation' },
  'master_api_key.created': { touches: 'nothing', streams: false, sentence: 'created an API key' },
  'master_api_key.updated': { touches: 'nothing', streams: false, sentence: 'changed an API key' },
  'master_api_key.deleted': { touches: 'nothing', streams: false, sentence: 'deleted an API key' },
  'trust_relationship.created': { touches: 'nothing', streams: false, sentence: 'created a trust relationship' },
  'trust_relationship.updated': { touches: 'nothing', streams: false, sentence: 'changed a trust relationship' },
  'trust_relationship.deleted': { touches: 'nothing', streams: false, sentence: 'deleted a trust relationship' },
  'trust_relationship.token_issued': { touches: 'nothing', streams: false, sentence: 'signed in by a trust relationship' },
  'project.created': { touches: 'document', streams: true, sentence: 'created the project' },
  'project.updated': { touches: 'document', streams: true, sentence: 'changed the project’s settings' },
  'project.deleted': { touches: 'document', streams: true, sentence: 'deleted the project' },
  'project.restored': { touches: 'document', streams: true, sentence: 'restored the project' },
  'project.purged': { touches: 'nothing', streams: false, sentence: 'removed the project for good' },
  'environment.created': { touches: 'document', streams: true, sentence: 'created the environment' },
  'environment.updated': { touches: 'document', streams: true, sentence: 'changed the environment’s settings' },
  'environment.deleted': { touches: 'document', streams: true, sentence: 'deleted the environment' },
  'environment.first_evaluated': { touches: 'nothing', streams: false, sentence: 'asked for flags for the first time' },
  'environment.restored': { touches: 'document', streams: true, sentence: 'restored the environment' },
  'environment.purged': { touches: 'nothing', streams: false, sentence: 'removed the environment for good' },
  'environment.key_rotated': { touches: 'keys', streams: false, sentence: 'changed the client-side key' },
  'environment_api_key.created': { touches: 'keys', streams: false, sentence: 'created a server-side key' },
  'environment_api_key.updated': { touches: 'keys', streams: false, sentence: 'changed a server-side key' },
  'environment_api_key.deleted': { touches: 'keys', streams: false, sentence: 'deleted a server-side key' },
  'tag.created': { touches: 'nothing', streams: false, sentence: 'created a tag' },
  'tag.updated': { touches: 'nothing', streams: false, sentence: 'changed a tag' },
  'tag.deleted': { touches: 'nothing', streams: false, sentence: 'deleted a tag' },
  'feature.created': { touches: 'document', streams: true, sentence: 'created a feature' },
  'feature.updated': { touches: 'document', streams: true, sentence: 'changed a feature' },
  'feature.deleted': { touches: 'document', streams: true, sentence: 'deleted a feature' },
  'feature.restored': { touches: 'document', streams: true, sentence: 'restored a feature' },
  'feature.purged': { touches: 'nothing', streams: false, sentence: 'removed a feature for good' },
  'variant.created': { touches: 'document', streams: true, sentence: 'added a variant' },
  'variant.updated': { touches: 'document', streams: true, sentence: 'changed a variant' },
  'variant.deleted': { touches: 'document', streams: true, sentence: 'deleted a variant' },
  'feature_state.updated': { touches: 'document', streams: true, sentence: 'changed a feature’s state' },
  'segment.created': { touches: 'document', streams: true, sentence: 'created a segment' },
  'segment.updated': { touches: 'document', streams: true, sentence: 'changed a segment' },
  'segment.deleted': { touches: 'document', streams: true, sentence: 'deleted a segment' },
  'segment.restored': { touches: 'document', streams: true, sentence: 'restored a segment' },
  'segment.purged': { touches: 'nothing', streams: false, sentence: 'removed a segment for good' },
  'segment_override.created': { touches: 'document', streams: true, sentence: 'added a segment override' },
  'segment_override.updated': { touches: 'document', streams: true, sentence: 'changed a segment override' },
  'segment_override.deleted': { touches: 'document', streams: true, sentence: 'removed a segment override' },
  'segment_override.reordered': { touches: 'document', streams: true, sentence: 'reordered segment overrides' },
  'identity.created': { touches: 'nothing', streams: false, sentence: 'created an identity' },
  'identity.updated': { touches: 'nothing', streams: false, sentence: 'changed an identity’s traits' },
  'identity.deleted': { touches: 'document', streams: false, sentence: 'deleted an identity' },
  'identity_override.created': { touches: 'document', streams: false, sentence: 'added an identity override' },
  'identity_override.updated': { touches: 'document', streams: false, sentence: 'changed an identity override' },
  'webhook.created': { touches: 'nothing', streams: false, sentence: 'added a webhook' },
  'webhook.updated': { touches: 'nothing', streams: false, sentence: 'changed a webhook' },
  'webhook.deleted': { touches: 'nothing', streams: false, sentence: 'deleted a webhook' },
  'webhook.disabled': { touches: 'nothing', streams: false, sentence: 'turned off a webhook that cannot be reached' },
  'webhook.replayed': { touches: 'nothing', streams: false, sentence: 'sent again what a webhook was sent' },
  'identity_override.deleted': { touches: 'document', streams: false, sentence: 'removed an identity override' },
} as const satisfies Record<string, ChangeKind>

interface ChangeKind {
  /** `keys`: which keys open the environment, not what they show. */
  readonly touches: 'document' | 'keys' | 'nothing'
  readonly streams: boolean
  /** Follows the actor's name: “Ada created a feature”. */
  readonly sentence: string
}

export type ChangeType = keyof typeof changeTypes
export const changes: Readonly<Record<ChangeType, ChangeKind>> = changeTypes
