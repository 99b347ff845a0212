import { api } from '@halyard/contract'
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import * as z from 'zod'
import { startServer, type Answer, type TestServer } from '../start-server.ts'
import type { Call } from './terraform-call.ts'
import { featureLives } from './terraform-features.ts'
import { segmentLives } from './terraform-segments.ts'
import { tenancyLives } from './terraform-tenancy.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server.close())

type Kept = Map<string, unknown>

/** A project with one of everything, so that lists have more than what a life makes. */
async function begin(): Promise<{ kept: Kept; authorization: string }> {
  const at = await server.makeProject()
  const params = { project: at.project.id }
  await server.as(at.authorization, api.features).create({ params, body: { name: 'first' } })
  await server.as(at.authorization, api.segments).create({ params, body: { name: 'first', rules: [{ type: 'ALL' }] } })
  await server.as(at.authorization, api.tags).create({ params, body: { label: 'first' } })
  const me = await server.as(at.authorization, api.users).me({})
  const key = await server
    .as(at.authorization, api.masterApiKeys)
    .create({ params: { organisation: at.organisation.id }, body: { name: 'Terraform' } })
  const kept = new Map<string, unknown>([
    ['organisation', at.organisation.id],
    ['organisationUuid', at.organisation.uuid],
    ['project', at.project.id],
    ['environment', at.environment.id],
    ['environmentKey', at.environment.api_key],
    ['user', me.id],
    ['unique', `by-terraform-${randomUUID()}`],
  ])
  return { kept, authorization: `Api-Key ${key.key}` }
}

const lives = { ...tenancyLives, ...featureLives, ...segmentLives }

test.each(Object.entries(lives))('Terraform manages %s', async (_, calls) => {
  const { kept, authorization } = await begin()
  let last: unknown
  for (const call of calls) {
    const [method = '', path = ''] = String(fill(call.ask, kept)).split(' ')
    const body = call.sendBack
      ? { ...fieldsOf(last), ...fieldsOf(fill(call.sendBack, kept)), of_the_future: { a: [1] } }
      : fill(call.body, kept)
    const answer = await send(method, path, { authorization, body })
    const what = `${call.ask}: ${answer.text}`
    expect(answer.status, what).toBe(call.status)
    if (call.pages !== undefined) await expectPages(answer, call, authorization)
    else if (call.reply) expect(call.reply.safeParse(answer.body).error?.issues ?? [], what).toEqual([])
    if (call.has !== undefined) expect(answer.body, call.ask).toMatchObject(fieldsOf(fill(call.has, kept)))
    if (answer.status === 204) expect(answer.text, call.ask).toBe('')
    for (const [name, field] of Object.entries(call.keep ?? {})) kept.set(name, valueAt(answer.body, field))
    last = answer.body
  }
})

// The headers of its HTTP client, which sends them without a body too.
const send = (method: string, path: string, { authorization, body }: { authorization: string; body?: unknown }): Promise<Answer> =>
  server.send(method, path, {
    authorization,
    headers: {
      accept: 'application/json',
      'content-type': 'application/json',
      'user-agent': 'go-resty/2.7.0 (https://github.com/go-resty/resty)',
    },
    ...(body !== undefined && { body }),
  })

const page = z.object({ count: z.int(), next: z.url().nullable(), previous: z.url().nullable(), results: z.array(z.unknown()) })

async function expectPages(first: Answer, call: Call, authorization: string): Promise<void> {
  const found: unknown[] = []
  let { results, next, count } = page.parse(first.body)
  for (;;) {
    found.push(...results)
    if (next === null) break
    const address = new URL(next)
    ;({ results, next, count } = page.parse((await send('GET', address.pathname + address.search, { authorization })).body))
  }
  expect([found.length, count]).toEqual([call.pages, call.pages])
  for (const each of found) expect(call.reply?.safeParse(each).error?.issues ?? []).toEqual([])
}

/** What was kept in place of its name, in a text or anywhere in a body. */
function fill(value: unknown, kept: Kept): unknown {
  if (Array.isArray(value)) return value.map((each) => fill(each, kept))
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, fill(each, kept)]))
  if (typeof value !== 'string') return value
  const [, whole] = /^\{([a-zA-Z]+)\}$/.exec(value) ?? []
  return whole === undefined
    ? value.replace(/\{([a-zA-Z]+)\}/g, (_, name: string) => String(keptUnder(name, kept)))
    : keptUnder(whole, kept)
}

function keptUnder(name: string, kept: Kept): unknown {
  if (!kept.has(name)) throw new Error(`No call kept anything as “${name}”.`)
  return kept.get(name)
}

const fieldsOf = (value: unknown): Record<string, unknown> => (typeof value === 'object' && value !== null ? { ...value } : {})
const valueAt = (value: unknown, path: string): unknown => path.split('.').reduce((at, step) => fieldsOf(at)[step], value)
