import * as z from 'zod'
import { resource, type Scope } from '../endpoint.ts'
import { plainValue } from '../feature-value.ts'
import { id, listOf, name, oneOf, text, yesOrNo } from '../fields.ts'
import { page, pageQuery } from '../page.ts'
import { variant, writtenVariant } from './variants.ts'

const ids = z
  .string()
  .regex(/^(\d{1,9}(,\d{1,9})*)?$/, 'Enter ids separated by commas.')
  .transform((written) => (written === '' ? [] : written.split(',').map(Number)))

const flag = z.stringbool({ error: 'Must be a valid boolean.' })

const filters = z.object({
  ...pageQuery(999).shape,
  environment: id.optional().describe('Fills what depends on the environment.'),
  segment: id.optional().describe('Fills `segment_feature_state`, together with `environment`.'),
  search: z.string().optional().describe('Part of the name; case is ignored.'),
  sort_field: oneOf(['created_date', 'name', 'last_modified'])
    .default('created_date')
    .describe('`last_modified`: when its default or a segment override last changed, in `environment` or else in any.'),
  sort_direction: oneOf(['ASC', 'DESC']).default('ASC'),
  tags: ids.optional().describe('Ids separated by commas; empty: features without tags.'),
  tag_strategy: oneOf(['INTERSECTION', 'UNION']).default('INTERSECTION'),
  is_archived: flag.optional(),
  type: oneOf(['STANDARD', 'MULTIVARIATE']).optional(),
  owners: ids.optional().describe('Ids of people, separated by commas: features that one of them owns.'),
  group_owners: ids.optional().describe('Ids of groups, separated by commas: features that one of them owns.'),
  is_enabled: flag.optional().describe('On or off by default in `environment`, which is then required.'),
  value_search: z.string().optional().describe('Part of the default value in `environment`, which is then required.'),
})

const initialValue = plainValue.transform((value) => (value === null ? null : String(value)))

/** What may be set after creation; initial values and defaults are not among it, as upstream. */
const settings = {
  name: name().describe('SDKs ask by name: after a change they find the feature under the new one only.'),
  description: text(20_000).nullable(),
  is_archived: yesOrNo.describe('A label: archived features are still served.'),
  is_server_key_only: yesOrNo.describe('True: served to server-side keys only.'),
  tags: listOf(id)
    .nullable()
    .transform((tags) => tags ?? undefined),
}

const owner = z.object({
  id: z.int(),
  email: z.string(),
  first_name: z.string(),
  last_name: z.string(),
  last_login: z.iso.datetime().nullable(),
  uuid: z.uuid(),
})

const smallState = z.object({
  id: z.int(),
  feature_state_value: plainValue,
  environment: z.int(),
  identity: z.null(),
  feature_segment: z.int().nullable(),
  enabled: z.boolean(),
})

export const feature = z.object({
  id: z.int(),
  uuid: z.uuid(),
  name: z.string(),
  type: z.enum(['STANDARD', 'MULTIVARIATE']),
  default_enabled: z.boolean(),
  initial_value: z.string().nullable(),
  created_date: z.iso.datetime(),
  description: z.string().nullable(),
  tags: z.array(z.int()),
  multivariate_options: z.array(variant),
  is_archived: z.boolean(),
  is_server_key_only: z.boolean(),
  owners: z.array(owner),
  group_owners: z.array(z.object({ id: z.int(), name: z.string() })),
  project: z.int(),
  environment_feature_state: smallState.nullable(),
  segment_feature_state: smallState.nullable(),
  num_segment_overrides: z.int().describe('In the environment that was asked for, or else in all.'),
  num_identity_overrides: z.int().describe('In the environment that was asked for, or else in all.'),
  is_num_identity_overrides_complete: z.literal(true),
  last_modified_in_any_environment: z.iso.datetime().nullable().describe('When its default or a segment override last changed.'),
  last_modified_in_current_environment: z.iso.datetime().nullable(),
  metadata: z.array(z.never()),
  code_references_counts: z.array(z.never()),
  lifecycle_stage: z.null(),
})

const updatedFeature = feature.extend({
  renamed: z
    .object({ from: z.string(), warning: z.string() })
    .nullable()
    .describe('The name it had until this request, if that was another one, and what follows from it.'),
})

const newFeature = z.object({
  name: settings.name,
  type: oneOf(['STANDARD', 'MULTIVARIATE', 'FLAG', 'CONFIG'])
    .default('STANDARD')
    .transform((type) => (type === 'MULTIVARIATE' ? type : 'STANDARD')),
  initial_value: initialValue.default(null),
  default_enabled: yesOrNo.default(false),
  description: settings.description.default(null),
  is_archived: settings.is_archived.default(false),
  is_server_key_only: settings.is_server_key_only.default(false),
  tags: settings.tags.optional(),
  owners: listOf(id).default([]).describe('Ids of people; when there are none, whoever creates it.'),
  group_owners: listOf(id).default([]).describe('Ids of groups of the organisation.'),
  multivariate_options: listOf(writtenVariant).default([]),
})

const changedOwners = z.object({ user_ids: listOf(id) })
const changedGroupOwners = z.object({ group_ids: listOf(id) })

/** Many at once, all or none. */
const several = listOf(id).min(1, 'Name at least one feature.').describe('Ids of features.')
const severalFeatures = z.object({ features: z.array(feature) })
const scope = { level: 'project', by: 'id', from: 'params.project' } as const satisfies Scope

export const features = resource({
  list: {
    method: 'GET',
    path: '/api/v1/projects/:project/features/',
    summary: 'The features of a project.',
    scope,
    permission: 'VIEW_PROJECT',
    query: filters,
    reply: page(feature),
  },
  create: {
    method: 'POST',
    path: '/api/v1/projects/:project/features/',
    summary: 'Creates a feature in every environment of the project.',
    scope,
    permission: 'CREATE_FEATURE',
    body: newFeature,
    reply: feature,
    status: 201,
    records: ['feature.created'],
  },
  get: {
    method: 'GET',
    path: '/api/v1/projects/:project/features/:feature/',
    summary: 'One feature.',
    scope,
    permission: 'VIEW_PROJECT',
    reply: feature,
  },
  getByUuid: {
    method: 'GET',
    path: '/api/v1/features/get-by-uuid/:uuid/',
    summary: 'One feature, by its UUID.',
    scope: { level: 'project', by: 'feature_uuid', from: 'params.uuid' },
    permission: 'VIEW_PROJECT',
    reply: feature,
  },
  update: {
    method: 'PATCH',
    path: '/api/v1/projects/:project/features/:feature/',
    summary: 'Changes a feature; fields that are absent stay.',
    scope,
    permission: 'CREATE_FEATURE',
    body: z.object(settings).partial(),
    reply: updatedFeature,
    records: ['feature.updated'],
  },
  replace: {
    method: 'PUT',
    path: '/api/v1/projects/:project/features/:feature/',
    summary: 'Changes a feature; fields that are absent stay.',
    scope,
    permission: 'CREATE_FEATURE',
    body: z.object(settings).partial(),
    reply: updatedFeature,
    records: ['feature.updated'],
  },
  delete: {
    method: 'DELETE',
    path: '/api/v1/projects/:project/features/:feature/',
    summary: 'Deletes a feature: SDKs no longer get it.',
    scope,
    permission: 'DELETE_FEATURE',
    status: 204,
    records: ['feature.deleted'],
  },
  addOwners: {
    method: 'POST',
    path: '/api/v1/projects/:project/features/:feature/add-owners/',
    summary: 'Adds people to those who look after a feature.',
    scope,
    permission: 'CREATE_FEATURE',
    body: changedOwners,
    reply: feature,
    records: ['feature.updated'],
  },
  removeOwners: {
    method: 'POST',
    path: '/api/v1/projects/:project/features/:feature/remove-owners/',
    summary: 'Takes people off those who look after a feature.',
    scope,
    permission: 'CREATE_FEATURE',
    body: changedOwners,
    reply: feature,
    records: ['feature.updated'],
  },
  addGroupOwners: {
    method: 'POST',
    path: '/api/v1/projects/:project/features/:feature/add-group-owners/',
    summary: 'Adds groups to those who look after a feature.',
    scope,
    permission: 'CREATE_FEATURE',
    body: changedGroupOwners,
    reply: feature,
    records: ['feature.updated'],
  },
  removeGroupOwners: {
    method: 'POST',
    path: '/api/v1/projects/:project/features/:feature/remove-group-owners/',
    summary: 'Takes groups off those who look after a feature.',
    scope,
    permission: 'CREATE_FEATURE',
    body: changedGroupOwners,
    reply: feature,
    records: ['feature.updated'],
  },
  updateMany: {
    method: 'POST',
    path: '/api/v1/projects/:project/features/bulk-update/',
    summary: 'Archives, restores from the archive or tags many features at once; all of them or, if one cannot be, none.',
    scope,
    permission: 'CREATE_FEATURE',
    body: z.strictObject({
      features: several,
      is_archived: yesOrNo.optional(),
      add_tags: listOf(id).optional(),
      remove_tags: listOf(id).optional(),
    }),
    reply: severalFeatures,
    records: ['feature.updated'],
  },
  deleteMany: {
    method: 'POST',
    path: '/api/v1/projects/:project/features/bulk-delete/',
    summary: 'Deletes many features at once; all of them or, if one cannot be, none.',
    scope,
    permission: 'DELETE_FEATURE',
    body: z.strictObject({ features: several }),
    status: 204,
    records: ['feature.deleted'],
  },
})
