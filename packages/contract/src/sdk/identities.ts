import * as z from 'zod'
import { identityFlag } from './flags.ts'
import { exactIdentifier, optionalIdentifier } from './identifier.ts'
import { elementsMax, tooMany } from './limits.ts'
import { list, object } from './text.ts'
import { looseBoolean, trait, traitInput } from './traits.ts'

export const identityParams = z.object({ identifier: exactIdentifier })

export const identityQuery = z.object({
  identifier: exactIdentifier.optional(),
  transient: z.string().optional().describe('Anything but empty, `0` and `false`: nothing is stored and nothing stored is read.'),
  feature: z.string().optional().describe('Answers with this one flag instead of the identity.'),
})

export const identifyBody = object({
  identifier: optionalIdentifier.describe('Absent or empty for somebody unknown, whose identifier is then made from the traits.'),
  transient: looseBoolean.describe('Nothing is stored; what is stored counts.'),
  traits: list(traitInput)
    .max(elementsMax, tooMany(elementsMax))
    .nullish()
    .transform((traits) => traits ?? []),
})

export const identityReply = z.object({ identifier: z.string(), traits: z.array(trait), flags: z.array(identityFlag) })

export const identityWithSegmentsReply = z.object({
  flags: z.array(identityFlag),
  traits: z.array(trait),
  segments: z.array(z.object({ id: z.number().int(), name: z.string() })).describe('Empty for client-side keys.'),
})
