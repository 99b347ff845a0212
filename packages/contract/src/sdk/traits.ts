import type { TraitValue } from '@halyard/engine'
import * as z from 'zod'
import { exactIdentifier, requiredIdentifier } from './identifier.ts'
import { elementsMax, tooMany } from './limits.ts'
import { expecting, isLongerThan, isStorable, list, messages, object, tooLong } from './text.ts'

export const traitKeyLengthMax = 200
export const traitTextLengthMax = 2000

function whyNotATraitKey(key: string): string | undefined {
  if (key === '') return messages.blank
  if (!isStorable(key)) return messages.unstorable
  return isLongerThan(key, traitKeyLengthMax) ? tooLong(traitKeyLengthMax) : undefined
}

export const traitKey = z
  .union([z.string(), z.number()], { error: expecting(messages.notText) })
  .transform((written) => String(written).trim())
  .superRefine((key, context) => {
    const reason = whyNotATraitKey(key)
    if (reason) context.addIssue(reason)
  })

/** Objects and lists are kept as their JSON text: the JavaScript SDK really sends some, and must not be refused. */
const traitValue = z
  .unknown()
  .transform((json, context): TraitValue => {
    const value = typeof json === 'object' && json !== null ? JSON.stringify(json) : json
    if (typeof value === 'string') {
      const reason = whyNotATraitText(value)
      if (reason) context.addIssue(reason)
      return value
    }
    if (typeof value === 'number' || typeof value === 'boolean' || value === null) return value
    context.addIssue(messages.required)
    return null
  })
  .describe('A boolean, number or text of at most 2000 characters; null forgets the trait; anything else is kept as JSON text.')

function whyNotATraitText(text: string): string | undefined {
  if (!isStorable(text)) return messages.unstorable
  return isLongerThan(text, traitTextLengthMax) ? 'Value string is too long. Must be less than 2000 character' : undefined
}

/** The value of a trait that is known to be text. */
export const traitText = z.string(messages.notText).superRefine((value, context) => {
  const reason = whyNotATraitText(value)
  if (reason) context.addIssue(reason)
})

const knownTraitValue = traitValue.refine((value) => value !== null, messages.null)

// What Django REST framework takes for a boolean, because old clients send it.
const truthy: ReadonlySet<unknown> = new Set([
  true,
  1,
  '1',
  't',
  'T',
  'y',
  'Y',
  'yes',
  'Yes',
  'YES',
  'true',
  'True',
  'TRUE',
  'on',
  'On',
  'ON',
])
const falsy: ReadonlySet<unknown> = new Set([
  false,
  0,
  '0',
  'f',
  'F',
  'n',
  'N',
  'no',
  'No',
  'NO',
  'false',
  'False',
  'FALSE',
  'off',
  'Off',
  'OFF',
])

export const looseBoolean = z
  .union([z.boolean(), z.literal([0, 1]), z.string()], { error: messages.notBoolean })
  .nullish()
  .transform((written, context) => {
    if (truthy.has(written)) return true
    if (written !== null && written !== undefined && !falsy.has(written)) context.addIssue(messages.notBoolean)
    return false
  })

/** A trait as a request brings it. */
export const traitInput = object({
  trait_key: traitKey,
  trait_value: traitValue,
  transient: looseBoolean.describe('Counts for this evaluation only; never stored.'),
})

/** A trait as a reply shows it. */
export const trait = z.object({
  id: z.number().int().nullable().describe('Null for traits that are not stored.'),
  trait_key: z.string(),
  trait_value: z.union([z.string(), z.number(), z.boolean()]),
  transient: z.boolean(),
})

const owner = object({ identifier: requiredIdentifier })

export const setTraitBody = object({ identity: owner, trait_key: traitKey, trait_value: knownTraitValue })
export const setTraitReply = z.object({
  identity: z.object({ identifier: z.string() }),
  trait_value: trait.shape.trait_value,
  trait_key: z.string(),
})

export const setTraitsBody = list(object({ identity: owner, trait_key: traitKey, trait_value: traitValue })).max(
  elementsMax,
  tooMany(elementsMax),
)
export const setTraitsReply = z.array(setTraitReply)

const safeInteger = z.union([z.number(), z.string().regex(/^\s*[+-]?\d{1,16}\s*$/)], { error: expecting(messages.notInteger) })
export const incrementTraitBody = object({
  identifier: requiredIdentifier,
  trait_key: traitKey,
  increment_by: safeInteger.transform(Number).refine(Number.isSafeInteger, messages.notInteger),
})
export const incrementTraitReply = z.object({ trait_key: z.string(), trait_value: z.number().int(), identifier: z.string() })

export const setIdentityTraitParams = object({ identifier: exactIdentifier, trait_key: traitKey })
export const setIdentityTraitBody = object({ trait_value: knownTraitValue })
