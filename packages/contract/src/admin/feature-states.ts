import * as z from 'zod'
import { resource, type Scope } from '../endpoint.ts'
import { plainValue, shownState, typedValue, writtenState, writtenTypedValue, type FeatureValue } from '../feature-value.ts'
import { id } from '../fields.ts'
import { page, pageQuery } from '../page.ts'
import { optionalIdentifier } from '../sdk/identifier.ts'

interface WrittenState {
  readonly enabled?: boolean | undefined
  readonly feature_state_value?: FeatureValue | undefined
  readonly multivariate_feature_state_values?: readonly { readonly variantId: number; readonly weight: number }[] | undefined
}

/** What of a feature state changes; what is undefined stays. */
const patchOf = ({ enabled, feature_state_value: value, multivariate_feature_state_values: weights }: WrittenState) => ({
  enabled,
  value,
  weights,
})

const plainState = z.object({
  ...shownState(plainValue),
  identity: z.object({ id: z.int(), identifier: z.string() }).nullable(),
  feature_segment: z.int().nullable(),
})
const typedState = z.object({ ...shownState(typedValue), identity: z.int().nullable(), feature_segment: z.int().nullable() })

const plainPatch = z.object(writtenState(plainValue)).transform(patchOf)
const typedPatch = z.object(writtenState(writtenTypedValue)).transform(patchOf)
const newOverride = z
  .object({
    environment: id,
    feature: id,
    feature_segment: id.nullish().describe('The place of a segment among the overrides; or else an identifier.'),
    identifier: optionalIdentifier.describe('Whose override it is, when no place is named.'),
    ...writtenState(writtenTypedValue),
  })
  .transform(({ feature, feature_segment: placeId, identifier, ...written }, context) => {
    if (!placeId && identifier === '')
      context.addIssue({ code: 'custom', path: ['feature_segment'], message: 'This field is required, or an identifier.' })
    return { feature, placeId: placeId ?? null, identifier, content: patchOf(written) }
  })

const environment = { level: 'environment', by: 'key', from: 'params.environment_key' } as const satisfies Scope
const state = { level: 'environment', by: 'feature_state', from: 'params.feature_state' } as const satisfies Scope
const records = ['feature_state.updated', 'segment_override.updated', 'identity_override.updated'] as const

/**
 * Writing asks for MANAGE_SEGMENT_OVERRIDES where the state is a segment's, else for UPDATE_FEATURE_STATE. Which one is known
 * when the row is: the handler checks it, on top of what is declared here.
 */
export const featureStates = resource({
  list: {
    method: 'GET',
    path: '/api/v1/environments/:environment_key/featurestates/',
    summary: 'What the features of an environment are by default; with `anyIdentity`, what they are for single identities instead.',
    scope: environment,
    permission: 'VIEW_ENVIRONMENT',
    query: z.object({
      ...pageQuery(10).shape,
      feature: id.optional(),
      feature_name: z.string().optional(),
      anyIdentity: z.string().optional(),
    }),
    reply: page(plainState),
  },
  get: {
    method: 'GET',
    path: '/api/v1/environments/:environment_key/featurestates/:feature_state/',
    summary: 'One feature state.',
    scope: environment,
    permission: 'VIEW_ENVIRONMENT',
    reply: plainState,
  },
  update: {
    method: 'PATCH',
    path: '/api/v1/environments/:environment_key/featurestates/:feature_state/',
    summary: 'Turns a feature on or off, or changes its value or weights; fields that are absent stay.',
    scope: environment,
    permission: 'UPDATE_FEATURE_STATE',
    orPermission: 'MANAGE_SEGMENT_OVERRIDES',
    body: plainPatch,
    reply: plainState,
    records,
  },
  replace: {
    method: 'PUT',
    path: '/api/v1/environments/:environment_key/featurestates/:feature_state/',
    summary: 'Turns a feature on or off, or changes its value or weights; fields that are absent stay.',
    scope: environment,
    permission: 'UPDATE_FEATURE_STATE',
    orPermission: 'MANAGE_SEGMENT_OVERRIDES',
    body: plainPatch,
    reply: plainState,
    records,
  },
  listTyped: {
    method: 'GET',
    path: '/api/v1/features/featurestates/',
    summary: 'The defaults and segment overrides of an environment, values by type.',
    scope: { level: 'environment', by: 'id', from: 'query.environment' },
    permission: 'VIEW_ENVIRONMENT',
    query: z.object({ ...pageQuery(10).shape, environment: id, feature: id.optional(), feature_segment: id.optional() }),
    reply: page(typedState),
  },
  createTyped: {
    method: 'POST',
    path: '/api/v1/features/featurestates/',
    summary: 'Says what a feature is for a segment whose place among the overrides was made before, or for one identity.',
    scope: { level: 'environment', by: 'id', from: 'body.environment' },
    permission: 'MANAGE_SEGMENT_OVERRIDES',
    body: newOverride,
    reply: typedState,
    status: 201,
    records: ['segment_override.updated', 'identity_override.created'],
  },
  getTyped: {
    method: 'GET',
    path: '/api/v1/features/featurestates/:feature_state/',
    summary: 'One feature state, its value by type.',
    scope: state,
    permission: 'VIEW_ENVIRONMENT',
    reply: typedState,
  },
  getTypedByUuid: {
    method: 'GET',
    path: '/api/v1/features/featurestates/get-by-uuid/:uuid/',
    summary: 'One feature state by its UUID, its value by type.',
    scope: { level: 'environment', by: 'feature_state_uuid', from: 'params.uuid' },
    permission: 'VIEW_ENVIRONMENT',
    reply: typedState,
  },
  updateTyped: {
    method: 'PATCH',
    path: '/api/v1/features/featurestates/:feature_state/',
    summary: 'Changes a feature state, its value by type; fields that are absent stay.',
    scope: state,
    permission: 'UPDATE_FEATURE_STATE',
    orPermission: 'MANAGE_SEGMENT_OVERRIDES',
    body: typedPatch,
    reply: typedState,
    records,
  },
  replaceTyped: {
    method: 'PUT',
    path: '/api/v1/features/featurestates/:feature_state/',
    summary: 'Changes a feature state, its value by type; fields that are absent stay.',
    scope: state,
    permission: 'UPDATE_FEATURE_STATE',
    orPermission: 'MANAGE_SEGMENT_OVERRIDES',
    body: typedPatch,
    reply: typedState,
    records,
  },
})
