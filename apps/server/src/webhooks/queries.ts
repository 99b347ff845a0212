import { notFound } from '@halyard/contract'
import { sql } from 'kysely'
import type { EnvironmentRow, OrganisationRow, ProjectRow, Queryable } from '../access/rows.ts'
import type { Database } from '../runtime/database.ts'
import type { DeliveryRow, WebhookRow } from './rules.ts'

/** Whose webhooks: an environment's, or without one the organisation's. */
export interface Owner {
  readonly organisation: OrganisationRow
  readonly project?: ProjectRow
  readonly environment?: EnvironmentRow
}

function webhooksOf(db: Queryable, { organisation, environment }: Owner) {
  const own = db.selectFrom('webhooks').where('organisation_id', '=', organisation.id)
  return environment ? own.where('environment_id', '=', environment.id) : own.where('environment_id', 'is', null)
}

export const listWebhooks = (db: Queryable, owner: Owner): Promise<WebhookRow[]> =>
  webhooksOf(db, owner).selectAll().orderBy('id').execute()

export async function getWebhook(db: Queryable, owner: Owner, id: number): Promise<WebhookRow> {
  const webhook = await webhooksOf(db, owner).selectAll().where('id', '=', id).executeTakeFirst()
  if (!webhook) throw notFound()
  return webhook
}

interface DeliveryList {
  readonly state: 'pending' | 'delivered' | 'failed' | undefined
  readonly range: { readonly offset: number; readonly limit: number }
}

export async function listDeliveries(db: Queryable, webhook: WebhookRow, { state, range }: DeliveryList) {
  const all = db.selectFrom('webhook_deliveries').where('webhook_id', '=', webhook.id)
  const wanted = state ? all.where('state', '=', state) : all
  const [rows, total] = await Promise.all([
    wanted.selectAll().orderBy('id', 'desc').offset(range.offset).limit(range.limit).execute(),
    wanted.select((select) => select.fn.countAll<number>().as('count')).executeTakeFirstOrThrow(),
  ])
  return { rows, count: total.count }
}

export async function getDelivery(db: Queryable, webhook: WebhookRow, id: number): Promise<DeliveryRow> {
  const delivery = await db
    .selectFrom('webhook_deliveries')
    .selectAll()
    .where('webhook_id', '=', webhook.id)
    .where('id', '=', id)
    .executeTakeFirst()
  if (!delivery) throw notFound()
  return delivery
}

const leaseSeconds = 30

/**
 * Takes the oldest delivery that waits for a webhook, if it is due and nobody else has it. Only the oldest: what comes after waits
 * for it, so that a receiver hears of things in the order they happened.
 */
export async function claimDelivery({ db }: Database, webhookId: number): Promise<DeliveryRow | undefined> {
  const { rows } = await sql<DeliveryRow>`
    update webhook_deliveries
       set leased_until = clock_timestamp() + make_interval(secs => ${leaseSeconds}),
           first_attempt_at = coalesce(first_attempt_at, clock_timestamp())
     where id = (select min(id) from webhook_deliveries where webhook_id = ${webhookId} and state = 'pending')
       and state = 'pending' and next_attempt_at <= clock_timestamp()
       and (leased_until is null or leased_until < clock_timestamp())
    returning *`.execute(db)
  return rows[0]
}

/** Removes what ended so long ago that nobody asks any more. */
export async function purgeDeliveries({ db }: Database, days: number): Promise<void> {
  for (;;) {
    const purged = await sql`
      delete from webhook_deliveries where id in (
        select id from webhook_deliveries where state <> 'pending' and finished_at < clock_timestamp() - make_interval(days => ${days}) limit 5000)`.execute(
      db,
    )
    if ((purged.numAffectedRows ?? 0n) === 0n) return
  }
}
