import * as z from 'zod'
import { resource } from '../endpoint.ts'
import { listOf, name, text, yesOrNo } from '../fields.ts'
import { page, pageQuery } from '../page.ts'

const issuer = text(500)
  .regex(/^https?:\/\/[^\s?#]+$/, 'Enter the address of the issuer, without a query, such as https://token.actions.githubusercontent.com.')
  .meta({ examples: ['https://token.actions.githubusercontent.com'] })

const claimRule = z.object({
  claim: name(255).describe('Such as `repository` or `sub`.'),
  values: listOf(name(500)).min(1, 'A rule needs at least one value.').describe('One must match; * stands for any text.'),
})

const settings = {
  name: name(100),
  issuer,
  audience: name(500).describe('What the tokens must be meant for: the `aud` that the workflow asks for.'),
  claim_rules: listOf(claimRule)
    .min(1, 'Without a rule, everybody’s workflows at this issuer would be let in.')
    .describe('All must hold, such as that the repository is yours.'),
  is_admin: yesOrNo.describe('True: its tokens may do everything in the organisation.'),
}

const trustRelationship = z.object({ id: z.int(), ...settings, created_at: z.iso.datetime() })

const place = {
  scope: { level: 'organisation', by: 'id', from: 'params.organisation' },
  permission: 'ADMIN',
  peopleOnly: true,
} as const

export const trustRelationships = resource({
  list: {
    ...place,
    method: 'GET',
    path: '/api/v1/organisations/:organisation/trust-relationships/',
    summary: 'Whose tokens are taken for an API key of the organisation.',
    query: pageQuery(10),
    reply: page(trustRelationship),
  },
  create: {
    ...place,
    method: 'POST',
    path: '/api/v1/organisations/:organisation/trust-relationships/',
    summary: 'Lets workflows of a CI system in without a secret, by the tokens that its issuer signs for them.',
    body: z.object(settings),
    reply: trustRelationship,
    status: 201,
    records: ['trust_relationship.created', 'master_api_key.created'],
  },
  get: {
    ...place,
    method: 'GET',
    path: '/api/v1/organisations/:organisation/trust-relationships/:trust_relationship/',
    summary: 'One trust relationship.',
    reply: trustRelationship,
  },
  update: {
    ...place,
    method: 'PATCH',
    path: '/api/v1/organisations/:organisation/trust-relationships/:trust_relationship/',
    summary: 'Changes a trust relationship; fields that are absent stay.',
    body: z.object(settings).partial(),
    reply: trustRelationship,
    records: ['trust_relationship.updated'],
  },
  replace: {
    ...place,
    method: 'PUT',
    path: '/api/v1/organisations/:organisation/trust-relationships/:trust_relationship/',
    summary: 'Changes a trust relationship; every field is required.',
    body: z.object(settings),
    reply: trustRelationship,
    records: ['trust_relationship.updated'],
  },
  delete: {
    ...place,
    method: 'DELETE',
    path: '/api/v1/organisations/:organisation/trust-relationships/:trust_relationship/',
    summary: 'Deletes a trust relationship: tokens that it gave stop working at once.',
    status: 204,
    records: ['trust_relationship.deleted'],
  },
  exchange: {
    method: 'POST',
    path: '/api/v1/auth/oidc/token/',
    summary: 'Takes a workflow’s token and gives one that acts as the API key of the trust relationship it matches.',
    scope: { level: 'public' },
    permission: 'ANYONE',
    throttled: true,
    edits: 'own',
    body: z.object({ token: name(20_000) }),
    reply: z.object({
      access_token: z.string().describe('The token: `Authorization: Bearer <access_token>`.'),
      token_type: z.literal('Bearer'),
      expires_in: z.int(),
    }),
    records: ['trust_relationship.token_issued'],
  },
})
