import * as z from 'zod'
import { isCommonPassword } from '../guessable-passwords.ts'
import { resource } from '../endpoint.ts'
import { email, name, text } from '../fields.ts'

// Hashing is slow by design, so there is an end to what is hashed.
const passwordMax = 1000

/** A password as somebody claims to have it. */
export const givenPassword = text(passwordMax)

/** What a new password must be, wherever it comes from. */
export const newPassword = text(passwordMax)
  .min(8, 'This password is too short. It must contain at least 8 characters.')
  .refine((chosen) => !/^\d*$/.test(chosen), 'This password is entirely numeric.')
  .refine((chosen) => !isCommonPassword(chosen), 'This password is too common.')

const repeated = name(passwordMax).optional().describe('The new password once more.')
const isRepeated = (chosen: { new_password: string; re_new_password?: string | undefined }) =>
  chosen.re_new_password === undefined || chosen.re_new_password === chosen.new_password
const notRepeated = { path: ['non_field_errors'], message: 'The two password fields did not match.' }

export const passwords = resource({
  set: {
    method: 'POST',
    path: '/api/v1/auth/users/set_password/',
    summary: 'Changes the caller’s password and ends all their other sessions.',
    scope: { level: 'actor' },
    permission: 'ANYONE',
    peopleOnly: true,
    sessionOnly: true,
    throttled: true,
    edits: 'own',
    body: z
      .object({ current_password: givenPassword, new_password: newPassword, re_new_password: repeated })
      .refine(isRepeated, notRepeated),
    status: 204,
    records: ['user.password_changed'],
  },
  requestReset: {
    method: 'POST',
    path: '/api/v1/auth/users/reset_password/',
    summary:
      'Mails a link to choose a new password, good for 15 minutes and one use; answers the same whether the address is known or not.',
    scope: { level: 'public' },
    permission: 'ANYONE',
    throttled: true,
    edits: 'own',
    body: z.object({ email }),
    status: 204,
    records: ['user.password_reset_requested'],
  },
  confirmReset: {
    method: 'POST',
    path: '/api/v1/auth/users/reset_password_confirm/',
    summary: 'Chooses a new password with the link’s token, and ends every session and personal token. A second factor stays.',
    scope: { level: 'public' },
    permission: 'ANYONE',
    throttled: true,
    edits: 'own',
    body: z
      .object({ uid: name(100), token: name(200), new_password: newPassword, re_new_password: repeated })
      .refine(isRepeated, notRepeated),
    status: 204,
    records: ['user.password_changed'],
  },
})
