import { isUtf8 } from 'node:buffer'
import { invalid, Problem } from '@halyard/contract'
import type { FastifyRequest } from 'fastify'

export const formBytesMax = 1024 * 1024

/** The fields of a form, files as text. */
export async function readForm(request: FastifyRequest): Promise<Record<string, unknown>> {
  const fields = new Map<string, unknown>()
  try {
    for await (const part of request.parts())
      fields.set(part.fieldname, part.type === 'file' ? readText(part.fieldname, await part.toBuffer()) : part.value)
  } catch (error) {
    // Those with a code say themselves what they are; the parser's own have none.
    if (!(error instanceof Error) || 'code' in error) throw error
    throw new Problem('malformed', `The form cannot be read: ${error.message}`)
  }
  return Object.fromEntries(fields)
}

function readText(field: string, bytes: Buffer): string {
  if (!isUtf8(bytes)) throw invalid({ [field]: ['The file is not text in UTF-8.'] })
  return bytes.toString('utf8')
}
