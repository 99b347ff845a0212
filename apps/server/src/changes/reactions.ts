import { restorableDays, type ChangeType } from '@halyard/contract'

export type JobName =
  | 'remove_identity_overrides'
  | 'erase_identity'
  | 'publish_due_versions'
  | 'remove_trait_of_all'
  | 'send_mail'
  | 'mail_password_reset'
  | 'purge_deleted'
  | 'deliver_webhook'
  | 'purge_webhook_deliveries'
  | 'seal_changes'
  | 'purge_idempotency_keys'
  | 'purge_usage'
  | 'purge_feature_files'

/** Durable consequences: a job of this name is enqueued with each change of this type. The worker must know every one. */
export const reactions: Partial<Record<ChangeType, readonly JobName[]>> = {
  'identity.erased': ['erase_identity'],
  'identity.deleted': ['remove_identity_overrides'],
  'trait.deleted': ['remove_trait_of_all'],
  'organisation.deleted': ['purge_deleted'],
  'project.deleted': ['purge_deleted'],
  'environment.deleted': ['purge_deleted'],
  'feature.deleted': ['purge_deleted'],
  'segment.deleted': ['purge_deleted'],
  // What was due while it was deleted.
  'project.restored': ['publish_due_versions'],
  'environment.restored': ['publish_due_versions'],
  'feature.restored': ['publish_due_versions'],
}

/** Jobs that are not due at once but so long after the change; erasing waits for what was under way when it was asked for. */
export const secondsUntil: Partial<Record<JobName, number>> = { purge_deleted: restorableDays * 24 * 60 * 60, erase_identity: 5 }
