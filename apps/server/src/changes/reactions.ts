import type { ChangeType } from '@halyard/contract'

export type JobName = 'remove_identity_overrides' | 'send_mail'

/** Durable consequences: a job of this name is enqueued with each change of this type. The worker must know every one. */
export const reactions: Partial<Record<ChangeType, readonly JobName[]>> = {
  'identity.deleted': ['remove_identity_overrides'],
}
