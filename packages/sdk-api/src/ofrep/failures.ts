import { Problem, type ProblemCode } from '@halyard/contract'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { prepareFailure } from '../problems.ts'
import { isObject } from '../request-text.ts'

const errorCodes: Partial<Record<ProblemCode, string>> = {
  malformed: 'PARSE_ERROR',
  invalid: 'INVALID_CONTEXT',
  not_found: 'FLAG_NOT_FOUND',
}

export const targetingKeyMissing = () =>
  new Problem('invalid', 'The context has no targetingKey.', { body: { errorCode: 'TARGETING_KEY_MISSING' } })

/** Providers accept a failure of any status only with these members, and one of a single flag only with its key. */
export function answerOfrepFailure(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const problem = prepareFailure(error, request, reply)
  if (problem?.code === 'unauthenticated') reply.header('www-authenticate', 'Bearer')
  reply.send(JSON.stringify({ ...keyOf(request), errorCode: errorCodeOf(problem), errorDetails: detailsOf(problem) }))
}

function errorCodeOf(problem: Problem | undefined): string {
  if (isObject(problem?.body) && typeof problem.body['errorCode'] === 'string') return problem.body['errorCode']
  return (problem && errorCodes[problem.code]) ?? 'GENERAL'
}

const detailsOf = (problem: Problem | undefined) => problem?.message ?? 'Internal server error.'

function keyOf({ params, url }: FastifyRequest): { key?: string } {
  if (isObject(params) && typeof params['key'] === 'string') return { key: params['key'] }
  // An address that cannot be decoded has no parameters: the key is told as it was written.
  const [, written] = /^\/ofrep\/v1\/evaluate\/flags\/([^/?]+)/.exec(url) ?? []
  return written === undefined ? {} : { key: written }
}
