import { conflict, invalid, type api, type Body } from '@halyard/contract'
import { sql } from 'kysely'
import { system } from '../access/actor.ts'
import { runEdit, type Edit } from '../changes/edit.ts'
import { recordChange } from '../changes/record-change.ts'
import type { Database } from '../runtime/database.ts'
import { enqueue } from '../runtime/jobs.ts'
import { enqueueMail } from '../runtime/mail.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { isSealed, seal } from '../runtime/secrets.ts'
import { getDelivery, getWebhook, listWebhooks, type Owner } from './queries.ts'
import { hiddenSecret, newStandardSecret, whyNotSecret, type DeliveryRow, type WebhookRow } from './rules.ts'

type Means = Pick<Runtime, 'config' | 'outbound'>
export type WebhookPatch = Body<typeof api.environmentWebhooks.update>

/** A webhook and, where it was just set, the secret: nobody can show it again. */
export interface Written {
  readonly webhook: WebhookRow
  readonly secret: string | undefined
}

const webhooksMax = 100
const formerSecretHours = 24
/** What the secret of a webhook is encrypted for. */
export const purposeOf = ({ uuid }: Pick<WebhookRow, 'uuid'>): string => `webhook ${uuid}`

export async function createWebhook(
  edit: Edit,
  owner: Owner,
  settings: Body<typeof api.environmentWebhooks.create>,
  { config, outbound }: Means,
): Promise<Written> {
  refuseUrl(outbound, settings.url)
  if ((await listWebhooks(edit.tx, owner)).length >= webhooksMax)
    throw conflict(`There are ${webhooksMax} webhooks here already. Delete one first.`)
  const secret = settings.secret === '' && settings.format === 'standard' ? newStandardSecret() : settings.secret
  refuseSecret(secret, settings.format)
  const inserted = await edit.tx
    .insertInto('webhooks')
    .values({
      organisation_id: owner.organisation.id,
      project_id: owner.project?.id ?? null,
      environment_id: owner.environment?.id ?? null,
      url: settings.url,
      enabled: settings.enabled,
      format: settings.format,
      created_at: edit.at,
      updated_at: edit.at,
    })
    .returningAll()
    .executeTakeFirstOrThrow()
  const webhook =
    secret === '' ? inserted : await writeWebhook(edit, inserted, { sealed_secret: seal(config, secret, purposeOf(inserted)) })
  await recordChange(edit, { type: 'webhook.created', ...owner, subject: webhook.id, after: webhook })
  return { webhook, secret }
}

export async function updateWebhook(
  edit: Edit,
  owner: Owner,
  { id, ...patch }: WebhookPatch & { id: number },
  { config, outbound }: Means,
): Promise<Written> {
  const before = await lockWebhook(edit, owner, id)
  if (patch.url !== undefined) refuseUrl(outbound, patch.url)
  const format = patch.format ?? before.format
  const isMade = format === 'standard' && before.format !== 'standard' && (patch.secret === undefined || patch.secret === '')
  const secret = isMade ? newStandardSecret() : patch.secret === hiddenSecret ? undefined : patch.secret
  if (secret !== undefined) refuseSecret(secret, format)
  const isTurnedOff = patch.enabled === false && before.enabled
  const webhook = await writeWebhook(edit, before, {
    url: patch.url ?? before.url,
    enabled: patch.enabled ?? before.enabled,
    format,
    ...(patch.enabled && { disabled_reason: null }),
    ...(secret !== undefined && secretColumns(edit, before, { secret, format }, config)),
  })
  if (isTurnedOff) await giveUpWaiting(edit, webhook)
  await recordChange(edit, { type: 'webhook.updated', ...owner, subject: id, before, after: webhook })
  return { webhook, secret }
}

export async function deleteWebhook(edit: Edit, owner: Owner, id: number): Promise<void> {
  const before = await lockWebhook(edit, owner, id)
  await edit.tx.deleteFrom('webhooks').where('id', '=', before.id).execute()
  await recordChange(edit, { type: 'webhook.deleted', ...owner, subject: id, before })
}

/** Sends once more what was sent before, or what waits at once. */
export async function replayDelivery(edit: Edit, owner: Owner, ids: { webhook: number; delivery: number }): Promise<DeliveryRow> {
  const webhook = await lockWebhook(edit, owner, ids.webhook)
  const { event_type: eventType, uuid } = await getDelivery(edit.tx, webhook, ids.delivery)
  if (!webhook.enabled) throw conflict('The webhook is turned off. Turn it on, then send this again.')
  const delivery = await edit.tx
    .updateTable('webhook_deliveries')
    .set({
      state: 'pending',
      next_attempt_at: sql`date_trunc('milliseconds', clock_timestamp())`,
      first_attempt_at: null,
      finished_at: null,
    })
    .where('id', '=', ids.delivery)
    .returningAll()
    .executeTakeFirstOrThrow()
  await recordChange(edit, {
    type: 'webhook.replayed',
    ...owner,
    subject: webhook.id,
    after: { url: webhook.url, event_type: eventType, uuid },
  })
  await enqueue(edit.tx, { name: 'deliver_webhook', payload: { webhookId: webhook.id } })
  return delivery
}

/** Turns a webhook off that answers nothing good any more, and tells whoever the organisation wants told. */
export async function disableWebhook(
  control: Database,
  { id, reason }: { id: number; reason: string },
  config: Means['config'],
): Promise<void> {
  const found = await control.db.selectFrom('webhooks').selectAll().where('id', '=', id).executeTakeFirst()
  if (!found) return
  const lock =
    found.project_id === null
      ? ({ on: 'organisation', id: found.organisation_id, withProjects: false } as const)
      : ({ on: 'project', id: found.project_id } as const)
  await runEdit(control, { actor: system('webhooks'), lock }, async (edit) => {
    const before = await edit.tx
      .selectFrom('webhooks')
      .selectAll()
      .where('id', '=', id)
      .where('enabled', '=', true)
      .forNoKeyUpdate()
      .executeTakeFirst()
    if (!before) return
    const after = await writeWebhook(edit, before, { enabled: false, disabled_reason: reason })
    await giveUpWaiting(edit, after)
    const place = {
      organisation: { id: before.organisation_id },
      ...(before.project_id !== null && { project: { id: before.project_id, organisation_id: before.organisation_id } }),
      ...(before.project_id !== null &&
        before.environment_id !== null && { environment: { id: before.environment_id, project_id: before.project_id } }),
    }
    await recordChange(edit, { type: 'webhook.disabled', ...place, subject: id, before, after })
    await tellOrganisation(edit, after, config)
  })
}

async function tellOrganisation(edit: Edit, webhook: WebhookRow, config: Means['config']): Promise<void> {
  const organisation = await edit.tx
    .selectFrom('organisations')
    .select(['name', 'webhook_notification_email'])
    .where('id', '=', webhook.organisation_id)
    .executeTakeFirstOrThrow()
  if (!organisation.webhook_notification_email) return
  await enqueueMail(edit.tx, config, {
    to: organisation.webhook_notification_email,
    subject: 'A webhook was turned off',
    paragraphs: [
      `A webhook of ${organisation.name} was turned off: ${webhook.url}`,
      webhook.disabled_reason ?? '',
      'What it was not sent is kept in its deliveries. Once the receiver works again, turn the webhook on and send them again from there.',
    ],
  })
}

function secretColumns({ at }: Edit, before: WebhookRow, wanted: { secret: string; format: string }, config: Means['config']) {
  const { sealed_secret: sealed, format } = before
  const [text, purpose] = [wanted.secret, purposeOf(before)]
  const isSame = sealed === null ? text === '' : isSealed(config, sealed, { text, purpose })
  if (isSame && format === wanted.format) return {}
  return {
    sealed_secret: text === '' ? null : seal(config, text, purpose),
    sealed_former_secret: format === wanted.format ? sealed : null,
    former_secret_until: new Date(at.getTime() + formerSecretHours * 3_600_000),
  }
}

const giveUpWaiting = (edit: Edit, webhook: WebhookRow) =>
  edit.tx
    .updateTable('webhook_deliveries')
    .set({ state: 'failed', finished_at: edit.at })
    .where('webhook_id', '=', webhook.id)
    .where('state', '=', 'pending')
    .execute()

const writeWebhook = (edit: Edit, { id }: WebhookRow, columns: Partial<Omit<WebhookRow, 'id'>>): Promise<WebhookRow> =>
  edit.tx
    .updateTable('webhooks')
    .set({ ...columns, updated_at: edit.at })
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirstOrThrow()

async function lockWebhook(edit: Edit, owner: Owner, id: number): Promise<WebhookRow> {
  const { id: found } = await getWebhook(edit.tx, owner, id)
  return edit.tx.selectFrom('webhooks').selectAll().where('id', '=', found).forNoKeyUpdate().executeTakeFirstOrThrow()
}

function refuseUrl(outbound: Means['outbound'], url: string): void {
  const reason = outbound.whyNotCallable(url)
  if (reason) throw invalid({ url: [reason] })
}

function refuseSecret(secret: string, format: string): void {
  const reason = whyNotSecret(secret, format)
  if (reason) throw invalid({ secret: [reason] })
}
