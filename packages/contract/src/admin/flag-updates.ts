import * as z from 'zod'
import { resource, type Scope } from '../endpoint.ts'
import { shownVariant, textualValue, writtenTextualValue, writtenVariants, writtenWeights } from '../feature-value.ts'
import { id, listOf, name, wholeNumber, yesOrNo } from '../fields.ts'

const featureReference = z
  .object({ name: name().optional(), id: wholeNumber(1).optional() })
  .refine(({ name, id }) => (name === undefined) !== (id === undefined), {
    path: ['non_field_errors'],
    message: 'Say which feature it is by its name or by its id: one of both.',
  })
  .meta({ description: 'By its name or by its id.', examples: [{ name: 'checkout' }] })

const priority = wholeNumber(0).nullish().describe('Where it stands: 0 is the strongest. Absent: where it is, or after all others.')
const wholeState = { enabled: yesOrNo, value: writtenTextualValue }

interface Ranked {
  readonly segmentId: number
  readonly priority: number | undefined
}

const isTwice = <Value>(value: Value, index: number, all: readonly Value[]) => value !== undefined && all.indexOf(value) !== index

const rankedAmong = <Item extends z.ZodType<Ranked>>(item: Item) =>
  listOf(item)
    .refine((overrides) => !overrides.map(({ segmentId }) => segmentId).some(isTwice), 'A segment is listed twice.')
    .refine((overrides) => !overrides.map(({ priority }) => priority).some(isTwice), 'Two overrides have the same priority.')

const oneState = z
  .object({ feature: featureReference, segment: z.object({ id, priority }).nullish(), ...wholeState })
  .transform(({ feature, segment, ...content }) => ({
    feature,
    change: segment ? { segments: [{ segmentId: segment.id, priority: segment.priority ?? undefined, content }] } : { default: content },
  }))

const severalStates = z
  .object({
    feature: featureReference,
    environment_default: z.object(wholeState),
    segment_overrides: rankedAmong(
      z
        .object({ segment_id: id, priority, ...wholeState, multivariate_feature_state_values: writtenWeights.optional() })
        .transform(({ segment_id: segmentId, priority, multivariate_feature_state_values: weights, ...content }) => ({
          segmentId,
          priority: priority ?? undefined,
          content: { ...content, weights },
        })),
    ).default([]),
  })
  .transform((written) => ({
    feature: written.feature,
    change: { default: written.environment_default, segments: written.segment_overrides },
  }))

const partOfState = {
  enabled: yesOrNo.optional(),
  value: writtenTextualValue.nullish().describe('Null: none.'),
  variants: writtenVariants.optional().describe('All variants of the feature; what is left gets the value.'),
}

interface WrittenPart {
  readonly enabled?: boolean | undefined
  readonly value?: z.output<typeof writtenTextualValue> | undefined
  readonly variants?: z.output<typeof writtenVariants> | undefined
}

const toPatch = ({ enabled, value, variants: weights }: WrittenPart) => ({ enabled, value, weights })

interface WrittenOverride extends WrittenPart {
  readonly segment: { readonly id: number }
  readonly priority?: number | null | undefined
}

const toOverride = ({ segment, priority, ...part }: WrittenOverride) => ({
  segmentId: segment.id,
  priority: priority ?? undefined,
  content: toPatch(part),
})

const override = { segment: z.object({ id }), priority, ...partOfState }

/** Parts of a flag that one may write. */
const flagParts = {
  environment_default: z.object(partOfState).transform(toPatch).optional(),
  segment_overrides: rankedAmong(z.object(override).transform(toOverride)).optional(),
}

const oneOfMany = z.strictObject({
  feature: featureReference,
  environment_default: z.strictObject(partOfState).transform(toPatch).optional(),
  segment_overrides: rankedAmong(z.strictObject(override).transform(toOverride)).optional(),
  remove_segment_overrides: listOf(id).default([]).describe('Segments; those that have no override are as they should be.'),
})

const shownState = { enabled: z.boolean(), value: textualValue.nullable(), variants: z.array(shownVariant) }

const flag = z.object({
  environment_default: z.object(shownState),
  segment_overrides: z
    .array(z.object({ segment: z.object({ id: z.int() }), priority: z.int(), ...shownState }))
    .describe('The strongest first.'),
})

const environment = { level: 'environment', by: 'key', from: 'params.environment_key' } as const satisfies Scope
const experiments = '/api/experiments/environments/:environment_key/' as const
const overrideChanges = [
  'segment_override.created',
  'segment_override.updated',
  'segment_override.deleted',
  'segment_override.reordered',
] as const
/** What changing a flag may record: one version of all of it, where that is how flags are changed. */
const flagChanges = ['feature_version.published', 'feature_state.updated', ...overrideChanges] as const

/**
 * A flag changed in one request, in environments of either kind. What concerns segment overrides asks for MANAGE_SEGMENT_OVERRIDES
 * as well.
 */
export const flagUpdates = resource({
  updateOne: {
    method: 'POST',
    path: `${experiments}update-flag-v1/`,
    summary: 'Says what a feature is in an environment, by default or for one segment.',
    scope: environment,
    permission: 'UPDATE_FEATURE_STATE',
    body: oneState,
    status: 204,
    records: flagChanges,
  },
  updateSeveral: {
    method: 'POST',
    path: `${experiments}update-flag-v2/`,
    summary: 'Says what a feature is in an environment by default, and for these segments; other overrides stay.',
    scope: environment,
    permission: 'UPDATE_FEATURE_STATE',
    body: severalStates,
    status: 204,
    records: flagChanges,
  },
  deleteOverride: {
    method: 'POST',
    path: `${experiments}delete-segment-override/`,
    summary: 'Removes the override of a feature for a segment.',
    scope: environment,
    permission: 'MANAGE_SEGMENT_OVERRIDES',
    body: z.object({ feature: featureReference, segment: z.object({ id }) }),
    status: 204,
    records: ['feature_version.published', 'segment_override.deleted'],
  },
})

/** Many flags at once. Permissions are those of `wholeFlags`, asked for of each feature. */
export const manyFlags = resource({
  update: {
    method: 'POST',
    path: '/api/v1/environments/:environment_key/features/bulk-update/',
    summary: 'Changes what up to 200 features are in an environment, in one edit: all of them or, if one cannot be, none.',
    scope: environment,
    permission: 'VIEW_ENVIRONMENT',
    body: z.strictObject({
      features: listOf(oneOfMany).min(1, 'This list may not be empty.').max(200, 'At most 200 features are changed at once.'),
    }),
    reply: z.array(z.object({ feature: z.object({ id: z.int(), name: z.string() }), changed: z.boolean() })),
    records: flagChanges,
  },
})

const future = '/api/__future__/environments/:environment_key/features/:feature/' as const

/**
 * A flag whole: what a feature is in an environment by default and for segments. Writing the default asks for UPDATE_FEATURE_STATE,
 * writing overrides for MANAGE_SEGMENT_OVERRIDES; the handler checks what the body has, on top of what is declared here.
 */
export const wholeFlags = resource({
  get: {
    method: 'GET',
    path: future,
    summary: 'What a feature is in an environment, by default and for segments.',
    scope: environment,
    permission: 'VIEW_ENVIRONMENT',
    reply: flag,
  },
  update: {
    method: 'PATCH',
    path: future,
    summary: 'Changes what a feature is in an environment; what is absent stays, and new overrides begin as the default is.',
    scope: environment,
    permission: 'VIEW_ENVIRONMENT',
    body: z.object(flagParts),
    reply: flag,
    records: flagChanges,
  },
  replace: {
    method: 'PUT',
    path: future,
    summary: 'Replaces the default, the overrides or both; overrides that are not listed are removed.',
    scope: environment,
    permission: 'VIEW_ENVIRONMENT',
    body: z.object(flagParts),
    reply: flag,
    records: flagChanges,
  },
  deleteOverride: {
    method: 'DELETE',
    path: `${future}segment-overrides/:segment/`,
    summary: 'Removes the override for a segment; answers what is left.',
    scope: environment,
    permission: 'MANAGE_SEGMENT_OVERRIDES',
    reply: flag,
    records: ['feature_version.published', 'segment_override.deleted'],
  },
})
