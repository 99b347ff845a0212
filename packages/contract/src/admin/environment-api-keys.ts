import * as z from 'zod'
import { resource } from '../endpoint.ts'
import { instant, name, yesOrNo } from '../fields.ts'

// Clients written in Go send this where there is no instant.
const goesWithoutInstant = Date.parse('0001-01-01T00:00:00Z')

const settings = {
  name: name(100),
  active: yesOrNo.describe('False: the key is refused.'),
  expires_at: instant
    .nullable()
    .transform((at) => (at?.getTime() === goesWithoutInstant ? null : at))
    .describe('From then on the key is refused; null for never.'),
}

const environmentApiKey = z.object({
  id: z.int(),
  key: z.string().describe('The server-side SDK key.'),
  active: z.boolean(),
  created_at: z.iso.datetime(),
  name: z.string(),
  expires_at: z.iso.datetime().nullable(),
})

export const environmentApiKeys = resource({
  list: {
    method: 'GET',
    path: '/api/v1/environments/:environment_key/api-keys/',
    summary: 'The server-side keys of an environment.',
    scope: { level: 'environment', by: 'key', from: 'params.environment_key' },
    permission: 'ADMIN',
    reply: z.array(environmentApiKey),
  },
  create: {
    method: 'POST',
    path: '/api/v1/environments/:environment_key/api-keys/',
    summary: 'Creates a server-side key.',
    scope: { level: 'environment', by: 'key', from: 'params.environment_key' },
    permission: 'ADMIN',
    body: z.object({ ...settings, active: settings.active.default(true), expires_at: settings.expires_at.default(null) }),
    reply: environmentApiKey,
    status: 201,
    records: ['environment_api_key.created'],
  },
  update: {
    method: 'PATCH',
    path: '/api/v1/environments/:environment_key/api-keys/:environment_api_key/',
    summary: 'Changes a server-side key, never the key itself; fields that are absent stay.',
    scope: { level: 'environment', by: 'key', from: 'params.environment_key' },
    permission: 'ADMIN',
    body: z.object(settings).partial(),
    reply: environmentApiKey,
    records: ['environment_api_key.updated'],
  },
  replace: {
    method: 'PUT',
    path: '/api/v1/environments/:environment_key/api-keys/:environment_api_key/',
    summary: 'Changes a server-side key, never the key itself; the name is required.',
    scope: { level: 'environment', by: 'key', from: 'params.environment_key' },
    permission: 'ADMIN',
    body: z.object(settings).partial().extend({ name: settings.name }),
    reply: environmentApiKey,
    records: ['environment_api_key.updated'],
  },
  delete: {
    method: 'DELETE',
    path: '/api/v1/environments/:environment_key/api-keys/:environment_api_key/',
    summary: 'Deletes a server-side key: it stops working at once.',
    scope: { level: 'environment', by: 'key', from: 'params.environment_key' },
    permission: 'ADMIN',
    status: 204,
    records: ['environment_api_key.deleted'],
  },
})
