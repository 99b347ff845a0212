import * as z from 'zod'
import { resource, type Scope } from '../endpoint.ts'
import { email, id, instant, listOf } from '../fields.ts'
import { page, pageQuery } from '../page.ts'
import { memberRole } from './members.ts'
import { organisation } from './organisations.ts'

const wanted = z.object({
  email,
  role: memberRole.default('USER'),
  permission_groups: listOf(id).default([]).describe('Groups that they join as well as the default ones.'),
})

const invite = z.object({
  id: z.int(),
  email: z.string(),
  role: z.enum(['ADMIN', 'USER']),
  permission_groups: z.array(z.int()),
  date_created: z.iso.datetime(),
  expires_at: z.iso.datetime(),
  invited_by: z.object({ id: z.int(), email: z.string(), first_name: z.string(), last_name: z.string() }).nullable(),
  link: z
    .string()
    .nullable()
    .describe(
      'What the mail holds; null when the secret key was replaced since: send the invitation again. Only its recipient can use it.',
    ),
})

const inviteLink = z.object({
  id: z.int(),
  hash: z.string().nullable().describe('The end of the link; null when the secret key was replaced since, and nobody knows it any more.'),
  link: z.string().nullable(),
  role: z.enum(['ADMIN', 'USER']),
  date_created: z.iso.datetime(),
  expires_at: z.iso.datetime().nullable(),
})

const scope = { level: 'organisation', by: 'id', from: 'params.organisation' } as const satisfies Scope

/** By e-mail: for one person, once. */
export const invites = resource({
  createMany: {
    method: 'POST',
    path: '/api/v1/organisations/:organisation/invite/',
    summary: 'Invites people by e-mail: `invites`, or `emails` of people who are no administrators and join the default groups.',
    scope,
    permission: 'ADMIN',
    edits: 'own',
    body: z
      .object({ invites: listOf(wanted).default([]), emails: listOf(email).default([]) })
      .refine(({ invites, emails }) => invites.length + emails.length > 0, 'Name somebody to invite.')
      .refine(({ invites, emails }) => invites.length + emails.length <= 50, 'Invite at most 50 people at once.'),
    reply: z.array(invite),
    status: 201,
    records: ['invite.created'],
  },
  list: {
    method: 'GET',
    path: '/api/v1/organisations/:organisation/invites/',
    summary: 'The invitations by e-mail that nobody has accepted, those that have expired too.',
    scope,
    permission: 'ADMIN',
    query: pageQuery(10),
    reply: page(invite),
  },
  create: {
    method: 'POST',
    path: '/api/v1/organisations/:organisation/invites/',
    summary: 'Invites somebody by e-mail.',
    scope,
    permission: 'ADMIN',
    edits: 'own',
    body: wanted,
    reply: invite,
    status: 201,
    records: ['invite.created'],
  },
  get: {
    method: 'GET',
    path: '/api/v1/organisations/:organisation/invites/:invite/',
    summary: 'One invitation by e-mail.',
    scope,
    permission: 'ADMIN',
    reply: invite,
  },
  delete: {
    method: 'DELETE',
    path: '/api/v1/organisations/:organisation/invites/:invite/',
    summary: 'Withdraws an invitation: its link stops working.',
    scope,
    permission: 'ADMIN',
    status: 204,
    records: ['invite.deleted'],
  },
  resend: {
    method: 'POST',
    path: '/api/v1/organisations/:organisation/invites/:invite/resend/',
    summary: 'Sends an invitation again, good for seven more days.',
    scope,
    permission: 'ADMIN',
    edits: 'own',
    reply: invite,
    records: ['invite.sent'],
  },
  join: {
    method: 'POST',
    path: '/api/v1/users/join/:hash/',
    summary: 'Accepts an invitation by e-mail, signed in with the address that it was sent to.',
    scope: { level: 'actor' },
    permission: 'ANYONE',
    peopleOnly: true,
    throttled: true,
    reply: organisation,
    records: ['member.joined'],
  },
})

/** For whoever is given the link, until it expires or is deleted. */
export const inviteLinks = resource({
  list: {
    method: 'GET',
    path: '/api/v1/organisations/:organisation/invite-links/',
    summary: 'The invite links of an organisation.',
    scope,
    permission: 'ADMIN',
    reply: z.array(inviteLink),
  },
  create: {
    method: 'POST',
    path: '/api/v1/organisations/:organisation/invite-links/',
    summary: 'Makes a link by which anybody who has it joins.',
    scope,
    permission: 'ADMIN',
    body: z.object({ role: memberRole.default('USER'), expires_at: instant.nullable().default(null) }),
    reply: inviteLink,
    status: 201,
    records: ['invite_link.created'],
  },
  delete: {
    method: 'DELETE',
    path: '/api/v1/organisations/:organisation/invite-links/:invite_link/',
    summary: 'Ends an invite link; who joined by it stays.',
    scope,
    permission: 'ADMIN',
    status: 204,
    records: ['invite_link.deleted'],
  },
  join: {
    method: 'POST',
    path: '/api/v1/users/join/link/:hash/',
    summary: 'Joins the organisation of an invite link.',
    scope: { level: 'actor' },
    permission: 'ANYONE',
    peopleOnly: true,
    throttled: true,
    reply: organisation,
    records: ['member.joined'],
  },
})
