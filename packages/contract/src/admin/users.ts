import * as z from 'zod'
import { resource } from '../endpoint.ts'
import { email, name, oneOf, text, yesOrNo } from '../fields.ts'

// Hashing is slow by design, so there is an end to what is hashed.
const passwordMax = 1000

/** What a new password must be, wherever it comes from. */
export const newPassword = text(passwordMax)
  .min(8, 'This password is too short. It must contain at least 8 characters.')
  .refine((chosen) => !/^\d*$/.test(chosen), 'This password is entirely numeric.')

const isNotTheEmail = (chosen: { email: string; password: string }) => chosen.password.trim().toLowerCase() !== chosen.email
const theEmail = { path: ['password'], message: 'The password must not be the e-mail address.' }

const names = { first_name: name(150), last_name: name(150) }

const signUpTypes = ['NO_INVITE', 'INVITE_EMAIL', 'INVITE_LINK'] as const

const newUser = z.object({
  id: z.int(),
  uuid: z.uuid(),
  email: z.string(),
  first_name: z.string(),
  last_name: z.string(),
  sign_up_type: z.string().nullable(),
  is_active: z.boolean(),
  marketing_consent_given: z.boolean(),
  key: z.string().describe('A token: `Authorization: Token <key>`.'),
})

const me = z.object({
  id: z.int(),
  uuid: z.uuid(),
  email: z.string(),
  first_name: z.string(),
  last_name: z.string(),
  sign_up_type: z.string().nullable(),
  auth_type: z.enum(['EMAIL']),
  is_superuser: z.boolean(),
  date_joined: z.iso.datetime(),
  pylon_email_signature: z.null(),
  onboarding: z.null(),
})

export const users = resource({
  create: {
    method: 'POST',
    path: '/api/v1/auth/users/',
    summary: 'Signs up, where the installation lets anybody do so.',
    scope: { level: 'public' },
    permission: 'ANYONE',
    throttled: true,
    edits: 'own',
    body: z
      .object({
        email,
        password: newPassword,
        ...names,
        sign_up_type: oneOf(signUpTypes).nullable().optional(),
        marketing_consent_given: yesOrNo.optional(),
      })
      .refine(isNotTheEmail, theEmail),
    reply: newUser,
    status: 201,
    records: ['user.created'],
  },
  login: {
    method: 'POST',
    path: '/api/v1/auth/login/',
    summary: 'Signs in with e-mail and password; every sign-in has a token of its own.',
    scope: { level: 'public' },
    permission: 'ANYONE',
    throttled: true,
    edits: 'own',
    body: z.object({ email: name(254).toLowerCase(), password: text(passwordMax) }),
    reply: z.object({ key: z.string().describe('The token.') }),
    records: ['user.signed_in'],
  },
  logout: {
    method: 'POST',
    path: '/api/v1/auth/logout/',
    summary: 'Signs out: the token of this request stops working.',
    scope: { level: 'actor' },
    permission: 'ANYONE',
    peopleOnly: true,
    status: 204,
    records: ['user.signed_out'],
  },
  deleteToken: {
    method: 'DELETE',
    path: '/api/v1/auth/token/',
    summary: 'Revokes the token of this request.',
    scope: { level: 'actor' },
    permission: 'ANYONE',
    peopleOnly: true,
    status: 204,
    records: ['user.signed_out'],
  },
  me: {
    method: 'GET',
    path: '/api/v1/auth/users/me/',
    summary: 'The person whose token this is.',
    scope: { level: 'actor' },
    permission: 'ANYONE',
    peopleOnly: true,
    reply: me,
  },
  updateMe: {
    method: 'PATCH',
    path: '/api/v1/auth/users/me/',
    summary: 'Changes the caller’s own name; fields that are absent stay.',
    scope: { level: 'actor' },
    permission: 'ANYONE',
    peopleOnly: true,
    body: z.object(names).partial(),
    reply: me,
    records: ['user.updated'],
  },
  replaceMe: {
    method: 'PUT',
    path: '/api/v1/auth/users/me/',
    summary: 'Changes the caller’s own name; first and last name are required.',
    scope: { level: 'actor' },
    permission: 'ANYONE',
    peopleOnly: true,
    body: z.object(names),
    reply: me,
    records: ['user.updated'],
  },
  setUp: {
    method: 'POST',
    path: '/api/v1/setup/',
    summary: 'Makes the first administrator of an installation that has nobody yet.',
    scope: { level: 'public' },
    permission: 'ANYONE',
    throttled: true,
    edits: 'own',
    body: z
      .object({ token: name(200).describe('From the set-up link in the server’s log.'), email, password: newPassword, ...names })
      .refine(isNotTheEmail, theEmail),
    reply: newUser,
    status: 201,
    records: ['installation.set_up'],
  },
})
