import { createHmac, randomBytes } from 'node:crypto'
import type { api, Reply } from '@halyard/contract'
import type { Selectable } from 'kysely'
import * as z from 'zod'
import type { WebhookDeliveriesTable, WebhooksTable } from '../runtime/tables.ts'

export type WebhookRow = Selectable<WebhooksTable>
export type DeliveryRow = Selectable<WebhookDeliveriesTable>

/** What clients read instead of a secret, and may send back. */
export const hiddenSecret = '********'

const standardSecret = /^whsec_([A-Za-z0-9+/]+={0,2})$/

export const newStandardSecret = (): string => `whsec_${randomBytes(32).toString('base64')}`

export function whyNotSecret(secret: string, format: string): string | undefined {
  if (format !== 'standard') return undefined
  const length = Buffer.from(standardSecret.exec(secret)?.[1] ?? '', 'base64').length
  return length >= 24 && length <= 64
    ? undefined
    : 'Standard Webhooks secrets are “whsec_” and 24 to 64 bytes in base64. Leave it out to have one made.'
}

interface Signed {
  readonly format: string
  /** The current one first. Flagsmith's receivers know of one only. */
  readonly secrets: readonly string[]
  readonly id: string
  readonly body: string
  readonly at: Date
}

/** The headers that let a receiver check who sent a body. */
export function signatureHeaders({ format, secrets, id, body, at }: Signed): Record<string, string> {
  const [current] = secrets
  if (format === 'flagsmith') {
    return { 'webhook-id': id, ...(current && { 'x-flagsmith-signature': createHmac('sha256', current).update(body).digest('hex') }) }
  }
  const timestamp = String(Math.floor(at.getTime() / 1000))
  const signatures = secrets.map((secret) => {
    const key = Buffer.from(standardSecret.exec(secret)?.[1] ?? '', 'base64')
    return `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')}`
  })
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signatures.join(' ') }
}

const minute = 60
const hour = 60 * minute
const delays = [5, 30, 2 * minute, 5 * minute, 15 * minute, 30 * minute, hour, 2 * hour, 4 * hour]

/** How long after a failed attempt the next one comes, before chance is added. */
export const delaySeconds = (attempt: number): number => delays[attempt - 1] ?? 6 * hour

export const givenUpAfterHours = 75

const attempts = z.array(z.object({ at: z.string(), milliseconds: z.number(), status: z.int().nullable(), error: z.string().nullable() }))
/** How often a delivery was tried since it was made, or was last asked to be sent again. */
export const attemptsOf = ({ attempts: all, first_attempt_at: first }: DeliveryRow): number =>
  attempts.parse(all).filter(({ at }) => first === null || new Date(at) >= first).length

export type Attempt = z.output<typeof attempts>[number]

export const presentWebhook = (row: WebhookRow, secret?: string): Reply<typeof api.environmentWebhooks.get> => ({
  id: row.id,
  uuid: row.uuid,
  url: row.url,
  enabled: row.enabled,
  secret: secret ?? (row.sealed_secret === null ? '' : hiddenSecret),
  format: row.format === 'standard' ? 'standard' : 'flagsmith',
  disabled_reason: row.disabled_reason,
  created_at: row.created_at.toISOString(),
  updated_at: row.updated_at.toISOString(),
})

const state = z.enum(['pending', 'delivered', 'failed'])

export const presentDelivery = (row: DeliveryRow): Reply<typeof api.environmentWebhooks.replay> => ({
  id: row.id,
  uuid: row.uuid,
  event_type: row.event_type,
  change: row.change_id,
  state: state.parse(row.state),
  attempts: attempts.parse(row.attempts),
  created_at: row.created_at.toISOString(),
  next_attempt_at: row.state === 'pending' ? row.next_attempt_at.toISOString() : null,
  finished_at: row.finished_at?.toISOString() ?? null,
})
