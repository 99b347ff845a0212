import * as z from 'zod'
import { isStrict, toFields, writtenSide, type Fields } from './bodies.ts'

/** The same body with fields added that are not its own, in every object of it that takes fields it does not know. */
export function withSurplus(schema: unknown, body: unknown, surplus: Fields): unknown {
  const written = bare(schema)
  if (written instanceof z.ZodArray && Array.isArray(body)) return body.map((each) => withSurplus(written.element, each, surplus))
  if (!(written instanceof z.ZodObject) || typeof body !== 'object' || body === null) return body
  const known: Readonly<Record<string, unknown>> = written.shape
  const own = Object.entries(toFields(body)).map(([name, value]) => [name, withSurplus(known[name], value, surplus)])
  const added = isStrict(written) ? [] : Object.entries(surplus).filter(([name]) => !(name in known))
  return { ...Object.fromEntries(added), ...Object.fromEntries(own) }
}

function bare(schema: unknown): unknown {
  const written = writtenSide(schema)
  const isWrapped =
    written instanceof z.ZodOptional ||
    written instanceof z.ZodNullable ||
    written instanceof z.ZodDefault ||
    written instanceof z.ZodPrefault
  if (isWrapped) return bare(written.unwrap())
  return written instanceof z.ZodLazy ? bare(written.unwrap()) : written
}
