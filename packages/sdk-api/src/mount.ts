import type { SdkEndpoint } from '@halyard/contract'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { answerOfrepFailure } from './ofrep/failures.ts'
import { answerFailure, methodNotAllowed } from './problems.ts'
import { answerPreflight } from './reply-headers.ts'

export type Handler = (request: FastifyRequest, reply: FastifyReply) => unknown

// Requests of SDKs are counted, not logged one by one; the addresses of some streams hold a token.
const logLevel = 'warn'

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'] as const

/** Serves every endpoint, and at its path a preflight for browsers and an explanation for other methods. */
export function mount<Name extends string>(
  app: FastifyInstance,
  endpoints: Readonly<Record<Name, SdkEndpoint>>,
  handlers: Readonly<Record<Name, Handler>>,
): void {
  const allowedAt = new Map<string, Set<string>>()
  for (const name in endpoints) {
    const { method, path, replyType } = endpoints[name]
    const isStream = replyType !== undefined
    app.route({ method, url: path, handler: handlers[name], errorHandler: failureAt(path), exposeHeadRoute: !isStream, logLevel })
    const allowed = allowedAt.get(path) ?? new Set()
    allowed.add(method)
    if (method === 'GET' && !isStream) allowed.add('HEAD')
    allowedAt.set(path, allowed)
  }
  for (const [path, allowed] of allowedAt) mountRefusals(app, path, [...allowed])
}

function mountRefusals(app: FastifyInstance, path: string, allowed: readonly string[]): void {
  app.route({ method: 'OPTIONS', url: path, handler: answerPreflight, logLevel })
  const refuse = (request: FastifyRequest) => {
    throw methodNotAllowed(request.method, [...allowed, 'OPTIONS'])
  }
  app.route({
    method: methods.filter((method) => !allowed.includes(method)),
    url: path,
    errorHandler: failureAt(path),
    // Before the body is read: what is wrong with it does not matter.
    onRequest: async (request) => refuse(request),
    handler: refuse,
    logLevel,
  })
}

const failureAt = (path: string) => (path.startsWith('/ofrep/') ? answerOfrepFailure : answerFailure)
