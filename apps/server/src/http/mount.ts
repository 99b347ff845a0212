import {
  invalidFields,
  notFound,
  Problem,
  textParameters,
  throttled,
  unauthenticated,
  wideParameters,
  wordIssue,
  type Endpoint,
  type Scope,
} from '@halyard/contract'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { Readable } from 'node:stream'
import type * as z from 'zod'
import { system, type Actor } from '../access/actor.ts'
import { authenticate } from '../access/authenticate.ts'
import { authorise } from '../access/authorise.ts'
import type { ScopeRows } from '../access/rows.ts'
import { isUuid } from '../access/scopes.ts'
import { changes as changeKinds, forbidden } from '@halyard/contract'
import { runEdit, type EditLock } from '../changes/edit.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { isFileReply, sendFile } from './file-reply.ts'
import type { Route } from './implement.ts'
import type { InEdit } from './input.ts'
import { refuseForgery, sessionCookie, type SessionCookie } from './session-cookie.ts'

/** What the process does between a commit and the reply: makes what was written readable here. */
export type AfterCommit = (raised: ReadonlyMap<number, number>) => Promise<void>

/** Serves every route: actor, scope, permission, parsing, edit, reply. Refuses to start with a route that declares no permission. */
export function mount(app: FastifyInstance, runtime: Runtime, routes: readonly Route[], afterCommit: AfterCommit): void {
  const methods = new Map<string, Set<string>>()
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
          const answer = await answerRequest(runtime, route, { request, cookie }, afterCommit)
          reply.code(endpoint.status ?? 200)
          if (endpoint.file && isFileReply(answer)) return sendFile(reply, answer)
          return endpoint.status === 204 ? reply.send() : answer
        },
      })
    if (endpoint.upload) serveUpload(app, runtime.config.importMegabytesMax, serve)
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
  readonly cookie: SessionCookie
}

async function answerRequest(runtime: Runtime, route: Route, { request, cookie }: Asked, afterCommit: AfterCommit): Promise<unknown> {
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
  if (endpoint.method === 'GET' || endpoint.reads) return route.answer({ ...read, db: runtime.control.db })
  const inEdit: InEdit = async (work, lock = lockOf(endpoint, rows)) => {
    const { done, raised } = await runEdit(runtime.control, { actor: actor ?? system('anonymous'), lock, origin }, work)
    await afterCommit(raised)
    return done
  }
  if (endpoint.edits) return route.answer({ ...read, db: runtime.control.db, inEdit })
  return inEdit((edit) => route.answer({ ...read, edit }))
}

// Whose host is whatever the caller says.
function addressOf(request: FastifyRequest): URL {
  const origin = `${request.protocol}://${request.host}`
  if (!URL.canParse(request.url, origin)) throw new Problem('malformed', 'The Host header names no host.')
  return new URL(request.url, origin)
}

const record = (value: unknown): Record<string, unknown> => (typeof value === 'object' && value !== null ? { ...value } : {})

async function findActor(runtime: Runtime, endpoint: Endpoint, { request, cookie }: Asked): Promise<Actor | undefined> {
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
  return authorise(runtime.control.db, actor, scope, { permission: endpoint.permission, value, group })
}

// `body.0.id` is the id of the first element of a list.
function splitSource(from: string): ['params' | 'query' | 'body', string[]] {
  const [source = '', ...steps] = from.split('.')
  if (source !== 'params' && source !== 'query' && source !== 'body') throw new Error(`“${from}” names no part of a request.`)
  return [source, steps]
}

const isText = (name: string) => textParameters.some((parameter) => parameter === name)
const isWide = (name: string) => wideParameters.some((parameter) => parameter === name)
const idMax = 2_147_483_647

function parseParams(params: Record<string, unknown>): Record<string, string | number> {
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

function parse(schema: z.ZodType, value: unknown): unknown {
  const parsed = schema.safeParse(value, { error: wordIssue })
  if (!parsed.success) throw invalidFields(parsed.error)
  return parsed.data
}

function lockOf(endpoint: Endpoint, rows: ScopeRows): EditLock {
  if (rows.project) return { on: 'project', id: rows.project.id }
  if (!rows.organisation) return { on: 'nothing' }
  const withProjects = endpoint.records?.some((type) => changeKinds[type].touches === 'document') ?? false
  return { on: 'organisation', id: rows.organisation.id, withProjects }
}
