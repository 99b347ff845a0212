import * as z from 'zod'
import { resource } from '../endpoint.ts'
import { listOf, text } from '../fields.ts'
import { page, pageQuery } from '../page.ts'
import { exactIdentifier, requiredIdentifier } from '../sdk/identifier.ts'
import { isStorable, messages } from '../sdk/text.ts'

// An identifier and two quotation marks.
const searchLengthMax = 2002

const identity = z.object({
  id: z.int().describe('Up to 53 bits: more than a 32-bit integer holds.'),
  identifier: z.string(),
  dashboard_alias: z.string().nullable().describe('What people call the identity; SDKs do not see it.'),
  environment: z.int(),
})

const identityId = z.int('A valid integer is required.')

export const identities = resource({
  list: {
    method: 'GET',
    path: '/api/v1/environments/:environment_key/identities/',
    summary:
      'The identities of an environment by identifier; follow `next`, and take a count above 10 000 as an estimate. Searching is a moment behind.',
    scope: { level: 'environment', by: 'key', from: 'params.environment_key' },
    permission: 'VIEW_IDENTITIES',
    query: pageQuery(999).extend({
      q: z
        .string()
        .max(searchLengthMax)
        .refine(isStorable, messages.unstorable)
        .optional()
        .describe(
          'A part of the identifier or alias in any case; in double quotes, all of the identifier exactly; `plan:gold` finds by trait too.',
        ),
      cursor: exactIdentifier.default('').describe('The identifier after which to begin; `next` has it.'),
    }),
    reply: page(identity),
  },
  create: {
    method: 'POST',
    path: '/api/v1/environments/:environment_key/identities/',
    summary: 'Creates an identity; SDKs do so by themselves when they first see one.',
    scope: { level: 'environment', by: 'key', from: 'params.environment_key' },
    permission: 'MANAGE_IDENTITIES',
    edits: 'own',
    body: z.object({ identifier: requiredIdentifier }),
    reply: identity,
    status: 201,
    records: ['identity.created'],
  },
  get: {
    method: 'GET',
    path: '/api/v1/environments/:environment_key/identities/:identity/',
    summary: 'One identity.',
    scope: { level: 'environment', by: 'key', from: 'params.environment_key' },
    permission: 'VIEW_IDENTITIES',
    reply: identity,
  },
  update: {
    method: 'PATCH',
    path: '/api/v1/environments/:environment_key/identities/:identity/',
    summary: 'Gives an identity another name for people; its identifier is what it is.',
    scope: { level: 'environment', by: 'key', from: 'params.environment_key' },
    permission: 'MANAGE_IDENTITIES',
    edits: 'own',
    body: z.object({
      dashboard_alias: text(100)
        .trim()
        .toLowerCase()
        .refine(isStorable, messages.unstorable)
        .nullable()
        .transform((alias) => alias || null)
        .optional()
        .describe('Kept in lower case; null or blank: none.'),
    }),
    reply: identity,
    records: ['identity.updated'],
  },
  bulkDelete: {
    method: 'POST',
    path: '/api/v1/environments/:environment_key/identities/bulk-delete/',
    summary: 'Deletes several identities, all or none of them.',
    scope: { level: 'environment', by: 'key', from: 'params.environment_key' },
    permission: 'MANAGE_IDENTITIES',
    edits: 'own',
    body: z.strictObject({ ids: listOf(identityId).min(1, 'Name at least one identity.') }),
    status: 204,
    records: ['identity.deleted'],
  },
  delete: {
    method: 'DELETE',
    path: '/api/v1/environments/:environment_key/identities/:identity/',
    summary: 'Deletes an identity with its traits and, a moment later, its overrides.',
    scope: { level: 'environment', by: 'key', from: 'params.environment_key' },
    permission: 'MANAGE_IDENTITIES',
    edits: 'own',
    status: 204,
    records: ['identity.deleted'],
  },
})
