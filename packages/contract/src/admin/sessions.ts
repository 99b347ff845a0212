import * as z from 'zod'
import { resource } from '../endpoint.ts'

const session = z.object({
  id: z.int(),
  created_at: z.iso.datetime(),
  last_used_at: z.iso.datetime().describe('To the minute.'),
  expires_at: z.iso.datetime().describe('When it ends at the latest; unused, it ends earlier.'),
  user_agent: z.string().nullable(),
  address: z.string().nullable().describe('Where it was begun from.'),
  is_current: z.boolean(),
})

export const sessions = resource({
  list: {
    method: 'GET',
    path: '/api/v1/auth/sessions/',
    summary: 'Where the caller is signed in, newest first.',
    scope: { level: 'actor' },
    permission: 'ANYONE',
    peopleOnly: true,
    sessionOnly: true,
    reply: z.array(session),
  },
  end: {
    method: 'DELETE',
    path: '/api/v1/auth/sessions/:session/',
    summary: 'Signs the caller out there.',
    scope: { level: 'actor' },
    permission: 'ANYONE',
    peopleOnly: true,
    sessionOnly: true,
    status: 204,
    records: ['session.ended'],
  },
  endOthers: {
    method: 'DELETE',
    path: '/api/v1/auth/sessions/',
    summary: 'Signs the caller out everywhere else.',
    scope: { level: 'actor' },
    permission: 'ANYONE',
    peopleOnly: true,
    sessionOnly: true,
    status: 204,
    records: ['session.ended'],
  },
})
