import * as z from 'zod'

const nullWhenSensitive = 'Null when the environment hides sensitive data.'

export const flag = z.object({
  id: z.number().int().nullable().describe(nullWhenSensitive),
  feature: z.object({
    id: z.number().int(),
    name: z.string(),
    created_date: z.string().nullable().describe(nullWhenSensitive),
    description: z.string().nullable(),
    initial_value: z.string().nullable(),
    default_enabled: z.boolean().nullable().describe(nullWhenSensitive),
    type: z.enum(['STANDARD', 'MULTIVARIATE']),
  }),
  feature_state_value: z.union([z.string(), z.number(), z.boolean()]).nullable(),
  environment: z.number().int().nullable().describe(nullWhenSensitive),
  identity: z.null(),
  feature_segment: z.null(),
  enabled: z.boolean(),
})

export const identityFlag = flag.extend({
  variant: z.string().nullable().describe('The key of the variant, `control`, or null when nothing was split or the variant has no key.'),
  reason: z.string().optional().describe('Why it is so, for server-side keys: it may name a segment.'),
})

export const flagsQuery = z.object({
  feature: z.string().optional().describe('Answers with this one flag instead of the list.'),
})
export const flagsReply = z.union([z.array(flag), flag])
