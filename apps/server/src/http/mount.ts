import { forbidden, Problem, throttled, unauthenticated, type Endpoint, type Scope } from '@halyard/contract'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import multipart from '@fastify/multipart'
import { Readable } from 'node:stream'
import type { Actor } from '../access/actor.ts'
import { authenticate } from '../access/authenticate.ts'
import { authorise } from '../access/authorise.ts'
import type { ScopeRows } from '../access/rows.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { answerWrite, callerOf, type AfterCommit, type Means } from './answer-write.ts'
import { isFileReply, sendFile } from './file-reply.ts'
import type { Route } from './implement.ts'
import { parse, parseParams } from './parse-input.ts'
import { Preconditions } from './preconditions.ts'
import { formBytesMax, readForm } from './read-form.ts'
import { refuseForgery, sessionCookie, type SessionCookie } from './session-cookie.ts'

/** Serves every route: actor, scope, permission, parsing, edit, reply. Refuses to start with a route that declares no permission. */
export function mount(app: FastifyInstance, runtime: Runtime, routes: readonly Route[], afterCommit: AfterCommit): void {
  const methods = new Map<string, Set<string>>()
  const means = { runtime, preconditions: new Preconditions(routes), afterCommit }
  const limitAddress = app.rateLimit(addressLimit(runtime.config.loginAttemptsPerMinute))
  const limitWebhookTests = app.rateLimit(webhookTestLimit(runtime.config.webhookTestsPerMinute))
  for (const route of routes) {
    const { endpoint } = route
    if (!endpoint.permission) throw new Error(`${endpoint.method} ${endpoint.path} declares no permission.`)
    const serve = (of: FastifyInstance) =>
      of.route({
        method: endpoint.method,
        url: endpoint.path,
        ...(endpoint.throttled && { onRequest: endpoint.throttled === true ? limitAddress : limitWebhookTests }),
        handler: async (request, reply) => {
          const cookie = sessionCookie({ request, reply, publicUrl: runtime.config.publicUrl })
          const answer = await answerRequest(means, route, { request, reply, cookie })
          reply.code(endpoint.status ?? 200)
          if (endpoint.file && isFileReply(answer)) return sendFile(reply, answer)
          return endpoint.status === 204 ? reply.send() : answer
        },
      })
    if (endpoint.upload) serveUpload(app, runtime.config.importMegabytesMax, serve)
    else if (endpoint.form) serveForm(app, serve)
    else serve(app)
    const allowed = methods.get(endpoint.path) ?? new Set()
    methods.set(endpoint.path, allowed.add(endpoint.method))
  }
  for (const [path, allowed] of methods) refuseOtherMethods(app, path, allowed)
}

// One count per address for everything that tries passwords, tokens or codes, in each process; accounts are counted in `throttle.ts`.
const addressLimit = (max: number) => ({
  max,
  timeWindow: '1 minute',
  errorResponseBuilder: (_: FastifyRequest, { ttl }: { ttl: number }) => throttled(ttl / 1000),
})

// Few, because each sends something to an address that the caller chose.
const webhookTestLimit = (max: number) => ({
  ...addressLimit(max),
  keyGenerator: ({ headers, ip }: FastifyRequest) => headers.authorization ?? headers.cookie ?? ip,
})

/** In a context of its own, where bodies are not read before the handler asks for them. */
function serveUpload(app: FastifyInstance, megabytesMax: number, serve: (own: FastifyInstance) => void): void {
  void app.register(async (own) => {
    own.removeAllContentTypeParsers()
    own.addContentTypeParser('*', { bodyLimit: megabytesMax * 1024 * 1024 }, (_request, payload, done) => done(null, payload))
    serve(own)
  })
}

/** In a context of its own, where forms are read as JSON is: into one body, whose schema says what it may be. */
function serveForm(app: FastifyInstance, serve: (own: FastifyInstance) => void): void {
  void app.register(async (own) => {
    await own.register(multipart, { limits: { fileSize: formBytesMax, fieldSize: formBytesMax, files: 1, fields: 20 } })
    own.addHook('preValidation', async (request) => {
      if (request.isMultipart()) request.body = await readForm(request)
    })
    serve(own)
  })
}

const everyMethod = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const

function refuseOtherMethods(app: FastifyInstance, url: string, allowed: ReadonlySet<string>): void {
  const others = everyMethod.filter((method) => !allowed.has(method))
  if (others.length === 0) return
  app.route({
    method: others,
    url,
    exposeHeadRoute: false,
    handler: (request) => {
      throw new Problem('method_not_allowed', `Method "${request.method}" not allowed.`, { headers: { allow: [...allowed].join(', ') } })
    },
  })
}

interface Asked {
  readonly request: FastifyRequest
  readonly reply: FastifyReply
  readonly cookie: SessionCookie
}

async function answerRequest(means: Means, route: Route, { request, reply, cookie }: Asked): Promise<unknown> {
  const { runtime, preconditions } = means
  const { endpoint } = route
  const sources = { params: record(request.params), query: record(request.query), body: request.body === undefined ? {} : request.body }
  const actor = await findActor(runtime, endpoint, { request, cookie })
  const rows = await findRows(runtime, endpoint.scope, { actor, sources, endpoint })
  const origin = { requestId: request.id, address: request.ip, userAgent: request.headers['user-agent'] ?? null }
  const read = {
    params: parseParams(sources.params),
    query: endpoint.query && parse(endpoint.query, sources.query),
    body: endpoint.body && parse(endpoint.body, sources.body),
    upload: request.body instanceof Readable ? request.body : Readable.from([]),
    url: addressOf(request),
    actor,
    origin,
    cookie,
    ...rows,
  }
  if (endpoint.method === 'GET' || endpoint.reads) {
    const answer = await route.answer({ ...read, db: runtime.control.db })
    if (preconditions.readerOf(route) === route) reply.header('etag', preconditions.tag(callerOf(actor), answer))
    return answer
  }
  return answerWrite(means, route, { request, reply, read, rows, query: sources.query })
}

// Whose host is whatever the caller says.
function addressOf(request: FastifyRequest): URL {
  const origin = `${request.protocol}://${request.host}`
  if (!URL.canParse(request.url, origin)) throw new Problem('malformed', 'The Host header names no host.')
  return new URL(request.url, origin)
}

const record = (value: unknown): Record<string, unknown> => (typeof value === 'object' && value !== null ? { ...value } : {})

async function findActor(runtime: Runtime, endpoint: Endpoint, { request, cookie }: Omit<Asked, 'reply'>): Promise<Actor | undefined> {
  if (endpoint.scope.level === 'public') return undefined
  const { authorization } = request.headers
  const actor = await authenticate(runtime, { authorization, sessionCookie: cookie.token })
  if (!actor) throw unauthenticated()
  if (!authorization && endpoint.method !== 'GET') refuseForgery(request, runtime.config.publicUrl)
  if (endpoint.peopleOnly && actor.kind !== 'user')
    throw forbidden('This is done as a person: sign in and use your own token, not an API key.')
  if (endpoint.sessionOnly && actor.kind === 'user' && actor.token?.kind !== 'session')
    throw forbidden('This is done by somebody who has signed in, not with a personal token.')
  return actor
}

interface Wanted {
  readonly actor: Actor | undefined
  readonly sources: Record<'params' | 'query' | 'body', unknown>
  readonly endpoint: Endpoint
}

async function findRows(runtime: Runtime, scope: Scope, { actor, sources, endpoint }: Wanted): Promise<ScopeRows> {
  if (!('from' in scope) || !actor) return {}
  const [source, steps] = splitSource(scope.from)
  const value = steps.reduce<unknown>((at, step) => record(at)[step], sources[source])
  // A body or query that does not say where, or says it wrong: its schema says so better than “not found”.
  const schema = source === 'params' ? undefined : endpoint[source]
  if (schema) parse(schema, sources[source])
  const group = endpoint.orGroupAdmin && record(sources.params)['group']
  return authorise(runtime.control.db, actor, scope, { permission: endpoint.permission, or: endpoint.orPermission, value, group })
}

// `body.0.id` is the id of the first element of a list.
function splitSource(from: string): ['params' | 'query' | 'body', string[]] {
  const [source = '', ...steps] = from.split('.')
  if (source !== 'params' && source !== 'query' && source !== 'body') throw new Error(`“${from}” names no part of a request.`)
  return [source, steps]
}
