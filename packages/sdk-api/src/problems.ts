import { Problem, type ProblemCode, problemStatus } from '@halyard/contract'
import type { FastifyReply, FastifyRequest } from 'fastify'

export const methodNotAllowed = (method: string, allowed: readonly string[]) =>
  new Problem('method_not_allowed', `Method "${method}" not allowed.`, { headers: { allow: allowed.join(', ') } })

export const unsupportedMediaType = (contentType: string) =>
  new Problem('unsupported_media_type', `Unsupported media type "${contentType}" in request.`)

/** The status, the headers that say what went wrong, and in the log what was our own fault. */
export function prepareFailure(error: unknown, request: FastifyRequest, reply: FastifyReply): Problem | undefined {
  const problem = error instanceof Problem ? error : problemOfFramework(error, request)
  if (!problem) request.log.error({ err: error }, 'an SDK request failed')
  reply
    .code(problem?.status ?? 500)
    .header('halyard-error', problem?.code ?? 'internal')
    .header('halyard-request-id', request.id)
    .header('content-type', 'application/json')
  if (problem) reply.headers(problem.headers)
  return problem
}

export function answerFailure(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const problem = prepareFailure(error, request, reply)
  reply.send(JSON.stringify(problem ? problem.body : { detail: 'Internal server error.' }))
}

const codeOfStatus: ReadonlyMap<number, ProblemCode> = new Map([
  [problemStatus.too_large, 'too_large'],
  [problemStatus.unsupported_media_type, 'unsupported_media_type'],
])

/** What Fastify itself refuses before a handler runs: bodies too large, cut short or of a type that is none. */
function problemOfFramework(error: unknown, request: FastifyRequest): Problem | undefined {
  if (!(error instanceof Error) || !('statusCode' in error) || typeof error.statusCode !== 'number') return undefined
  if (error.statusCode < 400 || error.statusCode >= 500) return undefined
  if (error.statusCode === problemStatus.unsupported_media_type) return unsupportedMediaType(request.headers['content-type'] ?? '')
  return new Problem(codeOfStatus.get(error.statusCode) ?? 'malformed', error.message)
}
