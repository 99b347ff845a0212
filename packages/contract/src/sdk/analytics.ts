import * as z from 'zod'
import { elementsMax, tooMany } from './limits.ts'
import { expecting, isStorable, list, messages, object } from './text.ts'

export const evaluationCountsBody = z
  .unknown()
  .meta({ type: 'object', additionalProperties: { type: 'integer' }, maxProperties: elementsMax })
  .describe('Evaluations by feature name. Unknown features, and counts that are no whole number, are skipped.')

const count = z
  .number({ error: expecting(messages.notInteger) })
  .refine((value) => Number.isSafeInteger(value) && value >= 0, messages.notInteger)
const text = z.string({ error: expecting(messages.notText) }).refine(isStorable, messages.unstorable)

export const detailedEvaluationCountsBody = object({
  evaluations: list(
    object({
      feature_name: text,
      identity_identifier: text.nullish(),
      enabled_when_evaluated: z.boolean({ error: expecting(messages.notBoolean) }),
      count,
    }),
  ).max(elementsMax, tooMany(elementsMax)),
})

const total = z.number({ error: expecting(messages.notInteger) }).int(messages.notInteger)

export const telemetryBody = object({
  organisations: total,
  projects: total,
  environments: total,
  features: total,
  segments: total,
  users: total,
  debug_enabled: z.boolean({ error: expecting(messages.notBoolean) }),
  env: z.string({ error: expecting(messages.notText) }),
})
