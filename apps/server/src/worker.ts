import type { JobName } from './changes/reactions.ts'
import { purgeDeleted } from './deletions/purge-deleted.ts'
import { removeIdentityOverrides } from './identity-overrides/commands.ts'
import { startWorker, type JobHandler, type JobWorker } from './runtime/jobs.ts'
import { mailPasswordReset } from './passwords/commands.ts'
import { createMailDelivery } from './runtime/mail.ts'
import type { Runtime } from './runtime/runtime.ts'

/** Starts working jobs. Every name that a change can enqueue has its handler here; a missing one is a type error. */
export function startJobs(runtime: Runtime): JobWorker {
  const handlers: Record<JobName, JobHandler> = {
    remove_identity_overrides: (payload) => removeIdentityOverrides(runtime.control, payload),
    mail_password_reset: (payload) => mailPasswordReset(runtime.control, payload, runtime.config),
    send_mail: createMailDelivery(runtime),
    purge_deleted: () => purgeDeleted(runtime),
  }
  return startWorker(runtime.control, handlers, { log: runtime.log, now: runtime.now })
}
