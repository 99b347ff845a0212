import { elementsMax, invalid, invalidFields, tooMany } from '@halyard/contract'
import type { FastifyRequest } from 'fastify'
import type * as z from 'zod'

export function parse<Schema extends z.ZodType>(schema: Schema, written: unknown): z.output<Schema> {
  const parsed = schema.safeParse(written)
  if (parsed.success) return parsed.data
  throw invalidFields(parsed.error)
}

/** A schema looks at every element before it counts them; whoever sends too many is told before that. */
export function refuseTooMany(elements: unknown, field: string): void {
  if (Array.isArray(elements) && elements.length > elementsMax) throw invalid({ [field]: [tooMany(elementsMax)] })
}

/** No body at all counts as an empty object, as it does upstream. */
export const bodyOf = (request: FastifyRequest): unknown => (request.body === undefined ? {} : request.body)
