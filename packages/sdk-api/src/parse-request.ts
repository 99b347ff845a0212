import { invalidFields } from '@halyard/contract'
import type { FastifyRequest } from 'fastify'
import type * as z from 'zod'

export function parse<Schema extends z.ZodType>(schema: Schema, written: unknown): z.output<Schema> {
  const parsed = schema.safeParse(written)
  if (parsed.success) return parsed.data
  throw invalidFields(parsed.error)
}

/** No body at all counts as an empty object, as it does upstream. */
export const bodyOf = (request: FastifyRequest): unknown => (request.body === undefined ? {} : request.body)
