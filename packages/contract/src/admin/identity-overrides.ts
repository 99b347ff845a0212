import * as z from 'zod'
import { resource, type Scope } from '../endpoint.ts'
import { plainValue, shownState, writtenState } from '../feature-value.ts'
import { id } from '../fields.ts'
import { page, pageQuery } from '../page.ts'
import { messages } from '../sdk/text.ts'

const written = writtenState(plainValue)
const override = z.object({
  ...shownState(plainValue),
  identity: z.object({ id: z.int(), identifier: z.string() }),
  feature_segment: z.null(),
})

const evaluated = z.object({
  feature: z.object({ id: z.int(), name: z.string(), type: z.enum(['STANDARD', 'MULTIVARIATE']) }),
  enabled: z.boolean(),
  feature_state_value: plainValue,
  reason: z.string().describe('What the evaluation says of why.'),
  overridden_by: z.enum(['SEGMENT', 'IDENTITY']).nullable().describe('Why it is not what the environment says.'),
  segment: z.object({ id: z.int(), name: z.string() }).nullable().describe('Whose override it is, with SEGMENT.'),
  multivariate_feature_state_values: z
    .array(z.object({ multivariate_feature_option: z.object({ value: plainValue }), percentage_allocation: z.number() }))
    .describe('The weights that decided which value it is.'),
})

const environment = { level: 'environment', by: 'key', from: 'params.environment_key' } as const satisfies Scope

const patch = z
  .object(written)
  .transform(({ enabled, feature_state_value: value, multivariate_feature_state_values: weights }) => ({ enabled, value, weights }))

export const identityOverrides = resource({
  list: {
    method: 'GET',
    path: '/api/v1/environments/:environment_key/identities/:identity/featurestates/',
    summary: 'The overrides of one identity.',
    scope: environment,
    permission: 'VIEW_IDENTITIES',
    query: pageQuery(10),
    reply: page(override),
  },
  listAll: {
    method: 'GET',
    path: '/api/v1/environments/:environment_key/identities/:identity/featurestates/all/',
    summary: 'Every feature as this identity gets it, and what decides it.',
    scope: environment,
    permission: 'VIEW_IDENTITIES',
    reply: z.array(evaluated),
  },
  listSegments: {
    method: 'GET',
    path: '/api/v1/environments/:environment_key/identities/:identity/segments/',
    summary: 'The segments an identity is in; those made for one feature only where they override it.',
    scope: environment,
    permission: 'VIEW_IDENTITIES',
    reply: z.array(z.object({ id: z.int(), name: z.string() })),
  },
  create: {
    method: 'POST',
    path: '/api/v1/environments/:environment_key/identities/:identity/featurestates/',
    summary: 'Says what a feature is for one identity.',
    scope: environment,
    permission: 'UPDATE_FEATURE_STATE',
    edits: 'own',
    body: z
      .object({ feature: id, ...written })
      .transform(({ feature, enabled, feature_state_value: value, multivariate_feature_state_values: weights }) => ({
        feature,
        content: { enabled, value, weights },
      })),
    reply: override,
    status: 201,
    records: ['identity_override.created'],
  },
  cloneFrom: {
    method: 'POST',
    path: '/api/v1/environments/:environment_key/identities/:identity/featurestates/clone-from-given-identity/',
    summary: 'Gives an identity the overrides of another one, and no others.',
    scope: environment,
    permission: 'UPDATE_FEATURE_STATE',
    edits: 'own',
    body: z.object({
      source_identity_id: z.int({ error: ({ input }) => (input === undefined ? messages.required : messages.notInteger) }),
    }),
    reply: z.array(evaluated),
    records: ['identity_override.created', 'identity_override.updated', 'identity_override.deleted'],
  },
  get: {
    method: 'GET',
    path: '/api/v1/environments/:environment_key/identities/:identity/featurestates/:feature_state/',
    summary: 'One override of an identity.',
    scope: environment,
    permission: 'VIEW_IDENTITIES',
    reply: override,
  },
  update: {
    method: 'PATCH',
    path: '/api/v1/environments/:environment_key/identities/:identity/featurestates/:feature_state/',
    summary: 'Changes an override of an identity; fields that are absent stay.',
    scope: environment,
    permission: 'UPDATE_FEATURE_STATE',
    edits: 'own',
    body: patch,
    reply: override,
    records: ['identity_override.updated'],
  },
  replace: {
    method: 'PUT',
    path: '/api/v1/environments/:environment_key/identities/:identity/featurestates/:feature_state/',
    summary: 'Changes an override of an identity; fields that are absent stay.',
    scope: environment,
    permission: 'UPDATE_FEATURE_STATE',
    edits: 'own',
    body: patch,
    reply: override,
    records: ['identity_override.updated'],
  },
  delete: {
    method: 'DELETE',
    path: '/api/v1/environments/:environment_key/identities/:identity/featurestates/:feature_state/',
    summary: 'Removes an override: the identity gets what everybody gets.',
    scope: environment,
    permission: 'UPDATE_FEATURE_STATE',
    edits: 'own',
    status: 204,
    records: ['identity_override.deleted'],
  },
})
