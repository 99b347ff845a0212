import { sql, type RawBuilder } from 'kysely'
import * as z from 'zod'
import { enqueue, type JobHandler } from '../runtime/jobs.ts'
import { OutboundFailure } from '../runtime/outbound.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { unseal } from '../runtime/secrets.ts'
import { disableWebhook, purposeOf } from './commands.ts'
import { writeBody } from './payload.ts'
import { claimDelivery } from './queries.ts'
import { attemptsOf, delaySeconds, givenUpAfterHours, signatureHeaders, type Attempt, type DeliveryRow, type WebhookRow } from './rules.ts'

type Means = Pick<Runtime, 'control' | 'config' | 'outbound' | 'now'>

const deliverable = z.object({ webhookId: z.int() })
// So that one busy webhook does not keep a worker from stopping.
const deliveriesPerJob = 20

/**
 * Works `deliver_webhook`: sends what waits for one webhook, oldest first, until it fails or nothing is due. At least once: whoever
 * is interrupted between sending and marking leaves it to be sent again, with the same id. No transaction is open meanwhile.
 */
export function createWebhookDelivery(means: Means): JobHandler {
  return async (payload, job) => {
    const { webhookId } = deliverable.parse(payload)
    for (let count = 0; count < deliveriesPerJob; count += 1) {
      const delivery = await claimDelivery(means.control, webhookId)
      if (!delivery || !(await deliver(means, delivery, job.signal))) return
    }
    await means.control.transaction((tx) => enqueue(tx, nextJob(webhookId)))
  }
}

const nextJob = (webhookId: number, runAt?: Date) => ({
  name: 'deliver_webhook',
  payload: { webhookId },
  key: String(webhookId),
  ...(runAt && { runAt }),
})

/** Whether it arrived. */
async function deliver(means: Means, delivery: DeliveryRow, signal: AbortSignal): Promise<boolean> {
  const { db } = means.control
  const webhook = await db.selectFrom('webhooks').selectAll().where('id', '=', delivery.webhook_id).executeTakeFirstOrThrow()
  const body = delivery.body ?? (await keepBody(means, webhook, delivery))
  const { attempt, response } = await send(means, webhook, { id: delivery.uuid, body, signal })
  const told = { attempts: sql<string>`attempts || ${JSON.stringify([attempt])}::jsonb`, response, leased_until: null }
  const tell = (columns: { state?: string; finished_at?: Date }) =>
    db
      .updateTable('webhook_deliveries')
      .set({ ...told, ...columns })
      .where('id', '=', delivery.id)
      .execute()
  if (attempt.error === null) {
    await tell({ state: 'delivered', finished_at: means.now() })
    return true
  }
  const reason = whyGivenUp(delivery, attempt)
  if (reason === undefined) await waitForNext(means, delivery, told)
  else {
    await tell({})
    await disableWebhook(means.control, { id: webhook.id, reason }, means.config)
  }
  return false
}

async function keepBody({ control, config }: Means, webhook: WebhookRow, delivery: DeliveryRow): Promise<string> {
  const body = await writeBody({ db: control.db, secretKeys: config }, webhook.format, delivery)
  await control.db.updateTable('webhook_deliveries').set({ body }).where('id', '=', delivery.id).execute()
  return body
}

interface Content {
  readonly id: string
  readonly body: string
  readonly signal?: AbortSignal
}

const responseLengthMax = 4096

async function send(
  { outbound, config, now }: Means,
  webhook: WebhookRow,
  { id, body, signal }: Content,
): Promise<{ attempt: Attempt; response: string | null }> {
  const at = now()
  const secrets = secretsOf(webhook, config, at)
  const headers = {
    'content-type': 'application/json',
    'user-agent': `Halyard/${config.version}`,
    ...signatureHeaders({ format: webhook.format, secrets, id, body, at }),
  }
  const attempted = (status: number | null, error: string | null): Attempt => ({
    at: at.toISOString(),
    milliseconds: now().getTime() - at.getTime(),
    status,
    error,
  })
  try {
    const { status, text } = await outbound.send({ method: 'POST', url: webhook.url, headers, body, ...(signal && { signal }) })
    const isGood = status >= 200 && status < 300
    // PostgreSQL text holds no NUL.
    const response = text.slice(0, responseLengthMax).replaceAll('\0', '\u{FFFD}')
    return { attempt: attempted(status, isGood ? null : `The receiver answered ${status}.`), response }
  } catch (error) {
    if (!(error instanceof OutboundFailure)) throw error
    return { attempt: attempted(null, error.message), response: null }
  }
}

function secretsOf(webhook: WebhookRow, config: Means['config'], at: Date): string[] {
  const isFormerGood = webhook.former_secret_until !== null && webhook.former_secret_until > at
  return [webhook.sealed_secret, isFormerGood ? webhook.sealed_former_secret : null].flatMap((sealed) =>
    sealed === null ? [] : [unseal(config, sealed, purposeOf(webhook))],
  )
}

function whyGivenUp({ first_attempt_at: first }: DeliveryRow, { at, status }: Attempt): string | undefined {
  if (status === 410) return 'The receiver answered 410: it is gone.'
  const failingMs = first ? new Date(at).getTime() - first.getTime() : 0
  return failingMs >= givenUpAfterHours * 3_600_000 ? `The receiver did not take a delivery for ${givenUpAfterHours} hours.` : undefined
}

// Between 80 and 120 per cent of the delay: what failed together must not come back together.
async function waitForNext(
  { control }: Means,
  delivery: DeliveryRow,
  told: { attempts: RawBuilder<string>; response: string | null; leased_until: null },
): Promise<void> {
  const { id, webhook_id: webhookId } = delivery
  const seconds = delaySeconds(attemptsOf(delivery) + 1)
  await control.transaction(async (tx) => {
    const next = await tx
      .updateTable('webhook_deliveries')
      .set({
        ...told,
        // In milliseconds, as the job's time is: a job that came a little early would find nothing to do.
        next_attempt_at: sql<Date>`date_trunc('milliseconds', clock_timestamp() + make_interval(secs => ${seconds} * (0.8 + 0.4 * random())))`,
      })
      .where('id', '=', id)
      .where('state', '=', 'pending')
      .returning('next_attempt_at')
      .executeTakeFirst()
    if (next) await enqueue(tx, nextJob(webhookId, next.next_attempt_at))
  })
}
