import * as z from 'zod'
import { resource, type Scope } from '../endpoint.ts'
import { oneOf, text, yesOrNo } from '../fields.ts'
import { page, pageQuery } from '../page.ts'
import type { Permission } from '../permissions.ts'

const settings = {
  url: text(2000).trim().min(1, 'This field may not be blank.').describe('http or https.'),
  enabled: yesOrNo,
  secret: text(255).describe('Signs what is sent. Shown when it is set; afterwards as asterisks, which mean “as it is” when sent back.'),
  format: oneOf(['flagsmith', 'standard']).describe('`flagsmith`: Flagsmith’s events and signature; `standard`: Standard Webhooks.'),
}

const webhook = z.object({
  id: z.int(),
  uuid: z.uuid(),
  ...settings,
  disabled_reason: z.string().nullable().describe('Why the platform turned it off.'),
  created_at: z.iso.datetime(),
  updated_at: z.iso.datetime(),
})

const state = z.enum(['pending', 'delivered', 'failed'])
const attempt = z.object({
  at: z.iso.datetime(),
  milliseconds: z.number(),
  status: z.int().nullable().describe('What the receiver answered; null without an answer.'),
  error: z.string().nullable(),
})

const delivery = z.object({
  id: z.int(),
  uuid: z.uuid().describe('The `webhook-id` it is sent with, each time.'),
  event_type: z.string(),
  change: z.int().describe('The id of the change in the audit log.'),
  state,
  attempts: z.array(attempt),
  created_at: z.iso.datetime(),
  next_attempt_at: z.iso.datetime().nullable(),
  finished_at: z.iso.datetime().nullable(),
})

const deliveryDetails = delivery.extend({
  request: z.string().nullable().describe('The body; null before the first attempt.'),
  response: z.string().nullable().describe('The beginning of what was answered last.'),
})

const created = z.object({
  url: settings.url,
  enabled: settings.enabled.default(true),
  secret: settings.secret.default('').describe('For `standard` without one: made by the server, and in the reply.'),
  format: settings.format.default('flagsmith'),
})
const deliveryQuery = pageQuery(50).extend({ state: state.optional() })

interface Place<Base extends string, S extends Scope, View extends Permission> {
  readonly base: Base
  readonly scope: S
  readonly of: string
  /** To see that there are webhooks; all else is for administrators. */
  readonly view: View
}

const webhookEndpoints = <const Base extends string, const S extends Scope, const View extends Permission>({
  base,
  scope,
  of,
  view,
}: Place<Base, S, View>) => ({
  create: {
    method: 'POST',
    path: base,
    summary: `Adds a webhook to ${of}.`,
    scope,
    permission: 'ADMIN',
    body: created,
    reply: webhook,
    status: 201,
    records: ['webhook.created'],
  } as const,
  get: { method: 'GET', path: `${base}:webhook/`, summary: `A webhook of ${of}.`, scope, permission: view, reply: webhook } as const,
  update: {
    method: 'PATCH',
    path: `${base}:webhook/`,
    summary: `Changes a webhook of ${of}; fields that are absent stay.`,
    scope,
    permission: 'ADMIN',
    body: z.object(settings).partial(),
    reply: webhook,
    records: ['webhook.updated'],
  } as const,
  replace: {
    method: 'PUT',
    path: `${base}:webhook/`,
    summary: `Changes a webhook of ${of}; the URL is required.`,
    scope,
    permission: 'ADMIN',
    body: z.object(settings).partial().extend({ url: settings.url }),
    reply: webhook,
    records: ['webhook.updated'],
  } as const,
  delete: {
    method: 'DELETE',
    path: `${base}:webhook/`,
    summary: `Deletes a webhook of ${of} and what it was sent.`,
    scope,
    permission: 'ADMIN',
    status: 204,
    records: ['webhook.deleted'],
  } as const,
})

const deliveryEndpoints = <const Base extends string, const S extends Scope>({ base, scope }: { base: Base; scope: S }) => ({
  listDeliveries: {
    method: 'GET',
    path: `${base}:webhook/deliveries/`,
    summary: 'What a webhook was sent and is to be sent, newest first.',
    scope,
    permission: 'ADMIN',
    query: deliveryQuery,
    reply: page(delivery),
  } as const,
  getDelivery: {
    method: 'GET',
    path: `${base}:webhook/deliveries/:delivery/`,
    summary: 'One delivery, with what was sent and answered.',
    scope,
    permission: 'ADMIN',
    reply: deliveryDetails,
  } as const,
  replay: {
    method: 'POST',
    path: `${base}:webhook/deliveries/:delivery/replay/`,
    summary: 'Sends a delivery again, with the same id and body.',
    scope,
    permission: 'ADMIN',
    reply: delivery,
    status: 202,
    records: ['webhook.replayed'],
  } as const,
})

const ofEnvironment = {
  base: '/api/v1/environments/:environment_key/webhooks/',
  scope: { level: 'environment', by: 'key', from: 'params.environment_key' },
  of: 'an environment',
  view: 'VIEW_ENVIRONMENT',
} as const
const ofOrganisation = {
  base: '/api/v1/organisations/:organisation/webhooks/',
  scope: { level: 'organisation', by: 'id', from: 'params.organisation' },
  of: 'an organisation',
  view: 'ADMIN',
} as const

export const environmentWebhooks = resource({
  list: {
    method: 'GET',
    path: ofEnvironment.base,
    summary: 'The webhooks of an environment.',
    scope: ofEnvironment.scope,
    permission: 'VIEW_ENVIRONMENT',
    reply: z.array(webhook),
  },
  ...webhookEndpoints(ofEnvironment),
  ...deliveryEndpoints(ofEnvironment),
})

export const organisationWebhooks = resource({
  list: {
    method: 'GET',
    path: ofOrganisation.base,
    summary: 'The webhooks of an organisation, which are told of everything in it.',
    scope: ofOrganisation.scope,
    permission: 'ADMIN',
    query: pageQuery(10),
    reply: page(webhook),
  },
  ...webhookEndpoints(ofOrganisation),
  ...deliveryEndpoints(ofOrganisation),
})

const tested = z.object({ detail: z.string(), status: z.int() })

export const webhookTests = resource({
  send: {
    method: 'POST',
    path: '/api/v1/webhooks/test/',
    summary: 'Sends a sample to an address, for whoever administers the organisation (by id) or the environment (by key).',
    scope: { level: 'actor' },
    permission: 'ANYONE',
    reads: true,
    throttled: 'webhook tests',
    body: z.object({
      webhook_url: settings.url,
      secret: text(255).default(''),
      format: settings.format.default('flagsmith'),
      scope: z
        .object({
          type: oneOf(['organisation', 'environment']),
          id: z.union([z.string(), z.int()], 'Incorrect type. Expected an id or a key.'),
        })
        .describe('The organisation by its id, or the environment by its key.'),
    }),
    reply: tested,
  },
})
