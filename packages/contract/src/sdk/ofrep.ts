import * as z from 'zod'
import { exactIdentifier } from './identifier.ts'

export const ofrepParams = z.object({ key: z.string().describe('The name of a feature.') })

export const ofrepQuery = z.object({
  mode: z.literal('enabled').optional().describe('Every value is whether the feature is enabled, also of features that have a value.'),
  json: z.literal('1').optional().describe('Texts that are JSON objects become objects.'),
  strict: z.literal('1').optional().describe('A context without a targeting key is an error instead of somebody unknown.'),
})

export const ofrepBulkQuery = ofrepQuery.extend({
  flagConfigEtag: z.string().optional(),
  flagConfigLastModified: z.string().optional(),
})

export const ofrepBulkHeaders = z.object({ 'if-none-match': z.string().optional() })

const targetingKey = z
  .union([z.string(), z.number()], 'must be a string')
  .nullish()
  .transform((written) => (written === null || written === undefined ? '' : String(written)))
  .pipe(exactIdentifier)

export const ofrepBody = z.object(
  {
    context: z
      .object({ targetingKey: targetingKey.describe('Who is asking; absent or empty for somebody unknown.') }, 'must be an object')
      .describe(
        'Members that are text, numbers or booleans are traits, and so are the members of `traits`: at most 1000, with the limits of traits. Nothing is stored.',
      ),
  },
  'must be an object with a context',
)

export const ofrepFlag = z.object({
  key: z.string(),
  reason: z.enum(['STATIC', 'TARGETING_MATCH', 'SPLIT', 'DISABLED']),
  value: z.unknown().optional().describe('Absent when a feature that has a value is disabled: the default in the code counts.'),
  variant: z.string().optional(),
  metadata: z.object({
    featureId: z.number().int(),
    enabled: z.boolean(),
    type: z.string(),
    segment: z.string().optional().describe('Only for server-side keys.'),
    weight: z.number().optional().describe('Only for server-side keys.'),
  }),
})

export const ofrepFlags = z.object({
  flags: z.array(ofrepFlag),
  metadata: z.object({ environment: z.string(), version: z.string() }),
  eventStreams: z.array(z.object({ type: z.literal('sse'), endpoint: z.object({ requestUri: z.string() }) })).optional(),
})

export const ofrepStreamQuery = z.object({
  key: z.string().optional().describe('A client-side key.'),
  token: z.string().optional().describe('As found in `eventStreams`, instead of the key.'),
})
