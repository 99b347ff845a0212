import { api, type Resource } from '@halyard/contract'
import { createClient, type ResourceClient } from '@halyard/client'
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import type { Config } from '../runtime/config.ts'
import type { Database } from '../runtime/database.ts'
import { createOutbound } from '../runtime/outbound.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { startHalyard } from '../start.ts'
import { openTestDatabase, testSecretKeys } from './test-database.ts'

export interface TestServer {
  readonly url: string
  readonly runtime: Runtime
  /** The control store, for looking at what was recorded. */
  readonly control: Database
  /** A typed client of one noun, as somebody: `server.as(ada, api.features).list(…)`. */
  as<const R extends Resource>(authorization: string, resource: R): ResourceClient<R>
  /** Any request at all; the reply's body parsed when it is JSON. */
  send(method: string, path: string, options?: SendOptions): Promise<Answer>
  /** Signs somebody up; answers with their `Authorization`. */
  signUp(firstName?: string): Promise<string>
  /** An organisation of its own with a project, an environment and an administrator. */
  makeProject(): Promise<TestProject>
  close(): Promise<void>
}

export interface SendOptions {
  readonly authorization?: string | undefined
  readonly headers?: Record<string, string>
  /** Sent as JSON; a string is sent as it is. */
  readonly body?: unknown
}

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly body: unknown
  readonly text: string
}

export interface TestProject {
  readonly authorization: string
  readonly organisation: { readonly id: number; readonly uuid: string }
  readonly project: { readonly id: number; readonly uuid: string }
  readonly environment: { readonly id: number; readonly uuid: string; readonly api_key: string }
  /** A server-side key of the environment. */
  readonly serverKey: string
}

export const testConfig: Config = {
  port: 0,
  host: '127.0.0.1',
  publicUrl: undefined,
  databaseUrl: undefined,
  identityDatabaseUrl: undefined,
  databasePoolSize: 4,
  dataDir: '',
  ...testSecretKeys,
  demo: false,
  firstAdmin: undefined,
  allowRegistrationWithoutInvite: true,
  disableInviteLinks: false,
  mail: undefined,
  trustProxy: 0,
  logLevel: 'silent',
  // Receivers in tests are on this machine.
  outbound: { allow: ['127.0.0.1'], ports: [80, 443] },
  importMegabytesMax: 1,
  webhookTestsPerMinute: 10_000,
  webhookDeliveryDays: 30,
  usageDays: 90,
  loginAttemptsPerMinute: 10_000,
  sessionIdleHours: 12,
  sessionDays: 7,
  version: '0.0.0-test',
}

/** The whole server on a database and a port of its own. `now` is this process's clock; the database has its own. */
export async function startServer(overrides: Partial<Config> = {}, now: () => Date = () => new Date()): Promise<TestServer> {
  const control = await openTestDatabase()
  const dataDir = await mkdtemp(join(tmpdir(), 'halyard-test-'))
  const config = { ...testConfig, dataDir, ...overrides }
  const runtime: Runtime = {
    config,
    control,
    identities: control,
    outbound: createOutbound(config.outbound),
    log: pino({ level: config.logLevel }),
    now,
  }
  const halyard = await startHalyard(runtime)
  const send = (method: string, path: string, options: SendOptions = {}) => request(halyard.url, { method, path, ...options })
  const as: TestServer['as'] = (authorization, resource) => createClient({ baseUrl: halyard.url, authorization }, resource)
  const close = async () => {
    await halyard.stop()
    await rm(dataDir, { recursive: true, force: true })
  }
  const signUp = (firstName = 'Ada') => signUpAt(send, firstName)
  return { url: halyard.url, runtime, control, as, send, signUp, makeProject: () => makeProjectAt({ as, signUp }), close }
}

async function request(
  origin: string,
  { method, path, authorization, headers, body }: SendOptions & { method: string; path: string },
): Promise<Answer> {
  const response = await fetch(new URL(path, origin), {
    method,
    redirect: 'manual',
    headers: { ...(authorization && { authorization }), ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
  const text = await response.text()
  const isJson = /^application\/(problem\+)?json/.test(response.headers.get('content-type') ?? '')
  return { status: response.status, headers: response.headers, text, body: isJson && text !== '' ? JSON.parse(text) : text }
}

async function signUpAt(send: TestServer['send'], firstName: string): Promise<string> {
  const person = {
    email: `${firstName.toLowerCase()}-${randomUUID()}@example.com`,
    password: 'correct horse battery',
    first_name: firstName,
    last_name: 'Tester',
  }
  const answer = await send('POST', '/api/v1/auth/users/', { body: person })
  if (answer.status !== 201 || typeof answer.body !== 'object' || answer.body === null || !('key' in answer.body)) {
    throw new Error(`Sign-up answered ${answer.status}: ${answer.text}`)
  }
  return `Token ${String(answer.body.key)}`
}

async function makeProjectAt({ as, signUp }: Pick<TestServer, 'as' | 'signUp'>): Promise<TestProject> {
  const authorization = await signUp()
  const organisation = await as(authorization, api.organisations).create({ body: { name: `Organisation ${randomUUID()}` } })
  const project = await as(authorization, api.projects).create({ body: { name: 'Shop', organisation: organisation.id } })
  const environment = await as(authorization, api.environments).create({ body: { name: 'Production', project: project.id } })
  const key = await as(authorization, api.environmentApiKeys).create({
    params: { environment_key: environment.api_key },
    body: { name: 'Server' },
  })
  return { authorization, organisation, project, environment, serverKey: key.key }
}
