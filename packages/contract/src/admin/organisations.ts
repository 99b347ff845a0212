import * as z from 'zod'
import { resource } from '../endpoint.ts'
import { email, name, yesOrNo } from '../fields.ts'
import { page, pageQuery } from '../page.ts'

/** What may be set; other fields that clients send back are ignored. */
const settings = {
  name: name(),
  webhook_notification_email: email.nullable(),
  persist_trait_data: yesOrNo.describe('False: traits are evaluated with, never stored.'),
  stop_serving_flags: yesOrNo.describe('True: every SDK request of the organisation is refused.'),
  feature_analytics: yesOrNo,
  force_2fa: yesOrNo,
  restrict_project_create_to_admin: yesOrNo,
}

export const organisation = z.object({
  id: z.int(),
  uuid: z.uuid(),
  created_date: z.iso.datetime(),
  ...settings,
  num_seats: z.int().describe('How many people belong to it.'),
  role: z.enum(['ADMIN', 'USER']).nullable().describe('What the caller is in it; null for API keys.'),
  block_access_to_admin: z.boolean(),
  subscription: z.null().describe('Always null: nothing is withheld, so there is nothing to subscribe to.'),
})

export const organisations = resource({
  list: {
    method: 'GET',
    path: '/api/v1/organisations/',
    summary: 'The organisations that the caller belongs to.',
    scope: { level: 'actor' },
    permission: 'ANYONE',
    query: pageQuery(10),
    reply: page(organisation),
  },
  create: {
    method: 'POST',
    path: '/api/v1/organisations/',
    summary: 'Creates an organisation and makes the caller its administrator.',
    scope: { level: 'actor' },
    permission: 'ANYONE',
    peopleOnly: true,
    body: z.object({ name: name() }),
    reply: organisation,
    status: 201,
    records: ['organisation.created'],
  },
  get: {
    method: 'GET',
    path: '/api/v1/organisations/:organisation/',
    summary: 'One organisation.',
    scope: { level: 'organisation', by: 'id', from: 'params.organisation' },
    permission: 'MEMBER',
    reply: organisation,
  },
  getByUuid: {
    method: 'GET',
    path: '/api/v1/organisations/get-by-uuid/:uuid/',
    summary: 'One organisation, by its UUID.',
    scope: { level: 'organisation', by: 'uuid', from: 'params.uuid' },
    permission: 'MEMBER',
    reply: organisation,
  },
  update: {
    method: 'PATCH',
    path: '/api/v1/organisations/:organisation/',
    summary: 'Changes settings of an organisation; fields that are absent stay.',
    scope: { level: 'organisation', by: 'id', from: 'params.organisation' },
    permission: 'ADMIN',
    body: z.object(settings).partial(),
    reply: organisation,
    records: ['organisation.updated'],
  },
  replace: {
    method: 'PUT',
    path: '/api/v1/organisations/:organisation/',
    summary: 'Changes settings of an organisation; the name is required.',
    scope: { level: 'organisation', by: 'id', from: 'params.organisation' },
    permission: 'ADMIN',
    body: z.object(settings).partial().extend({ name: settings.name }),
    reply: organisation,
    records: ['organisation.updated'],
  },
  delete: {
    method: 'DELETE',
    path: '/api/v1/organisations/:organisation/',
    summary: 'Deletes an organisation: its projects disappear and its keys stop working at once.',
    scope: { level: 'organisation', by: 'id', from: 'params.organisation' },
    permission: 'ADMIN',
    status: 204,
    records: ['organisation.deleted'],
  },
})
