import * as z from 'zod'
import { resource } from '../endpoint.ts'
import { instant, name, yesOrNo } from '../fields.ts'
import { page, pageQuery } from '../page.ts'

const settings = {
  name: name(50),
  is_admin: yesOrNo.describe('True: may do everything in its organisation.'),
  expiry_date: instant.nullable().describe('From then on the key is refused; null for never.'),
}

const masterApiKey = z.object({
  id: z.string(),
  prefix: z.string().describe('How the key begins; names it in paths.'),
  name: z.string(),
  created: z.iso.datetime(),
  revoked: z.boolean(),
  expiry_date: z.iso.datetime().nullable(),
  is_admin: z.boolean(),
})

const revocable = z.object({ ...settings, revoked: yesOrNo.describe('True: the key stops working at once and for good.') }).partial()

export const masterApiKeys = resource({
  list: {
    method: 'GET',
    path: '/api/v1/organisations/:organisation/master-api-keys/',
    summary: 'The API keys of an organisation that are not revoked.',
    scope: { level: 'organisation', by: 'id', from: 'params.organisation' },
    permission: 'ADMIN',
    peopleOnly: true,
    query: pageQuery(10),
    reply: page(masterApiKey),
  },
  create: {
    method: 'POST',
    path: '/api/v1/organisations/:organisation/master-api-keys/',
    summary: 'Creates an API key; the reply is the only one that shows it.',
    scope: { level: 'organisation', by: 'id', from: 'params.organisation' },
    permission: 'ADMIN',
    peopleOnly: true,
    body: z.object({ ...settings, is_admin: settings.is_admin.default(true), expiry_date: settings.expiry_date.default(null) }),
    reply: masterApiKey.extend({ key: z.string().describe('The key: `Authorization: Api-Key <key>`.') }),
    status: 201,
    records: ['master_api_key.created'],
  },
  get: {
    method: 'GET',
    path: '/api/v1/organisations/:organisation/master-api-keys/:prefix/',
    summary: 'One API key, without its secret.',
    scope: { level: 'organisation', by: 'id', from: 'params.organisation' },
    permission: 'ADMIN',
    peopleOnly: true,
    reply: masterApiKey,
  },
  update: {
    method: 'PATCH',
    path: '/api/v1/organisations/:organisation/master-api-keys/:prefix/',
    summary: 'Changes or revokes an API key; fields that are absent stay.',
    scope: { level: 'organisation', by: 'id', from: 'params.organisation' },
    permission: 'ADMIN',
    peopleOnly: true,
    body: revocable,
    reply: masterApiKey,
    records: ['master_api_key.updated'],
  },
  replace: {
    method: 'PUT',
    path: '/api/v1/organisations/:organisation/master-api-keys/:prefix/',
    summary: 'Changes or revokes an API key; the name is required.',
    scope: { level: 'organisation', by: 'id', from: 'params.organisation' },
    permission: 'ADMIN',
    peopleOnly: true,
    body: revocable.extend({ name: settings.name }),
    reply: masterApiKey,
    records: ['master_api_key.updated'],
  },
  delete: {
    method: 'DELETE',
    path: '/api/v1/organisations/:organisation/master-api-keys/:prefix/',
    summary: 'Deletes an API key: it stops working at once.',
    scope: { level: 'organisation', by: 'id', from: 'params.organisation' },
    permission: 'ADMIN',
    peopleOnly: true,
    status: 204,
    records: ['master_api_key.deleted'],
  },
})
