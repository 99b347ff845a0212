import * as z from 'zod'
import { resource } from '../endpoint.ts'
import { id, instant } from '../fields.ts'
import { page, pageQuery } from '../page.ts'

const entry = z.object({
  id: z.int(),
  created_date: z.iso.datetime(),
  log: z.string().describe('What was done, and to what: “Created a feature: dark_mode”.'),
  author: z
    .object({
      id: z.int(),
      email: z.string(),
      first_name: z.string(),
      last_name: z.string(),
      last_login: z.iso.datetime().nullable(),
      uuid: z.uuid(),
    })
    .nullable()
    .describe('The person who did it; null for API keys, for the platform itself and for people who are gone.'),
  actor: z
    .object({ kind: z.enum(['user', 'api_key', 'system']), id: z.int().nullable(), name: z.string() })
    .describe('Whoever did it, by the name they had then.'),
  organisation: z.int().nullable(),
  project: z.object({ id: z.int(), uuid: z.uuid(), name: z.string(), organisation: z.int() }).nullable(),
  environment: z.object({ id: z.int(), uuid: z.uuid(), name: z.string(), api_key: z.string(), project: z.int() }).nullable(),
  type: z.string().describe('The kind of change, such as `feature.created`.'),
  related_object_id: z.int().nullable(),
  related_object_uuid: z.string().nullable(),
  related_object_type: z.string().describe('FEATURE, FEATURE_STATE, SEGMENT, ENVIRONMENT and so on.'),
  related_object_name: z.string().nullable().describe('What it was called then.'),
  is_system_event: z.boolean(),
  request_id: z.string().nullable(),
  address: z.string().nullable().describe('Where the request came from.'),
})

const details = entry.extend({
  change_type: z.enum(['CREATE', 'UPDATE', 'DELETE', 'UNKNOWN']),
  change_details: z.array(z.object({ field: z.string(), old: z.unknown(), new: z.unknown() })),
})

const filters = z.object({
  project: id.optional(),
  environments: z
    .string()
    .regex(/^\d{1,9}(,\d{1,9})*$/, 'Ids with commas between them.')
    .transform((text) => text.split(',').map(Number))
    .optional()
    .describe('Ids with commas between them.'),
  is_system_event: z
    .enum(['true', 'false'], 'Must be true or false.')
    .transform((text) => text === 'true')
    .optional(),
  author: id.optional().describe('What this person did.'),
  api_key: id.optional().describe('What was done with the API key of this id.'),
  type: z
    .string()
    .regex(/^[a-z_]{1,60}(\.[a-z_]{1,60})?$/, 'A kind of change such as feature.created, or of thing such as feature.')
    .optional()
    .describe('A kind of change such as `feature.created`, or of thing such as `feature`.'),
  object: id.optional().describe('With `type`: what was done to the thing of this id.'),
  from: instant.optional(),
  to: instant.optional().describe('Up to, not including.'),
  search: z
    .string()
    .max(256, 'Ensure this field has no more than 256 characters.')
    .refine((text) => text.isWellFormed() && !text.includes('\0'), 'Null characters are not allowed.')
    .optional()
    .describe('Part of the name of what changed, of who did it, or of the kind of change; or the whole identifier of an identity.'),
})

const listQuery = pageQuery(999).extend({
  ...filters.shape,
  before: z.coerce
    .number()
    .int()
    .min(1)
    .max(Number.MAX_SAFE_INTEGER)
    .optional()
    .describe('Only what is older than this id; `next` sets it.'),
})
const exportQuery = filters.extend({ format: z.enum(['csv', 'ndjson'], 'Must be csv or ndjson.').default('csv') })

const ofOrganisation = { level: 'organisation', by: 'id', from: 'params.organisation' } as const
const ofProject = { level: 'project', by: 'id', from: 'params.project' } as const

export const audit = resource({
  list: {
    method: 'GET',
    path: '/api/v1/audit/',
    summary: 'What was done in the organisations that the caller administers, newest first. `count` is exact up to 100 000.',
    scope: { level: 'actor' },
    permission: 'ANYONE',
    query: listQuery,
    reply: page(entry),
  },
  get: {
    method: 'GET',
    path: '/api/v1/audit/:change/',
    summary: 'One thing done, with what changed.',
    scope: { level: 'actor' },
    permission: 'ANYONE',
    reply: details,
  },
  listOfOrganisation: {
    method: 'GET',
    path: '/api/v1/organisations/:organisation/audit/',
    summary: 'What was done in an organisation and how its people signed in, newest first. `count` is exact up to 100 000.',
    scope: ofOrganisation,
    permission: 'ADMIN',
    query: listQuery,
    reply: page(entry),
  },
  getOfOrganisation: {
    method: 'GET',
    path: '/api/v1/organisations/:organisation/audit/:change/',
    summary: 'One thing done in an organisation, with what changed.',
    scope: ofOrganisation,
    permission: 'ADMIN',
    reply: details,
  },
  exportOfOrganisation: {
    method: 'GET',
    path: '/api/v1/organisations/:organisation/audit/export/',
    summary: 'The whole record of an organisation as a file, newest first; NDJSON has what changed too.',
    scope: ofOrganisation,
    permission: 'ADMIN',
    query: exportQuery,
    file: true,
    reply: z.string(),
  },
  verify: {
    method: 'GET',
    path: '/api/v1/organisations/:organisation/audit/verify/',
    summary: 'Whether the record of an organisation is as it was written; names the first entry that is not.',
    scope: ofOrganisation,
    permission: 'ADMIN',
    reply: z.object({
      intact: z.boolean(),
      sealed: z.int().describe('How many entries fit the chain.'),
      unsealed: z.int().describe('Entries so new that they are not in the chain yet.'),
      hash: z.string().describe('Of the last entry that fits: note it elsewhere, and find it again.'),
      broken: z.object({ position: z.int().nullable(), change: z.int().nullable(), reason: z.string() }).nullable(),
    }),
  },
  listOfProject: {
    method: 'GET',
    path: '/api/v1/projects/:project/audit/',
    summary: 'What was done in a project, newest first. `count` is exact up to 100 000.',
    scope: ofProject,
    permission: 'VIEW_AUDIT_LOG',
    query: listQuery,
    reply: page(entry),
  },
  getOfProject: {
    method: 'GET',
    path: '/api/v1/projects/:project/audit/:change/',
    summary: 'One thing done in a project, with what changed.',
    scope: ofProject,
    permission: 'VIEW_AUDIT_LOG',
    reply: details,
  },
  exportOfProject: {
    method: 'GET',
    path: '/api/v1/projects/:project/audit/export/',
    summary: 'The whole record of a project as a file, newest first; NDJSON has what changed too.',
    scope: ofProject,
    permission: 'VIEW_AUDIT_LOG',
    query: exportQuery,
    file: true,
    reply: z.string(),
  },
})
