import type { FastifyReply, FastifyRequest } from 'fastify'

/** Headers of every reply. Browsers everywhere call these endpoints with any header their users add, without credentials. */
export const repliesAlwaysCarry = (version: string) => ({
  'access-control-allow-origin': '*',
  'access-control-expose-headers':
    'X-Flagsmith-Document-Updated-At, ETag, Retry-After, Last-Modified, Halyard-Degraded, Halyard-Error, Halyard-Request-Id',
  'cache-control': 'max-age=0, no-cache, no-store, must-revalidate, private',
  expires: 'Thu, 01 Jan 1970 00:00:00 GMT',
  'flagsmith-version': version,
  pragma: 'no-cache',
  vary: 'Origin, X-Environment-Key',
})

export const updatedAtHeader = 'x-flagsmith-document-updated-at'
export const degradedHeader = 'halyard-degraded'

const usualRequestHeaders = [
  'accept',
  'authorization',
  'content-type',
  'user-agent',
  'x-csrftoken',
  'x-requested-with',
  'sentry-trace',
  'traceparent',
  'tracestate',
  'baggage',
  'x-environment-key',
  'x-api-key',
  'if-none-match',
  'flagsmith-application-name',
  'flagsmith-application-version',
  'flagsmith-sdk-user-agent',
].join(', ')

/** Comes without the key, so it is answered before anybody asks for one. */
export function answerPreflight(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  return reply
    .code(204)
    .headers({
      'access-control-allow-methods': 'DELETE, GET, OPTIONS, PATCH, POST, PUT',
      'access-control-allow-headers': request.headers['access-control-request-headers'] ?? usualRequestHeaders,
      'access-control-max-age': '86400',
    })
    .send()
}

export const sendJson = (reply: FastifyReply, json: Buffer | string) => reply.header('content-type', 'application/json').send(json)
