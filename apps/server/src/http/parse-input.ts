import { invalidFields, notFound, textParameters, wideParameters, wordIssue } from '@halyard/contract'
import type * as z from 'zod'
import { isUuid } from '../access/scopes.ts'

const isText = (name: string) => textParameters.some((parameter) => parameter === name)
const isWide = (name: string) => wideParameters.some((parameter) => parameter === name)
const idMax = 2_147_483_647

/** The parameters of a path; what cannot name anything is not found. */
export function parseParams(params: Record<string, unknown>): Record<string, string | number> {
  const parsed: Record<string, string | number> = {}
  for (const [name, value] of Object.entries(params)) {
    const text = String(value)
    if (isText(name)) {
      if (text.includes('\0') || !text.isWellFormed() || (name === 'uuid' && !isUuid(text))) throw notFound()
      parsed[name] = text
    } else if (/^\d{1,16}$/.test(text) && Number(text) <= (isWide(name) ? Number.MAX_SAFE_INTEGER : idMax)) parsed[name] = Number(text)
    else throw notFound()
  }
  return parsed
}

/** A query or body; 400 naming the fields. */
export function parse(schema: z.ZodType, value: unknown): unknown {
  const parsed = schema.safeParse(value, { error: wordIssue })
  if (!parsed.success) throw invalidFields(parsed.error)
  return parsed.data
}
