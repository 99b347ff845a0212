import { purgeUsage } from './analytics/purge-usage.ts'
import { featureFileDays } from '@halyard/contract'
import type { JobName } from './changes/reactions.ts'
import { sealChanges } from './changes/seal-changes.ts'
import { purgeDeleted } from './deletions/purge-deleted.ts'
import { publishDueVersions } from './feature-versions/publish-due.ts'
import { purgeFeatureFiles } from './feature-files/queries.ts'
import { purgeKeys } from './http/idempotency.ts'
import { removeIdentityOverrides } from './identity-overrides/commands.ts'
import { removeTraitOfAll } from './identity-traits/commands.ts'
import { enqueue, startWorker, type JobHandler, type JobWorker } from './runtime/jobs.ts'
import { mailPasswordReset } from './passwords/commands.ts'
import { createMailDelivery } from './runtime/mail.ts'
import { finishErasure } from './personal-data/commands.ts'
import type { Runtime } from './runtime/runtime.ts'
import { createWebhookDelivery } from './webhooks/deliver.ts'
import { purgeDeliveries } from './webhooks/queries.ts'

// Waiting for other people's servers is most of it: there must be room beside those that do not answer.
const webhooksAtOnce = 48

/** Starts working jobs. Every name that a change can enqueue has its handler here; a missing one is a type error. */
export function startJobs(runtime: Runtime): JobWorker {
  const { control, config, log, now } = runtime
  const handlers: Record<Exclude<JobName, 'deliver_webhook' | 'publish_due_versions'>, JobHandler> = {
    remove_trait_of_all: (payload, { signal }) => removeTraitOfAll({ ...runtime, signal }, payload),
    erase_identity: (payload) => finishErasure(runtime, payload),
    remove_identity_overrides: (payload) => removeIdentityOverrides(control, payload),
    mail_password_reset: (payload) => mailPasswordReset(control, payload, config),
    send_mail: createMailDelivery(runtime),
    purge_deleted: () => purgeDeleted(runtime),
    purge_webhook_deliveries: repeatedly(runtime, { name: 'purge_webhook_deliveries', seconds: 3600 }, () =>
      purgeDeliveries(control, config.webhookDeliveryDays),
    ),
    purge_idempotency_keys: repeatedly(runtime, { name: 'purge_idempotency_keys', seconds: 3600 }, () => purgeKeys(control)),
    purge_usage: repeatedly(runtime, { name: 'purge_usage', seconds: 86_400 }, () => purgeUsage(control, config.usageDays)),
    purge_feature_files: repeatedly(runtime, { name: 'purge_feature_files', seconds: 3600 }, () =>
      purgeFeatureFiles(control, featureFileDays),
    ),
    seal_changes: repeatedly(runtime, { name: 'seal_changes', seconds: 10 }, () => sealChanges(runtime)),
  }
  const webhooks: Record<'deliver_webhook', JobHandler> = { deliver_webhook: createWebhookDelivery(runtime) }
  const schedule: Record<'publish_due_versions', JobHandler> = {
    publish_due_versions: (payload) => publishDueVersions(control, config, payload),
  }
  const workers = [
    startWorker(control, handlers, { log, now }),
    startWorker(control, webhooks, { log, now, concurrency: webhooksAtOnce }),
    // On its own: nothing that is slow keeps a change from going live when it is due.
    startWorker(control, schedule, { log, now, concurrency: 1, retryDelaySeconds: () => 1 }),
  ]
  enqueueFirst(runtime, ['purge_webhook_deliveries', 'purge_idempotency_keys', 'purge_usage', 'purge_feature_files', 'seal_changes'])
  const listening = Promise.all(workers.map(({ listening }) => listening)).then(() => undefined)
  // Each has said so in the log.
  listening.catch(() => undefined)
  return {
    listening,
    stop: async () => void (await Promise.all(workers.map((worker) => worker.stop()))),
  }
}

/** A job that comes again after a while, whatever becomes of it this time. */
function repeatedly(
  { control, now }: Runtime,
  { name, seconds }: { name: JobName; seconds: number },
  work: () => Promise<void>,
): JobHandler {
  return async () => {
    await control.transaction((tx) => enqueue(tx, { name, payload: {}, key: name, runAt: new Date(now().getTime() + seconds * 1000) }))
    await work()
  }
}

function enqueueFirst({ control, log }: Runtime, names: readonly JobName[]): void {
  const enqueueAll = control.transaction(async (tx) => {
    for (const name of names) await enqueue(tx, { name, payload: {}, key: name })
  })
  enqueueAll.catch((error: unknown) => log.warn({ err: error }, 'jobs that repeat themselves begin at the next start'))
}
