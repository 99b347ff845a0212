import * as z from 'zod'
import { resource, type Scope } from '../endpoint.ts'
import { percentage, typedFields, valueOf, writtenTypedFields } from '../feature-value.ts'
import { page, pageQuery } from '../page.ts'

export const variantKey = z
  .string('Not a valid string.')
  .min(1, 'This field may not be blank.')
  .max(255, 'Ensure this field has no more than 255 characters.')
  .regex(/^[-\w]+$/, 'Enter a valid “slug” consisting of letters, numbers, underscores or hyphens.')
  .refine((written) => written !== 'control', '“control” names the feature’s own value.')
  .nullable()
  .describe('What SDKs call the variant; unique within its feature.')

/** A variant as it is written, here and within a new feature. */
export const writtenVariant = z
  .object({ ...writtenTypedFields, key: variantKey.default(null), default_percentage_allocation: percentage.default(100) })
  .transform(({ key, default_percentage_allocation: weight, ...fields }, context) => ({ key, weight, value: valueOf(fields, context) }))

/** What is absent stays; a type or value field changes the value, which is then whole. */
const variantPatch = z
  .object({ ...writtenTypedFields, key: variantKey.optional(), default_percentage_allocation: percentage.optional() })
  .transform(({ key, default_percentage_allocation: weight, ...fields }, context) => ({
    key,
    weight,
    value: Object.values(fields).every((field) => field === undefined) ? undefined : valueOf(fields, context),
  }))

export const variant = z.object({
  id: z.int(),
  uuid: z.uuid(),
  ...typedFields,
  key: z.string().nullable(),
  default_percentage_allocation: z.number().describe('The weight that new environments begin with.'),
})

const ownVariant = variant.extend({ feature: z.int() })
const scope = { level: 'project', by: 'id', from: 'params.project' } as const satisfies Scope

export const variants = resource({
  list: {
    method: 'GET',
    path: '/api/v1/projects/:project/features/:feature/mv-options/',
    summary: 'The variants of a feature.',
    scope,
    permission: 'VIEW_PROJECT',
    query: pageQuery(10),
    reply: page(ownVariant),
  },
  create: {
    method: 'POST',
    path: '/api/v1/projects/:project/features/:feature/mv-options/',
    summary: 'Adds a variant to a feature, with its default weight in every environment.',
    scope,
    permission: 'CREATE_FEATURE',
    body: writtenVariant,
    reply: ownVariant,
    status: 201,
    records: ['variant.created'],
  },
  get: {
    method: 'GET',
    path: '/api/v1/projects/:project/features/:feature/mv-options/:variant/',
    summary: 'One variant.',
    scope,
    permission: 'VIEW_PROJECT',
    reply: ownVariant,
  },
  getByUuid: {
    method: 'GET',
    path: '/api/v1/multivariate/options/get-by-uuid/:uuid/',
    summary: 'One variant, by its UUID.',
    scope: { level: 'project', by: 'variant_uuid', from: 'params.uuid' },
    permission: 'VIEW_PROJECT',
    reply: ownVariant,
  },
  update: {
    method: 'PATCH',
    path: '/api/v1/projects/:project/features/:feature/mv-options/:variant/',
    summary: 'Changes a variant everywhere; fields that are absent stay.',
    scope,
    permission: 'CREATE_FEATURE',
    body: variantPatch,
    reply: ownVariant,
    records: ['variant.updated'],
  },
  replace: {
    method: 'PUT',
    path: '/api/v1/projects/:project/features/:feature/mv-options/:variant/',
    summary: 'Changes a variant everywhere; fields that are absent stay.',
    scope,
    permission: 'CREATE_FEATURE',
    body: variantPatch,
    reply: ownVariant,
    records: ['variant.updated'],
  },
  delete: {
    method: 'DELETE',
    path: '/api/v1/projects/:project/features/:feature/mv-options/:variant/',
    summary: 'Deletes a variant; who had it gets the feature’s own value.',
    scope,
    permission: 'CREATE_FEATURE',
    status: 204,
    records: ['variant.deleted'],
  },
})
