import * as z from 'zod'
import { expecting, isStorable, messages, tooLong, utf8Length } from './text.ts'

/** So long that any identity provider's subject fits, so short that it can be a key of an index. Bytes, so characters too. */
const identifierBytesMax = 2000

function whyNotAnIdentifier(text: string): string | undefined {
  if (!isStorable(text)) return messages.unstorable
  if (text.length > identifierBytesMax) return tooLong(identifierBytesMax)
  // Three bytes is the most that one unit of UTF-16 becomes.
  if (text.length * 3 > identifierBytesMax && utf8Length(text) > identifierBytesMax) return tooLong(identifierBytesMax, 'bytes of UTF-8')
  return undefined
}

/** As it is: identifiers in a query or a path are not trimmed, those in a body are. */
export const exactIdentifier = z.string().superRefine((text, context) => {
  const reason = whyNotAnIdentifier(text)
  if (reason) context.addIssue(reason)
})

const written = z.union([z.string(), z.number()], { error: expecting(messages.notText) })

/** Empty when the body names nobody. */
export const optionalIdentifier = written
  .nullish()
  .transform((identifier) => (identifier === null || identifier === undefined ? '' : String(identifier).trim()))
  .pipe(exactIdentifier)

export const requiredIdentifier = written.transform((identifier) => String(identifier).trim()).pipe(exactIdentifier.min(1, messages.blank))
