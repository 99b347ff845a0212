import * as z from 'zod'
import { resource } from '../endpoint.ts'
import { id, instant, name, text, wholeNumber, yesOrNo } from '../fields.ts'
import { page, pageQuery } from '../page.ts'

/** What may be set; other fields that clients send back are ignored. */
const settings = {
  name: name(),
  description: text(20_000).nullable(),
  api_key: name(100)
    // It stands in paths and headers as it is.
    .regex(/^[A-Za-z0-9._~-]*$/, 'Use letters, digits and the characters “-”, “_”, “.” and “~” only.')
    .refine((key) => !key.startsWith('ser.'), 'A client-side key cannot begin with “ser.”: server-side keys do.')
    .describe('The client-side SDK key; also names the environment in paths.'),
  minimum_change_request_approvals: wholeNumber(0)
    .nullable()
    .describe('How many people must approve a change; null for no change requests.'),
  allow_client_traits: yesOrNo.describe('False: traits that come with the client-side key are not stored.'),
  banner_text: text(255).nullable(),
  banner_colour: text(7).nullable(),
  hide_disabled_flags: yesOrNo.nullable().describe('Null: as the project says.'),
  use_identity_composite_key_for_hashing: yesOrNo.describe('True: percentages depend on the environment’s key and the identifier.'),
  hide_sensitive_data: yesOrNo.describe('True: SDKs are not sent descriptions, initial values and dates.'),
  use_identity_overrides_in_local_eval: yesOrNo.describe('True: SDKs that evaluate locally are sent identity overrides.'),
}

export { settings as environmentSettings }

// Terraform sends a key that is empty: one is made then.
const newKey = text(100)
  .optional()
  .transform((key) => (key === '' ? undefined : key))
  .pipe(settings.api_key.optional())
  .describe('The client-side SDK key; one is made when it is absent or empty.')

const environment = z.object({
  id: z.int(),
  uuid: z.uuid(),
  project: z.int(),
  ...settings,
  api_key: z.string(),
  use_mv_v2_evaluation: z.boolean().describe('The former name of use_identity_composite_key_for_hashing.'),
  use_v2_feature_versioning: z.boolean().describe('True: feature states are changed through versions only.'),
  is_creating: z.literal(false),
  metadata: z.array(z.never()),
})

const environmentInFull = environment.extend({
  total_segment_overrides: z.int(),
  former_api_keys: z
    .array(z.object({ api_key: z.string(), works_until: z.iso.datetime() }))
    .describe('Client-side keys from before that still work.'),
})

const metric = z.object({
  name: z.enum(['total_features', 'enabled_features', 'segment_overrides', 'identity_overrides']),
  description: z.string(),
  entity: z.enum(['features', 'segments', 'identities']),
  rank: z.int(),
  value: z.int(),
})

export const environments = resource({
  list: {
    method: 'GET',
    path: '/api/v1/environments/',
    summary: 'The environments of a project.',
    scope: { level: 'project', by: 'id', from: 'query.project' },
    permission: 'VIEW_PROJECT',
    query: pageQuery(10).extend({ project: id }),
    reply: page(environment),
  },
  listOfProject: {
    method: 'GET',
    path: '/api/v1/projects/:project/environments/',
    summary: 'The environments of a project, all at once.',
    scope: { level: 'project', by: 'id', from: 'params.project' },
    permission: 'VIEW_PROJECT',
    reply: z.array(environment),
  },
  create: {
    method: 'POST',
    path: '/api/v1/environments/',
    summary: 'Creates an environment; every feature of the project begins in it with its defaults.',
    scope: { level: 'project', by: 'id', from: 'body.project' },
    permission: 'CREATE_ENVIRONMENT',
    body: z.object(settings).partial().extend({ name: settings.name, project: id, api_key: newKey }),
    reply: environmentInFull,
    status: 201,
    records: ['environment.created'],
  },
  get: {
    method: 'GET',
    path: '/api/v1/environments/:environment_key/',
    summary: 'One environment.',
    scope: { level: 'environment', by: 'key', from: 'params.environment_key' },
    permission: 'VIEW_ENVIRONMENT',
    reply: environmentInFull,
  },
  getByUuid: {
    method: 'GET',
    path: '/api/v1/environments/get-by-uuid/:uuid/',
    summary: 'One environment, by its UUID.',
    scope: { level: 'environment', by: 'uuid', from: 'params.uuid' },
    permission: 'VIEW_ENVIRONMENT',
    reply: environmentInFull,
  },
  update: {
    method: 'PATCH',
    path: '/api/v1/environments/:environment_key/',
    summary:
      'Changes settings of an environment; fields that are absent stay. A new api_key replaces the old one at once; rotate-key lets both work for a while.',
    scope: { level: 'environment', by: 'key', from: 'params.environment_key' },
    permission: 'ADMIN',
    body: z.object(settings).partial(),
    reply: environmentInFull,
    records: ['environment.updated'],
  },
  replace: {
    method: 'PUT',
    path: '/api/v1/environments/:environment_key/',
    summary:
      'Changes settings of an environment; the name is required. A new api_key replaces the old one at once; rotate-key lets both work for a while.',
    scope: { level: 'environment', by: 'key', from: 'params.environment_key' },
    permission: 'ADMIN',
    body: z.object(settings).partial().extend({ name: settings.name }),
    reply: environmentInFull,
    records: ['environment.updated'],
  },
  delete: {
    method: 'DELETE',
    path: '/api/v1/environments/:environment_key/',
    summary: 'Deletes an environment: its SDK keys stop working at once.',
    scope: { level: 'environment', by: 'key', from: 'params.environment_key' },
    permission: 'ADMIN',
    status: 204,
    records: ['environment.deleted'],
  },
  clone: {
    method: 'POST',
    path: '/api/v1/environments/:environment_key/clone/',
    summary:
      'Creates an environment with the settings, defaults, segment overrides, priorities and weights of another, without its identities and keys. Percentages are drawn anew: who is in which variant in one says nothing about the other.',
    scope: { level: 'environment', by: 'key', from: 'params.environment_key' },
    permission: 'VIEW_ENVIRONMENT',
    body: z.object({
      name: settings.name,
      clone_feature_states_async: yesOrNo.optional().describe('Ignored: everything is there when this answers.'),
    }),
    reply: environmentInFull,
    records: ['environment.created'],
  },
  rotateKey: {
    method: 'POST',
    path: '/api/v1/environments/:environment_key/rotate-key/',
    summary:
      'Gives an environment a new client-side key; the old one works beside it until a chosen instant. Percentages are unchanged: who is in which variant stays so.',
    scope: { level: 'environment', by: 'key', from: 'params.environment_key' },
    permission: 'ADMIN',
    body: z.strictObject({
      old_key_works_until: instant.describe('An instant that is past: the old key stops at once.'),
    }),
    reply: environmentInFull,
    records: ['environment.key_rotated'],
  },
  metrics: {
    method: 'GET',
    path: '/api/v1/environments/:environment_key/metrics/',
    summary: 'How many features and overrides there are in an environment.',
    scope: { level: 'environment', by: 'key', from: 'params.environment_key' },
    permission: 'VIEW_ENVIRONMENT',
    reply: z.object({ metrics: z.array(metric) }),
  },
})
