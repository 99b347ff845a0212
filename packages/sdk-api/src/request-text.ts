import type { FastifyRequest } from 'fastify'

/** The parameters of the query; of one that is repeated, the last. */
export function queryOf(request: FastifyRequest): Record<string, string> {
  const query: Record<string, string> = Object.create(null)
  const { query: parsed } = request
  if (!isObject(parsed)) return query
  for (const [name, written] of Object.entries(parsed)) {
    const last: unknown = Array.isArray(written) ? written.at(-1) : written
    if (typeof last === 'string') query[name] = last
  }
  return query
}

/** A header that the request carries once and not empty. */
export function headerOf(request: FastifyRequest, name: string): string | undefined {
  const written = request.headers[name]
  return typeof written === 'string' && written !== '' ? written : undefined
}

export const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
