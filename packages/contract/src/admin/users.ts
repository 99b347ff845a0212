import * as z from 'zod'
import { resource } from '../endpoint.ts'
import { email, listOf, name, oneOf, text, yesOrNo } from '../fields.ts'
import { givenPassword, newPassword } from './passwords.ts'

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

const onboarding = z.object({
  tasks: listOf(z.object({ name: name(100), completed_at: text(40).nullable().optional() })),
  tools: z.object({ completed: yesOrNo.optional(), integrations: listOf(name(100)).optional() }),
  hosting_preferences: listOf(name(100)),
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
  onboarding: onboarding.nullable().describe('What they did of the first steps; null before the first.'),
})

const asCookie = yesOrNo.optional().describe('True, for browsers: the token is set as an HttpOnly cookie instead of being answered.')
const signedIn = z.object({ key: z.string().nullable().describe('The token; null when it was set as a cookie.') })

export const users = resource({
  create: {
    method: 'POST',
    path: '/api/v1/auth/users/',
    summary: 'Signs up, where the installation lets anybody do so or with an invitation; joining by that is the next request.',
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
        invite_hash: text(200).nullable().optional().describe('The end of the link of an invitation.'),
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
    summary: 'Signs in with e-mail and password; every sign-in has a token of its own. With a second factor, a code comes next.',
    scope: { level: 'public' },
    permission: 'ANYONE',
    throttled: true,
    edits: 'own',
    body: z.object({ email: name(254).toLowerCase(), password: givenPassword, as_cookie: asCookie }),
    reply: z.union([signedIn, z.object({ ephemeral_token: z.string().describe('For the next step.'), method: z.literal('app') })]),
    records: ['user.signed_in'],
  },
  loginWithCode: {
    method: 'POST',
    path: '/api/v1/auth/login/code/',
    summary: 'The second step of signing in: a code of the authenticator app, or a recovery code.',
    scope: { level: 'public' },
    permission: 'ANYONE',
    throttled: true,
    edits: 'own',
    body: z.object({ ephemeral_token: name(2000), code: name(100), as_cookie: asCookie }),
    reply: signedIn,
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
  updateOnboarding: {
    method: 'PATCH',
    path: '/api/v1/auth/users/me/onboarding/',
    summary: 'Remembers which first steps the caller took; parts that are absent stay.',
    scope: { level: 'actor' },
    permission: 'ANYONE',
    peopleOnly: true,
    body: onboarding.partial(),
    reply: onboarding,
    records: ['user.updated'],
  },
  deleteMe: {
    method: 'DELETE',
    path: '/api/v1/auth/users/me/',
    summary: 'Deletes the caller’s account, and the organisations that nobody else belongs to.',
    scope: { level: 'actor' },
    permission: 'ANYONE',
    peopleOnly: true,
    sessionOnly: true,
    throttled: true,
    edits: 'own',
    body: z.object({
      current_password: givenPassword,
      delete_orphan_organisations: yesOrNo.default(true).describe('False: leaves organisations behind that have nobody any more.'),
    }),
    status: 204,
    records: ['user.deleted', 'organisation.deleted'],
  },
  setEmail: {
    method: 'POST',
    path: '/api/v1/auth/users/set_email/',
    summary: 'Changes the caller’s e-mail address, and tells the old one.',
    scope: { level: 'actor' },
    permission: 'ANYONE',
    peopleOnly: true,
    sessionOnly: true,
    throttled: true,
    edits: 'own',
    body: z.object({ current_password: givenPassword, new_email: email }),
    status: 204,
    records: ['user.email_changed'],
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
