import * as z from 'zod'
import { unknownId } from './problem.ts'

// The messages are those of Django REST framework: existing clients show and match them.

/** What a field says when it is absent, null, or not of its kind. */
export const saying = (wrong: string) => ({
  error: ({ input }: { readonly input?: unknown }) =>
    input === undefined ? 'This field is required.' : input === null ? 'This field may not be null.' : wrong,
})

const tooLong = (max: number) => `Ensure this field has no more than ${max} characters.`

/** Text as it was written; may be blank. */
export const text = (max: number) => z.string(saying('Not a valid string.')).max(max, tooLong(max))

/** Text without the space around it; may not be blank. */
export const name = (max = 2000) =>
  z.string(saying('Not a valid string.')).trim().min(1, 'This field may not be blank.').max(max, tooLong(max))

/** One of a few words. */
export const oneOf = <const Word extends string>(words: readonly Word[]) =>
  z.enum(words, {
    error: ({ input }) =>
      input === undefined
        ? 'This field is required.'
        : input === null
          ? 'This field may not be null.'
          : `${JSON.stringify(input)} is not a valid choice.`,
  })

export const yesOrNo = z.boolean(saying('Must be a valid boolean.'))

export const idMax = 2_147_483_647

const notAnId = 'Incorrect type. Expected an id.'

/** The id of something that must exist; whether it does is for the command to say. Forms and queries send digits as text. */
export const id = z
  .union(
    [
      // Not z.int(), which has words of its own for integers beyond 2^53.
      z.number().refine(Number.isInteger, notAnId),
      z
        .string()
        .regex(/^\d{1,15}$/)
        .transform(Number),
    ],
    saying(notAnId),
  )
  .refine((value) => value > 0 && value <= idMax, { error: ({ input }) => unknownId(JSON.stringify(input)) })

export const uuid = z.guid(saying('Must be a valid UUID.'))

export const wholeNumber = (min: number, max = idMax) =>
  z
    .int(saying('A valid integer is required.'))
    .min(min, `Ensure this value is greater than or equal to ${min}.`)
    .max(max, `Ensure this value is less than or equal to ${max}.`)

/** Several of something. */
export const listOf = <Item extends z.ZodType>(item: Item) =>
  z.array(item, saying('Expected a list of items.')).max(1000, 'A list holds at most 1000 items.')

/** E-mail addresses name people, so that case must not make two of one. */
export const email = z.email(saying('Enter a valid email address.')).max(254, tooLong(254)).toLowerCase()

const hasOffset = /(?:Z|[+-]\d{2}:\d{2})$/

/** An instant; without an offset it is UTC. */
export const instant = z.iso
  .datetime({
    offset: true,
    local: true,
    ...saying('Datetime has wrong format. Use this one instead: YYYY-MM-DDThh:mm:ssZ, or an offset such as +02:00 for the Z.'),
  })
  .meta({ examples: ['2030-01-01T09:00:00Z'] })
  .transform((written) => new Date(hasOffset.test(written) ? written : `${written}Z`))
