import * as z from 'zod'
import { elementsMax } from './limits.ts'
import { traitKeyLengthMax, traitTextLengthMax } from './traits.ts'
import { holdsOnlyStorableText, isLongerThan, isStorable, utf8Length } from './text.ts'

const exposureEvent = '$flag_exposure'

const nameLengthMax = 256
const textLengthMax = 2000
const kibibyte = 1024
const earliest = Date.UTC(2020, 0, 1)

const unstorable = 'must not hold null characters or unpaired surrogates'

const text = (lengthMax: number) =>
  z
    .string('must be a string')
    .refine((value) => !isLongerThan(value, lengthMax), `must be at most ${lengthMax} characters`)
    .refine(isStorable, unstorable)

const json = (bytesMax: number) =>
  z
    .unknown()
    .refine((value) => value === undefined || utf8Length(JSON.stringify(value)) <= bytesMax, `must be at most ${bytesMax} bytes`)
    .refine(holdsOnlyStorableText, unstorable)

const isObjectOrNull = (value: unknown) => value === undefined || (typeof value === 'object' && !Array.isArray(value))

const object = (bytesMax: number) =>
  json(bytesMax)
    .refine(isObjectOrNull, 'must be an object')
    .meta({ type: ['object', 'null'] })

/** Each is judged by itself: a bad one does not keep out the good ones of its batch. */
const event = z
  .object(
    {
      event: text(nameLengthMax).refine((name) => name.trim() !== '', 'must be non-blank'),
      feature_name: text(textLengthMax).nullish(),
      identifier: text(textLengthMax).nullish(),
      value: json(128 * kibibyte).optional(),
      traits: object(32 * kibibyte)
        .refine(hasFittingTraits, 'must have keys of at most 200 and texts of at most 2000 characters')
        .optional(),
      metadata: object(8 * kibibyte).optional(),
      timestamp: z
        .number('must be an integer')
        .refine(Number.isSafeInteger, 'must be an integer')
        .refine((instant) => instant > earliest, 'must be in milliseconds and after 2020-01-01')
        .describe('Milliseconds since 1970; at most a day ahead.'),
    },
    'must be an object',
  )
  .superRefine(({ event: name, feature_name: featureName }, context) => {
    if (name.startsWith('$') && name !== exposureEvent) {
      context.addIssue({ code: 'custom', path: ['event'], message: 'must not begin with $, which is reserved' })
    }
    if (name === exposureEvent && !featureName) {
      context.addIssue({ code: 'custom', path: ['feature_name'], message: `is required for ${exposureEvent}` })
    }
  })

function hasFittingTraits(traits: unknown): boolean {
  if (typeof traits !== 'object' || traits === null) return true
  return Object.entries(traits).every(
    ([key, value]) => !isLongerThan(key, traitKeyLengthMax) && !(typeof value === 'string' && isLongerThan(value, traitTextLengthMax)),
  )
}

export const eventsBody = z.object({ events: z.array(event).min(1).max(elementsMax) })
export const eventsReply = z.object({
  accepted: z.number().int(),
  rejected: z.array(z.object({ index: z.number().int(), error: z.string() })),
})
