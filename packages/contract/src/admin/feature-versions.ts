import * as z from 'zod'
import { resource, type Scope } from '../endpoint.ts'
import { shownState, typedValue, writtenState, writtenTypedValue, type FeatureValue } from '../feature-value.ts'
import { id, instant, listOf, text, uuid, wholeNumber, yesOrNo } from '../fields.ts'
import { page, pageQuery } from '../page.ts'

interface Written {
  readonly enabled?: boolean | undefined
  readonly feature_state_value?: FeatureValue | undefined
  readonly multivariate_feature_state_values?: readonly { readonly variantId: number; readonly weight: number }[] | undefined
}

/** What of a feature state changes; what is undefined stays. */
export const contentOf = ({ enabled, feature_state_value: value, multivariate_feature_state_values: weights }: Written) => ({
  enabled,
  value,
  weights,
})

const place = z
  .object({ segment: id, priority: wholeNumber(0).nullish() })
  .describe('Whose override it is, and where it stands: 0 is the strongest.')

export const overrideState = z
  .object({ feature_segment: place, ...writtenState(writtenTypedValue) })
  .transform(({ feature_segment, ...written }) => ({
    segmentId: feature_segment.segment,
    priority: feature_segment.priority ?? undefined,
    content: contentOf(written),
  }))

const anyState = z
  .object({ feature_segment: place.nullish().describe('Null: what the environment says.'), ...writtenState(writtenTypedValue) })
  .transform(({ feature_segment, ...written }) => ({
    segmentId: feature_segment?.segment,
    priority: feature_segment?.priority ?? undefined,
    content: contentOf(written),
  }))

export const description = text(20_000).nullish().describe('Why, for whoever reads the history.')
const liveFrom = instant.nullish().describe('In the future: when it is to go live, by the database’s clock. Else at once.')
export const ignoreConflicts = yesOrNo
  .default(false)
  .describe('True: goes live even if another version changed the same meanwhile; what this one says then counts.')

const written = z.object({
  feature_states_to_create: listOf(overrideState).default([]),
  feature_states_to_update: listOf(anyState).default([]),
  segment_ids_to_delete_overrides: listOf(id).default([]),
  publish_immediately: yesOrNo.default(false),
  live_from: liveFrom,
  description,
  ignore_conflicts: ignoreConflicts,
})

const conflict = z.object({
  segment_id: z.int().nullable().describe('Null: the environment’s default.'),
  is_environment_default: z.boolean(),
  version: z.uuid().describe('The one that changed the same, or is to.'),
  live_from: z.iso.datetime(),
  author: z.string(),
})

export const version = z.object({
  uuid: z.uuid(),
  number: z.int().nullable().describe('Counts the versions that went live; null until then.'),
  feature: z.int(),
  environment: z.int(),
  created_at: z.iso.datetime(),
  updated_at: z.iso.datetime(),
  published: z.boolean(),
  published_at: z.iso.datetime().nullable(),
  live_from: z.iso.datetime().nullable(),
  is_live: z.boolean().describe('Went live; the one with the highest number counts now.'),
  is_scheduled: z.boolean().describe('Waits for live_from.'),
  ignore_conflicts: z.boolean(),
  refusal: z
    .object({ detail: z.string(), conflicts: z.array(conflict) })
    .nullable()
    .describe('Why it did not go live when it was due. Publish it again, or delete it.'),
  created_by: z.int().nullable().describe('A person; null for API keys and the system.'),
  published_by: z.int().nullable(),
  author: z.string(),
  description: z.string().nullable(),
})
export const versionInFull = version.extend({ previous_version_uuid: z.uuid().nullable() })

const state = z.object({
  ...shownState(typedValue),
  identity: z.null(),
  feature_segment: z.object({ id: z.int(), segment: z.int(), priority: z.int(), uuid: z.uuid() }).nullable(),
})

const side = z
  .object({
    enabled: z.boolean(),
    feature_state_value: typedValue,
    multivariate_feature_state_values: z.array(z.object({ multivariate_feature_option: z.int(), percentage_allocation: z.number() })),
    priority: z.int().nullable().describe('Null: the environment’s default.'),
  })
  .nullable()
  .describe('Null: there is none.')

/** What differs between two versions of a feature, or between two environments. */
export const difference = z.object({
  segment_id: z.int().nullable().describe('Null: the environment’s default.'),
  before: side,
  after: side,
})

export const feature = { level: 'environment', by: 'id', from: 'params.environment' } as const satisfies Scope
const versions = '/api/v1/environments/:environment/features/:feature/versions/' as const
const stateTypes = [
  'feature_state.updated',
  'segment_override.created',
  'segment_override.updated',
  'segment_override.deleted',
  'segment_override.reordered',
] as const

/**
 * What a feature was, is and is to be in an environment. Every edit is a version; one may also be drafted first, and wait for its
 * time. What concerns segment overrides asks for MANAGE_SEGMENT_OVERRIDES as well.
 */
export const featureVersions = resource({
  list: {
    method: 'GET',
    path: versions,
    summary: 'The versions of a feature in an environment, drafts and what waits included, the newest first.',
    scope: feature,
    permission: 'VIEW_ENVIRONMENT',
    query: z.object({ ...pageQuery(999).shape, is_live: z.stringbool().optional() }),
    reply: page(version),
  },
  create: {
    method: 'POST',
    path: versions,
    summary: 'Makes a version from what is live: a draft, or one that is published at once, now or for later.',
    scope: feature,
    permission: 'UPDATE_FEATURE_STATE',
    body: written,
    reply: versionInFull,
    status: 201,
    records: ['feature_version.created', 'feature_version.scheduled', 'feature_version.published', ...stateTypes],
  },
  get: {
    method: 'GET',
    path: `${versions}:uuid/`,
    summary: 'One version.',
    scope: feature,
    permission: 'VIEW_ENVIRONMENT',
    reply: versionInFull,
  },
  getByUuid: {
    method: 'GET',
    path: '/api/v1/environment-feature-versions/:uuid/',
    summary: 'One version, by its UUID alone.',
    scope: { level: 'environment', by: 'feature_version_uuid', from: 'params.uuid' },
    permission: 'VIEW_ENVIRONMENT',
    reply: versionInFull,
  },
  update: {
    method: 'PATCH',
    path: `${versions}:uuid/`,
    summary: 'Changes when a version that waits goes live, what is said of it, or whether conflicts count.',
    scope: feature,
    permission: 'UPDATE_FEATURE_STATE',
    body: z.strictObject({ live_from: instant.optional(), description, ignore_conflicts: yesOrNo.optional() }),
    reply: versionInFull,
    records: ['feature_version.updated'],
  },
  delete: {
    method: 'DELETE',
    path: `${versions}:uuid/`,
    summary: 'Deletes a draft, or cancels what waits.',
    scope: feature,
    permission: 'UPDATE_FEATURE_STATE',
    status: 204,
    records: ['feature_version.deleted'],
  },
  publish: {
    method: 'POST',
    path: `${versions}:uuid/publish/`,
    summary: 'Makes a draft live, now or at live_from.',
    scope: feature,
    permission: 'UPDATE_FEATURE_STATE',
    body: z.object({ live_from: liveFrom, ignore_conflicts: ignoreConflicts }),
    reply: versionInFull,
    records: ['feature_version.scheduled', 'feature_version.published', ...stateTypes],
  },
  restore: {
    method: 'POST',
    path: `${versions}:uuid/restore/`,
    summary: 'Makes a new version that is like this one; what was deleted from the project since is left out.',
    scope: feature,
    permission: 'UPDATE_FEATURE_STATE',
    body: z.strictObject({ description }),
    reply: versionInFull,
    status: 201,
    records: ['feature_version.published', ...stateTypes],
  },
  diff: {
    method: 'GET',
    path: `${versions}:uuid/diff/`,
    summary: 'What a version changes: against the one before it, against what is live if it is not yet, or against another one.',
    scope: feature,
    permission: 'VIEW_ENVIRONMENT',
    query: z.object({ against: uuid.optional() }),
    reply: z.array(difference),
  },
})

/** What a feature is once a version is live; in a draft it can still be changed. */
export const versionStates = resource({
  list: {
    method: 'GET',
    path: `${versions}:uuid/featurestates/`,
    summary: 'What the feature is once this version is live: the default first, then overrides, the strongest first.',
    scope: feature,
    permission: 'VIEW_ENVIRONMENT',
    reply: z.array(state),
  },
  create: {
    method: 'POST',
    path: `${versions}:uuid/featurestates/`,
    summary: 'Adds a segment override to a draft.',
    scope: feature,
    permission: 'UPDATE_FEATURE_STATE',
    body: overrideState,
    reply: state,
    status: 201,
    records: ['feature_version.updated'],
  },
  update: {
    method: 'PATCH',
    path: `${versions}:uuid/featurestates/:feature_state/`,
    summary: 'Changes a state in a draft; fields that are absent stay.',
    scope: feature,
    permission: 'UPDATE_FEATURE_STATE',
    body: z.object(writtenState(writtenTypedValue)).transform(contentOf),
    reply: state,
    records: ['feature_version.updated'],
  },
  replace: {
    method: 'PUT',
    path: `${versions}:uuid/featurestates/:feature_state/`,
    summary: 'Changes a state in a draft; fields that are absent stay.',
    scope: feature,
    permission: 'UPDATE_FEATURE_STATE',
    body: z.object(writtenState(writtenTypedValue)).transform(contentOf),
    reply: state,
    records: ['feature_version.updated'],
  },
  delete: {
    method: 'DELETE',
    path: `${versions}:uuid/featurestates/:feature_state/`,
    summary: 'Removes a segment override in a draft.',
    scope: feature,
    permission: 'UPDATE_FEATURE_STATE',
    status: 204,
    records: ['feature_version.updated'],
  },
})
