import type { Endpoint } from '@halyard/contract'
import * as z from 'zod'

export type Fields = Readonly<Record<string, unknown>>

/** The fields of an endpoint's body; of a body that is a list, those of its elements. */
export interface BodyShape {
  readonly isList: boolean
  /** Whether it refuses fields it does not know: bodies that are only ours do. */
  readonly isStrict: boolean
  readonly fields: Readonly<Record<string, z.ZodType>>
}

export function shapeOf({ body }: Endpoint): BodyShape | undefined {
  if (!body) return undefined
  const written = writtenSide(body)
  const [isList, each] = written instanceof z.ZodArray ? [true, written.element] : [false, written]
  return { isList, isStrict: isStrict(each), fields: fieldsOf(each) }
}

export function isStrict(schema: unknown): boolean {
  const written = writtenSide(schema)
  return written instanceof z.ZodObject && written.def.catchall instanceof z.ZodNever
}

// A body that is transformed is a pipe; clients write what goes into it.
export const writtenSide = (schema: unknown): unknown => (schema instanceof z.ZodPipe ? writtenSide(schema.in) : schema)

function fieldsOf(schema: unknown): Readonly<Record<string, z.ZodType>> {
  const written = writtenSide(schema)
  if (!(written instanceof z.ZodObject)) throw new Error('A body is an object or a list of objects.')
  return written.shape
}

export const isAccepted = (schema: z.ZodType, value: unknown): boolean => schema.safeParse(value).success

/** The fields of a body, or of the first element of one that is a list. */
export const fieldsIn = (body: unknown): Fields => toFields(Array.isArray(body) ? body[0] : body)

/** The same body with other fields. */
export const withFields = (body: unknown, fields: Fields): unknown => (Array.isArray(body) ? [fields, ...body.slice(1)] : fields)

export const toFields = (value: unknown): Fields => (typeof value === 'object' && value !== null ? { ...value } : {})

type Step = string | number

/** Where in a body there are integers. */
export function integersIn(body: unknown, path: readonly Step[] = []): (readonly Step[])[] {
  if (Array.isArray(body)) return body.flatMap((element, index) => integersIn(element, [...path, index]))
  if (typeof body === 'object' && body !== null) return Object.entries(body).flatMap(([name, value]) => integersIn(value, [...path, name]))
  return Number.isInteger(body) ? [path] : []
}

export const valueAt = (body: unknown, path: readonly Step[]): unknown =>
  path.reduce<unknown>((value, step) => (Array.isArray(value) ? value[Number(step)] : toFields(value)[step]), body)

/** A copy of a body with another value in one place. */
export function replaceAt(body: unknown, [step, ...rest]: readonly Step[], value: unknown): unknown {
  if (step === undefined) return value
  if (Array.isArray(body)) return body.map((element, index) => (index === step ? replaceAt(element, rest, value) : element))
  const fields = toFields(body)
  return { ...fields, [step]: replaceAt(fields[step], rest, value) }
}
