import * as z from 'zod'
import { resource } from '../endpoint.ts'
import { exactIdentifier } from '../sdk/identifier.ts'
import { identityTraitsMax, tooMany } from '../sdk/limits.ts'
import { isStorable, messages } from '../sdk/text.ts'
import { traitKey, traitText } from '../sdk/traits.ts'

const value = z.union([z.string(), z.number(), z.boolean(), z.null()])

const condition = z.object({
  property: z.string(),
  operator: z.string(),
  expected: z.union([z.string(), z.array(z.string()).readonly(), z.null()]),
  actual: z.object({ value, type: z.string(), text: z.string() }).nullable().describe('Null: the identity does not have it.'),
  passed: z.boolean(),
  reason: z.string().nullable(),
  problem: z.string().nullable().describe('What is wrong with the condition itself.'),
  split: z.object({ hashed: z.array(z.string()).readonly(), bucket: z.number(), threshold: z.number() }).nullable(),
})

export interface ExplainedRule {
  type: string
  matched: boolean
  conditions: readonly z.output<typeof condition>[]
  rules: readonly ExplainedRule[]
  omittedRules: number
}

const rule: z.ZodType<ExplainedRule> = z
  .object({
    type: z.string(),
    matched: z.boolean(),
    conditions: z.array(condition).readonly(),
    get rules() {
      return z.array(rule).readonly()
    },
    omittedRules: z.int(),
  })
  .meta({ id: 'ExplainedRule' })

const range = z.object({ variant: z.string().nullable(), value, weight: z.number(), from: z.number(), to: z.number() })

const explanation = z.object({
  identity: z.object({ identifier: z.string().nullable(), key: z.string().nullable() }).nullable(),
  traits: z.record(z.string(), value).describe('All that counted: what is stored, and over it what the request brought.'),
  flags: z
    .array(
      z.object({
        flag: z.object({ name: z.string(), enabled: z.boolean(), value, reason: z.string(), variant: z.string().nullable() }),
        candidates: z
          .array(
            z.object({
              source: z.enum(['environment', 'segment', 'identity']),
              segmentKey: z.string().nullable(),
              segmentName: z.string().nullable(),
              priority: z.number().nullable(),
              enabled: z.boolean(),
              value,
              outcome: z.string(),
            }),
          )
          .readonly()
          .describe('Everything that could decide, strongest first; one won.'),
        split: z.object({
          applied: z.boolean(),
          reason: z.string().optional(),
          hashed: z.array(z.string()).readonly().optional(),
          bucket: z.number().optional(),
          chosen: z.int().nullable().optional(),
          ranges: z.array(range).readonly(),
        }),
      }),
    )
    .readonly(),
  segments: z
    .array(
      z.object({ key: z.string(), name: z.string(), matched: z.boolean(), reason: z.string().nullable(), rules: z.array(rule).readonly() }),
    )
    .readonly(),
})

const trait = z.union([traitText, z.number(), z.boolean(), z.null()], 'A trait is a text, a number, a boolean or null.')

export const explanations = resource({
  explain: {
    method: 'POST',
    path: '/api/v1/environments/:environment_key/explain/',
    summary: 'Why every flag, or one, comes out as it does: for an identity with its stored traits, or for traits alone.',
    scope: { level: 'environment', by: 'key', from: 'params.environment_key' },
    permission: 'VIEW_IDENTITIES',
    reads: true,
    body: z.strictObject({
      identifier: exactIdentifier.nullish().describe('Absent or empty: nobody in particular.'),
      traits: z
        .record(traitKey, trait, 'Traits are an object: values by key.')
        .refine((traits) => Object.keys(traits).length <= identityTraitsMax, tooMany(identityTraitsMax))
        .nullish()
        .describe('Count over stored ones; null: as if it had none of that key.'),
      transient: z.boolean('Must be a valid boolean.').nullish().describe('True: what is stored does not count.'),
      feature: z.string('Not a valid string.').refine(isStorable, messages.unstorable).nullish().describe('Only this one, by name.'),
    }),
    reply: explanation,
  },
})
