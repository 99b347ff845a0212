import * as z from 'zod'
import { resource, type Scope } from '../endpoint.ts'
import { shownState, typedValue, writtenState, writtenTypedValue } from '../feature-value.ts'
import { id, listOf, wholeNumber } from '../fields.ts'
import { page, pageQuery } from '../page.ts'

const priority = wholeNumber(0).describe('0 is the strongest.')
const writtenPriority = priority.nullish().describe('0 is the strongest; absent: after all others.')

const place = z.object({
  id: z.int(),
  uuid: z.uuid(),
  feature: z.int(),
  segment: z.int(),
  environment: z.int(),
  priority: z.int(),
  segment_name: z.string(),
  is_feature_specific: z.boolean(),
})

const override = z.object({
  ...shownState(typedValue),
  identity: z.null(),
  feature_segment: z.object({ id: z.int(), segment: z.int(), priority: z.int(), uuid: z.uuid() }),
})

const newOverride = z
  .object({ feature_segment: z.object({ segment: id, priority: writtenPriority }), ...writtenState(writtenTypedValue) })
  .transform(({ feature_segment: place, enabled, feature_state_value: value, multivariate_feature_state_values: weights }) => ({
    segment: place.segment,
    priority: place.priority ?? undefined,
    content: { enabled, value, weights },
  }))

const scope = { level: 'environment', by: 'feature_segment', from: 'params.feature_segment' } as const satisfies Scope

/** The places of segment overrides among those of a feature in an environment: who wins when several segments match. */
export const featureSegments = resource({
  list: {
    method: 'GET',
    path: '/api/v1/features/feature-segments/',
    summary: 'The segment overrides of a feature in an environment, the strongest first.',
    scope: { level: 'environment', by: 'id', from: 'query.environment' },
    permission: 'VIEW_ENVIRONMENT',
    query: z.object({ ...pageQuery(10).shape, environment: id, feature: id }),
    reply: page(place),
  },
  create: {
    method: 'POST',
    path: '/api/v1/features/feature-segments/',
    summary: 'Makes a place for a segment override; its state is created next, through the feature states.',
    scope: { level: 'environment', by: 'id', from: 'body.environment' },
    permission: 'MANAGE_SEGMENT_OVERRIDES',
    body: z.object({ environment: id, feature: id, segment: id, priority: writtenPriority }),
    reply: place,
    status: 201,
    records: ['segment_override.created'],
  },
  get: {
    method: 'GET',
    path: '/api/v1/features/feature-segments/:feature_segment/',
    summary: 'The place of one segment override.',
    scope,
    permission: 'VIEW_ENVIRONMENT',
    reply: place,
  },
  getByUuid: {
    method: 'GET',
    path: '/api/v1/features/feature-segments/get-by-uuid/:uuid/',
    summary: 'The place of one segment override, by its UUID.',
    scope: { level: 'environment', by: 'feature_segment_uuid', from: 'params.uuid' },
    permission: 'VIEW_ENVIRONMENT',
    reply: place,
  },
  delete: {
    method: 'DELETE',
    path: '/api/v1/features/feature-segments/:feature_segment/',
    summary: 'Removes a segment override.',
    scope,
    permission: 'MANAGE_SEGMENT_OVERRIDES',
    status: 204,
    records: ['segment_override.deleted'],
  },
  updatePriorities: {
    method: 'POST',
    path: '/api/v1/features/feature-segments/update-priorities/',
    summary: 'Moves segment overrides of one feature to other places; those not named keep their order.',
    scope: { level: 'environment', by: 'feature_segment', from: 'body.0.id' },
    permission: 'MANAGE_SEGMENT_OVERRIDES',
    body: listOf(z.object({ id, priority })).min(1, 'This list may not be empty.'),
    reply: z.array(place).describe('All of the feature, the strongest first.'),
    records: ['segment_override.reordered'],
  },
  createOverride: {
    method: 'POST',
    path: '/api/v1/environments/:environment_key/features/:feature/create-segment-override/',
    summary: 'Says what a feature is for a segment in an environment.',
    scope: { level: 'environment', by: 'key', from: 'params.environment_key' },
    permission: 'MANAGE_SEGMENT_OVERRIDES',
    body: newOverride,
    reply: override,
    status: 201,
    records: ['segment_override.created'],
  },
})
