import { invalid, Problem, problemStatus } from '@halyard/contract'
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { DatabaseBusy, isDatabaseUnavailable } from '../runtime/database.ts'

/** Turns whatever was thrown into a reply: a `Problem` as it says, known failures of the framework and the database, else a logged 500. */
export function answerError(error: FastifyError | Error, request: FastifyRequest, reply: FastifyReply): void {
  const problem = error instanceof Problem ? error : (fromFramework(error) ?? fromDatabase(error))
  reply.header('halyard-request-id', request.id)
  if (problem) {
    reply.headers(problem.headers).header('halyard-error', problem.code).code(problem.status)
    sendProblem(problem, request, reply)
    return
  }
  request.log.error({ err: error, request_id: request.id }, 'request failed')
  reply.header('halyard-error', 'internal').code(500)
  reply.send({ detail: `Something went wrong on our side. The log names it by the request id ${request.id}.` })
}

// The shapes of Django REST framework unless RFC 9457 is asked for.
function sendProblem(problem: Problem, request: FastifyRequest, reply: FastifyReply): void {
  if (!request.headers.accept?.includes('application/problem+json')) {
    reply.send(problem.body)
    return
  }
  const document = {
    type: `urn:halyard:problem:${problem.code}`,
    title: problem.message,
    status: problem.status,
    request_id: request.id,
    errors: problem.body,
  }
  // As text: the framework would otherwise say application/json.
  reply.type('application/problem+json').send(JSON.stringify(document))
}

export function answerNotFound(request: FastifyRequest): never {
  throw new Problem('not_found', `There is nothing at ${request.method} ${request.url.split('?', 1)[0]}.`)
}

const frameworkProblems: Record<string, (error: FastifyError) => Problem> = {
  FST_ERR_CTP_BODY_TOO_LARGE: () => new Problem('too_large', 'The request body is larger than 1 MB.'),
  FST_ERR_CTP_INVALID_MEDIA_TYPE: () => new Problem('unsupported_media_type', 'Unsupported media type in request: send application/json.'),
  FST_ERR_CTP_EMPTY_JSON_BODY: () => new Problem('malformed', 'JSON parse error - the body is empty.'),
  FST_REQ_FILE_TOO_LARGE: () => invalid({ file: ['File size is too large: 1 MB is allowed.'] }),
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: () => new Problem('malformed', 'The body is not as long as its Content-Length says.'),
}

function fromFramework(error: Error): Problem | undefined {
  if (!('code' in error) || typeof error.code !== 'string') return throttled(error)
  const known = frameworkProblems[error.code]
  return known && isFastifyError(error) ? known(error) : throttled(error)
}

function throttled(error: Error): Problem | undefined {
  if (!isFastifyError(error) || !error.statusCode || error.statusCode >= 500) return undefined
  const code = error.statusCode === problemStatus.throttled ? 'throttled' : 'malformed'
  return new Problem(code, error.message)
}

const isFastifyError = (error: Error): error is FastifyError => 'statusCode' in error && typeof error.statusCode === 'number'

// SQLSTATEs that a caller's data can cause when a rule was not checked before: still their mistake, still clear.
const databaseProblems: Record<string, string> = {
  '22021': 'Text must not contain the NUL character.',
  '22P05': 'Text must not contain the NUL character.',
  '22003': 'A number is out of range.',
  '22001': 'A text is too long.',
  '23505': 'Something with the same name or key already exists.',
  '23514': 'A value breaks a rule of the data model.',
}

export const databaseUnavailable = (what = 'The database cannot be reached.') =>
  new Problem('unavailable', `${what} Nothing was changed; try again in a moment.`, { headers: { 'retry-after': '1' } })

function fromDatabase(error: Error): Problem | undefined {
  if (error instanceof DatabaseBusy) return databaseUnavailable('The database is too busy.')
  if (isDatabaseUnavailable(error)) return databaseUnavailable()
  const state = 'code' in error && typeof error.code === 'string' ? databaseProblems[error.code] : undefined
  return state === undefined ? undefined : new Problem('invalid', state, { body: { non_field_errors: [state] } })
}
