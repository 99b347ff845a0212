import type { Operator, OwnOperator, UpstreamOperator } from '@halyard/engine'
import * as z from 'zod'
import { resource, type Scope } from '../endpoint.ts'
import { id, listOf, name, oneOf, text, yesOrNo } from '../fields.ts'
import { page, pageQuery } from '../page.ts'

const upstreamOperators = [
  'EQUAL',
  'NOT_EQUAL',
  'GREATER_THAN',
  'GREATER_THAN_INCLUSIVE',
  'LESS_THAN',
  'LESS_THAN_INCLUSIVE',
  'CONTAINS',
  'NOT_CONTAINS',
  'REGEX',
  'PERCENTAGE_SPLIT',
  'MODULO',
  'IS_SET',
  'IS_NOT_SET',
  'IN',
] as const satisfies readonly UpstreamOperator[]

/** What official SDKs do not know: segments with these are exported to them in other words, or not at all. */
export const ownOperators = [
  'STARTS_WITH',
  'ENDS_WITH',
  'CONTAINS_IGNORE_CASE',
  'DATE_BEFORE',
  'DATE_AFTER',
] as const satisfies readonly OwnOperator[]

const segmentOperators = [...upstreamOperators, ...ownOperators] as const

export interface SegmentCondition {
  readonly operator: Operator
  readonly property: string
  readonly value: string | null
  readonly description: string | null
}

export interface SegmentRule {
  readonly type: 'ALL' | 'ANY' | 'NONE'
  readonly rules: readonly SegmentRule[]
  readonly conditions: readonly SegmentCondition[]
}

const removed = yesOrNo.optional().describe('True: leave this out, as if it were not listed.')
const isKept = (written: { readonly delete?: boolean | undefined }) => written.delete !== true
const without = <Kept extends object>({ delete: _, ...kept }: Kept & { readonly delete?: boolean | undefined }) => kept

// Numbers and booleans are compared by what the trait is, so that text loses nothing.
const operand = z.union([text(1000), z.number(), z.boolean()], 'A value is a text, a number or a boolean.').transform(String)

const writtenCondition = z.object({
  operator: oneOf(segmentOperators),
  property: text(1000)
    .nullish()
    .transform((property) => property ?? ''),
  value: operand.nullish().transform((value) => value ?? null),
  description: z
    .string('Not a valid string.')
    .nullish()
    .transform((description) => description ?? null),
  delete: removed,
})

/** A rule as it may be written: lists that are empty may be absent. */
export interface WrittenRule {
  readonly type: SegmentRule['type']
  readonly rules?: readonly WrittenRule[] | undefined
  readonly conditions?: readonly z.input<typeof writtenCondition>[] | undefined
  readonly delete?: boolean | undefined
}

const writtenRule = z.object({
  type: oneOf(['ALL', 'ANY', 'NONE']),
  get rules(): z.ZodType<SegmentRule[], readonly WrittenRule[] | undefined> {
    return writtenRules.default([])
  },
  conditions: listOf(writtenCondition)
    .transform((conditions) => conditions.filter(isKept).map(without))
    .default([]),
  delete: removed,
})

export const writtenRules: z.ZodType<SegmentRule[], readonly WrittenRule[]> = listOf(writtenRule)
  .transform((rules) => rules.filter(isKept).map(without))
  .meta({ id: 'WrittenSegmentRules' })

const condition = z.object({
  operator: z.enum(segmentOperators),
  property: z.string(),
  value: z.string().nullable(),
  description: z.string().nullable(),
})

/** Rules as they are stored and shown: every list is there. */
export const segmentRule: z.ZodType<SegmentRule> = z
  .object({
    type: z.enum(['ALL', 'ANY', 'NONE']),
    get rules() {
      return z.array(segmentRule)
    },
    conditions: z.array(condition),
  })
  .meta({ id: 'SegmentRule' })

const segment = z.object({
  id: z.int(),
  uuid: z.uuid(),
  name: z.string(),
  description: z.string().nullable(),
  project: z.int(),
  feature: z.int().nullable().describe('A segment made for one feature may override only that one.'),
  rules: z.array(segmentRule),
  version: z.int(),
  version_of: z.int(),
  created_at: z.iso.datetime(),
  updated_at: z.iso.datetime(),
  managed_by: z.literal(''),
  membership_counts: z.array(z.never()),
  metadata: z.array(z.never()),
  local_evaluation: z
    .object({ is_exported: z.boolean(), reason: z.string().nullable() })
    .describe('Whether official SDKs that evaluate locally get this segment; if not, why. Remote evaluation knows every segment.'),
})

const settings = {
  name: name(),
  description: text(20_000).nullable(),
  rules: writtenRules,
}

const flag = z.stringbool({ error: 'Must be a valid boolean.' })
const scope = { level: 'project', by: 'id', from: 'params.project' } as const satisfies Scope

export const segments = resource({
  list: {
    method: 'GET',
    path: '/api/v1/projects/:project/segments/',
    summary: 'The segments of a project.',
    scope,
    permission: 'VIEW_PROJECT',
    query: z.object({
      ...pageQuery(999).shape,
      q: z.string().optional().describe('Part of the name; case is ignored.'),
      include_feature_specific: flag.default(true),
    }),
    reply: page(segment),
  },
  create: {
    method: 'POST',
    path: '/api/v1/projects/:project/segments/',
    summary: 'Creates a segment.',
    scope,
    permission: 'MANAGE_SEGMENTS',
    body: z.object({ ...settings, description: settings.description.default(null), feature: id.nullish() }),
    reply: segment,
    status: 201,
    records: ['segment.created'],
  },
  get: {
    method: 'GET',
    path: '/api/v1/projects/:project/segments/:segment/',
    summary: 'One segment.',
    scope,
    permission: 'VIEW_PROJECT',
    reply: segment,
  },
  getByUuid: {
    method: 'GET',
    path: '/api/v1/segments/get-by-uuid/:uuid/',
    summary: 'One segment, by its UUID.',
    scope: { level: 'project', by: 'segment_uuid', from: 'params.uuid' },
    permission: 'VIEW_PROJECT',
    reply: segment,
  },
  update: {
    method: 'PATCH',
    path: '/api/v1/projects/:project/segments/:segment/',
    summary: 'Changes a segment; fields that are absent stay.',
    scope,
    permission: 'MANAGE_SEGMENTS',
    body: z.object(settings).partial(),
    reply: segment,
    records: ['segment.updated'],
  },
  replace: {
    method: 'PUT',
    path: '/api/v1/projects/:project/segments/:segment/',
    summary: 'Changes a segment; name and rules are required.',
    scope,
    permission: 'MANAGE_SEGMENTS',
    body: z.object({ ...settings, description: settings.description.optional() }),
    reply: segment,
    records: ['segment.updated'],
  },
  delete: {
    method: 'DELETE',
    path: '/api/v1/projects/:project/segments/:segment/',
    summary: 'Deletes a segment. One that overrides features is refused, unless it is forced: then its overrides go too.',
    scope,
    permission: 'MANAGE_SEGMENTS',
    query: z.object({ force: flag.default(false).describe('True: with its overrides in every environment.') }),
    status: 204,
    records: ['segment.deleted'],
  },
  clone: {
    method: 'POST',
    path: '/api/v1/projects/:project/segments/:segment/clone/',
    summary: 'Creates a segment with the rules of another.',
    scope,
    permission: 'MANAGE_SEGMENTS',
    body: z.object({ name: name() }),
    reply: segment,
    status: 201,
    records: ['segment.created'],
  },
  usage: {
    method: 'GET',
    path: '/api/v1/projects/:project/segments/:segment/usage/',
    summary: 'Which features a segment overrides, and in which environments.',
    scope,
    permission: 'VIEW_PROJECT',
    reply: z.object({
      feature_count: z.int(),
      environment_count: z.int(),
      override_count: z.int(),
      environments: z.array(
        z.object({
          id: z.int(),
          name: z.string(),
          features: z.array(z.object({ id: z.int(), name: z.string(), enabled: z.boolean(), priority: z.int() })),
        }),
      ),
    }),
  },
  revisions: {
    method: 'GET',
    path: '/api/v1/projects/:project/segments/:segment/revisions/',
    summary: 'What a segment was, the newest first.',
    scope,
    permission: 'VIEW_PROJECT',
    query: pageQuery(50),
    reply: page(
      z.object({
        version: z.int(),
        name: z.string(),
        description: z.string().nullable(),
        rules: z.array(segmentRule),
        from: z.iso.datetime(),
        until: z.iso.datetime().nullable().describe('Null: it still is.'),
        author: z.string().nullable(),
      }),
    ),
  },
  associatedFeatures: {
    method: 'GET',
    path: '/api/v1/projects/:project/segments/:segment/associated-features/',
    summary: 'The states of features that a segment overrides, in one environment or in all.',
    scope,
    permission: 'VIEW_PROJECT',
    query: z.object({ ...pageQuery(999).shape, environment: id.optional() }),
    reply: page(z.object({ id: z.int(), feature: z.int(), environment: z.int() })),
  },
})
