import * as z from 'zod'
import { resource } from '../endpoint.ts'
import { instant, name } from '../fields.ts'
import { givenPassword } from './passwords.ts'

const personalToken = z.object({
  id: z.int(),
  name: z.string(),
  created_at: z.iso.datetime(),
  expires_at: z.iso.datetime(),
  last_used_at: z.iso.datetime().nullable().describe('To the minute; null if never.'),
})

export const personalTokens = resource({
  list: {
    method: 'GET',
    path: '/api/v1/auth/personal-tokens/',
    summary: 'The caller’s personal tokens that have not expired.',
    scope: { level: 'actor' },
    permission: 'ANYONE',
    peopleOnly: true,
    sessionOnly: true,
    reply: z.array(personalToken),
  },
  create: {
    method: 'POST',
    path: '/api/v1/auth/personal-tokens/',
    summary: 'Creates a token for scripts that act as the caller; the reply is the only one that shows it.',
    scope: { level: 'actor' },
    permission: 'ANYONE',
    peopleOnly: true,
    sessionOnly: true,
    throttled: true,
    edits: 'own',
    body: z.strictObject({
      name: name(100),
      expires_at: instant.describe('At most a year ahead.'),
      current_password: givenPassword,
    }),
    reply: personalToken.extend({ key: z.string().describe('The token: `Authorization: Token <key>`.') }),
    status: 201,
    records: ['personal_token.created'],
  },
  delete: {
    method: 'DELETE',
    path: '/api/v1/auth/personal-tokens/:personal_token/',
    summary: 'Deletes a personal token: it stops working at once.',
    scope: { level: 'actor' },
    permission: 'ANYONE',
    peopleOnly: true,
    sessionOnly: true,
    status: 204,
    records: ['personal_token.deleted'],
  },
})
