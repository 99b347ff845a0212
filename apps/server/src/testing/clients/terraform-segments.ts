import * as z from 'zod'
import type { Call, Lives } from './terraform-call.ts'
import { newFeature } from './terraform-features.ts'
import { environment, identity, place, segment, typedState } from './terraform-shapes.ts'

const unicode = (value: string) => ({ type: 'unicode', string_value: value, integer_value: null, boolean_value: null })
const conditions = [{ operator: 'EQUAL', property: 'plan', value: 'gold' }]

const newSegment: Call = {
  ask: 'POST /api/v1/projects/{project}/segments/',
  body: { name: '{unique}', project: '{project}', rules: [{ type: 'ALL', rules: [{ type: 'ANY', conditions }] }] },
  status: 201,
  reply: segment,
  has: { description: null, feature: null, rules: [{ type: 'ALL', conditions: [], rules: [{ type: 'ANY', conditions, rules: [] }] }] },
  keep: { segment: 'id', segmentUuid: 'uuid' },
}

const newPlace: Call = {
  ask: 'POST /api/v1/features/feature-segments/',
  body: { feature: '{feature}', segment: '{segment}', environment: '{environment}', priority: null },
  status: 201,
  reply: place,
  has: { feature: '{feature}', segment: '{segment}', environment: '{environment}', priority: 0 },
  keep: { place: 'id', placeUuid: 'uuid' },
}

export const segmentLives: Lives = {
  'the resource feature state of a segment': [
    newFeature,
    newSegment,
    { ask: 'GET /api/v1/environments/{environmentKey}/', status: 200, reply: environment, has: { id: '{environment}' } },
    newPlace,
    {
      ask: 'POST /api/v1/features/featurestates/',
      body: {
        feature_state_value: unicode('green'),
        enabled: true,
        feature: '{feature}',
        environment: '{environment}',
        feature_segment: '{place}',
      },
      status: 201,
      reply: typedState,
      has: { enabled: true, feature_segment: '{place}', feature_state_value: { string_value: 'green' }, identity: null },
      keep: { state: 'id', stateUuid: 'uuid' },
    },
    {
      ask: 'GET /api/v1/features/featurestates/get-by-uuid/{stateUuid}/',
      status: 200,
      reply: typedState,
      has: { feature_segment: '{place}' },
    },
    { ask: 'GET /api/v1/features/feature-segments/{place}/', status: 200, reply: place, has: { segment: '{segment}', priority: 0 } },
    { ask: 'GET /api/v1/features/feature-segments/get-by-uuid/{placeUuid}/', status: 200, reply: place, has: { id: '{place}' } },
    {
      ask: 'PUT /api/v1/features/featurestates/{state}/',
      body: {
        id: '{state}',
        uuid: '{stateUuid}',
        feature_state_value: unicode(''),
        enabled: false,
        feature: '{feature}',
        environment: '{environment}',
        feature_segment: '{place}',
      },
      status: 200,
      reply: typedState,
      has: { enabled: false, feature_state_value: { type: 'unicode', string_value: '' } },
    },
    {
      ask: 'POST /api/v1/features/feature-segments/update-priorities/',
      body: [{ priority: 3, id: '{place}' }],
      status: 200,
      reply: z.array(place).length(1),
    },
    { ask: 'GET /api/v1/features/feature-segments/?environment={environment}&feature={feature}', status: 200, pages: 1, reply: place },
    { ask: 'DELETE /api/v1/features/feature-segments/{place}/', status: 204 },
    { ask: 'GET /api/v1/features/featurestates/get-by-uuid/{stateUuid}/', status: 404, has: { detail: 'Not found.' } },
  ],
  'the resource feature state of an identity': [
    newFeature,
    {
      ask: 'POST /api/v1/environments/{environmentKey}/identities/',
      body: { identifier: '{unique}' },
      status: 201,
      reply: identity,
      keep: { identity: 'id', identifier: 'identifier' },
    },
    { ask: 'GET /api/v1/environments/{environmentKey}/identities/{identity}/', status: 200, reply: identity },
    {
      ask: 'POST /api/v1/features/featurestates/',
      body: {
        feature_state_value: unicode('hers'),
        enabled: true,
        feature: '{feature}',
        environment: '{environment}',
        identifier: '{identifier}',
      },
      status: 201,
      reply: typedState,
      has: { identity: '{identity}', feature_segment: null, feature_state_value: { string_value: 'hers' } },
      keep: { state: 'id', stateUuid: 'uuid' },
    },
    { ask: 'GET /api/v1/features/featurestates/get-by-uuid/{stateUuid}/', status: 200, reply: typedState, has: { identity: '{identity}' } },
    {
      ask: 'PUT /api/v1/features/featurestates/{state}/',
      sendBack: { enabled: false, feature_state_value: unicode('theirs') },
      status: 200,
      reply: typedState,
      has: { enabled: false, identity: '{identity}', feature_state_value: { string_value: 'theirs' } },
    },
    { ask: 'DELETE /api/v1/environments/{environmentKey}/identities/{identity}/featurestates/{state}/', status: 204 },
    { ask: 'GET /api/v1/features/featurestates/get-by-uuid/{stateUuid}/', status: 404, has: { detail: 'Not found.' } },
    { ask: 'DELETE /api/v1/environments/{environmentKey}/identities/{identity}/', status: 204 },
  ],
  'the resource segment': [
    newSegment,
    { ask: 'GET /api/v1/segments/get-by-uuid/{segmentUuid}/', status: 200, reply: segment, has: { id: '{segment}', project: '{project}' } },
    { ask: 'GET /api/v1/projects/{project}/segments/{segment}/', status: 200, reply: segment, has: { uuid: '{segmentUuid}' } },
    {
      ask: 'PUT /api/v1/projects/{project}/segments/{segment}/',
      sendBack: { description: 'Sent back' },
      status: 200,
      reply: segment,
      has: { description: 'Sent back' },
    },
    {
      ask: 'PUT /api/v1/projects/{project}/segments/{segment}/',
      body: {
        id: '{segment}',
        uuid: '{segmentUuid}',
        name: 'Renamed',
        project: '{project}',
        rules: [{ type: 'ALL', rules: [{ type: 'NONE', conditions }] }],
      },
      status: 200,
      reply: segment,
      has: { name: 'Renamed', uuid: '{segmentUuid}', rules: [{ rules: [{ type: 'NONE' }] }] },
    },
    { ask: 'GET /api/v1/projects/{project}/segments/?page_size=1', status: 200, pages: 2, reply: segment },
    { ask: 'DELETE /api/v1/projects/{project}/segments/{segment}/', status: 204 },
    { ask: 'GET /api/v1/segments/get-by-uuid/{segmentUuid}/', status: 404, has: { detail: 'Not found.' } },
  ],
  'the resource segment, of one feature': [
    newFeature,
    {
      ask: 'POST /api/v1/projects/{project}/segments/',
      body: {
        name: '{unique}',
        project: '{project}',
        feature: '{feature}',
        rules: [{ type: 'ALL', rules: [{ type: 'ANY', conditions }] }],
      },
      status: 201,
      reply: segment,
      has: { feature: '{feature}' },
    },
  ],
}
