import * as z from 'zod'
import { resource } from '../endpoint.ts'
import { name } from '../fields.ts'
import { givenPassword } from './passwords.ts'

export const secondFactors = resource({
  start: {
    method: 'POST',
    path: '/api/v1/auth/app/activate/',
    summary: 'Begins to set up an authenticator app: a secret for it, which counts once a code confirms it.',
    scope: { level: 'actor' },
    permission: 'ANYONE',
    peopleOnly: true,
    sessionOnly: true,
    reply: z.object({
      qr_link: z.string().describe('An `otpauth:` address to show as a QR code.'),
      secret: z.string().describe('The same secret, to type in.'),
    }),
    records: ['user.second_factor_started'],
  },
  confirm: {
    method: 'POST',
    path: '/api/v1/auth/app/activate/confirm/',
    summary: 'Turns two-factor authentication on, and answers the recovery codes: each works once, and they are shown this once.',
    scope: { level: 'actor' },
    permission: 'ANYONE',
    peopleOnly: true,
    sessionOnly: true,
    throttled: true,
    edits: 'own',
    body: z.object({ code: name(20) }),
    reply: z.object({ backup_codes: z.array(z.string()) }),
    records: ['user.second_factor_enabled'],
  },
  disable: {
    method: 'POST',
    path: '/api/v1/auth/app/deactivate/',
    summary: 'Turns two-factor authentication off; a stolen session must not be able to, so the password is asked for.',
    scope: { level: 'actor' },
    permission: 'ANYONE',
    peopleOnly: true,
    sessionOnly: true,
    throttled: true,
    edits: 'own',
    body: z.object({ current_password: givenPassword }),
    status: 204,
    records: ['user.second_factor_disabled'],
  },
  list: {
    method: 'GET',
    path: '/api/v1/auth/mfa/user-active-methods/',
    summary: 'The caller’s second factors: an authenticator app, or none.',
    scope: { level: 'actor' },
    permission: 'ANYONE',
    peopleOnly: true,
    reply: z.array(z.object({ name: z.literal('app'), is_primary: z.boolean() })),
  },
})
