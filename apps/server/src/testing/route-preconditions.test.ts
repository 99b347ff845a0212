import { api } from '@halyard/contract'
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { addressOf, everyEndpoint, type Listed, type Request } from './matrix/endpoints.ts'
import { makeTenant, type Fixture } from './matrix/fixture.ts'
import { recording } from './matrix/recorded.ts'
import { startServer, type TestServer } from './start-server.ts'

let server: TestServer
let home: Fixture
beforeAll(async () => {
  server = await startServer()
  home = await makeTenant(server)
})
afterAll(() => server.close())

const readers = new Set(
  everyEndpoint.filter(({ endpoint }) => endpoint.method === 'GET' && !endpoint.file).map(({ endpoint }) => endpoint.path),
)
const writes = everyEndpoint.filter(({ endpoint }) => ['PUT', 'PATCH', 'DELETE'].includes(endpoint.method) && readers.has(endpoint.path))

const sendTo = ({ endpoint }: Listed, request: Request, sent: { method?: string; ifMatch?: string } = {}) =>
  server.send(sent.method ?? endpoint.method, addressOf(endpoint, request), {
    authorization: request.authorization ?? home.authorization,
    ...(sent.method === undefined && request.body !== undefined && { body: request.body }),
    ...(sent.ifMatch !== undefined && { headers: { 'if-match': sent.ifMatch } }),
  })

describe('a write with If-Match', () => {
  test.each(writes)('to $name is refused when it changed meanwhile, and done when it did not', async (listed) => {
    // What ends an organisation or an account ends those of nobody else.
    const at = listed.endpoint.method === 'DELETE' ? await makeTenant(server) : home
    const request = { authorization: at.authorization, ...(await listed.example(at)) }
    const read = await sendTo(listed, request, { method: 'GET' })
    const etag = read.headers.get('etag') ?? ''
    expect({ status: read.status, etag }).toEqual({ status: 200, etag: expect.stringMatching(/^".{22}"$/) })
    const { answered, recorded } = await recording(server, () => sendTo(listed, request, { ifMatch: '"what was there before"' }))
    expect(answered).toMatchObject({
      status: 412,
      body: {
        detail: expect.stringContaining('has changed'),
        yours: { etag: '"what was there before"', representation: null },
        current: { etag, representation: read.body },
      },
    })
    expect(recorded).toEqual([])
    const done = await sendTo(listed, request, { ifMatch: etag })
    expect({ status: done.status, text: done.text }).toEqual({ status: listed.endpoint.status ?? 200, text: expect.any(String) })
  })
})

const features = () => server.as(home.authorization, api.features)
const inProject = () => ({ project: home.project.id })
const makeFeature = () => features().create({ params: inProject(), body: { name: `f-${randomUUID()}` } })

const patchFeature = (id: number, body: object, ifMatch: string) =>
  server.send('PATCH', `/api/v1/projects/${home.project.id}/features/${id}/`, {
    authorization: home.authorization,
    headers: { 'if-match': ifMatch },
    body,
  })

const readFeature = (id: number) =>
  server.send('GET', `/api/v1/projects/${home.project.id}/features/${id}/`, { authorization: home.authorization })

test('of many writes that are based on the same, one is done', async () => {
  const { id } = await makeFeature()
  const etag = (await readFeature(id)).headers.get('etag') ?? ''
  const answers = await Promise.all(Array.from({ length: 200 }, (_, writer) => patchFeature(id, { description: `by ${writer}` }, etag)))
  const statuses = answers.map(({ status }) => status).filter((status) => status !== 503)
  expect(statuses.filter((status) => status === 200)).toHaveLength(1)
  expect(new Set(statuses)).toEqual(new Set([200, 412]))
})

test('who comes too late is shown what they based it on beside what is there, and the reply of a write has the next tag', async () => {
  const { id } = await makeFeature()
  const read = await readFeature(id)
  const etag = read.headers.get('etag') ?? ''
  const first = await patchFeature(id, { description: 'first' }, etag)
  const second = await patchFeature(id, { description: 'second' }, etag)
  expect(second).toMatchObject({
    status: 412,
    body: { yours: { etag, representation: { description: null } }, current: { representation: { description: 'first' } } },
  })
  expect((await patchFeature(id, { description: 'third' }, first.headers.get('etag') ?? '')).status).toBe(200)
  expect((await patchFeature(id, { description: 'fourth' }, '*')).status).toBe(200)
})

const createTag = (key: string, body: object, authorization = home.authorization) =>
  server.send('POST', `/api/v1/projects/${home.project.id}/tags/`, { authorization, headers: { 'idempotency-key': key }, body })

const countTags = async (label: string) =>
  (await server.control.db.selectFrom('tags').select('id').where('label', '=', label).execute()).length

describe('an Idempotency-Key', () => {
  test('makes of any number of the same request one, and all are answered the same', async () => {
    const [key, label] = [randomUUID(), `l-${randomUUID()}`]
    const { answered, recorded } = await recording(server, () => Promise.all(Array.from({ length: 200 }, () => createTag(key, { label }))))
    const done = answered.filter(({ status }) => status !== 503)
    expect(new Set(done.map(({ status, text }) => `${status} ${text}`)).size).toBe(1)
    expect(done[0]?.status).toBe(201)
    expect(done.filter(({ headers }) => !headers.has('idempotency-replayed'))).toHaveLength(1)
    expect(recorded).toHaveLength(1)
    expect(await countTags(label)).toBe(1)
  })

  test('is for one request and one caller', async () => {
    const [key, label] = [randomUUID(), `l-${randomUUID()}`]
    await createTag(key, { label })
    expect(await createTag(key, { label: `${label}-other` })).toMatchObject({
      status: 409,
      body: { detail: expect.stringContaining('another request') },
    })
    expect((await createTag(key, { label }, home.adminKey)).status).toBe(201)
    expect(await countTags(label)).toBe(2)
    expect((await createTag('x'.repeat(256), { label })).status).toBe(400)
  })

  test('of a request that failed can be used again', async () => {
    const [key, label] = [randomUUID(), `l-${randomUUID()}`]
    expect((await createTag(key, { label: '' })).status).toBe(400)
    expect((await createTag(key, { label })).status).toBe(201)
    expect(await countTags(label)).toBe(1)
  })

  test('gives back a secret that is shown once, which is stored nowhere in clear', async () => {
    const ask = () =>
      server.send('POST', `/api/v1/organisations/${home.organisation.id}/master-api-keys/`, {
        authorization: home.authorization,
        headers: { 'idempotency-key': 'the same' },
        body: { name: 'CI' },
      })
    const [first, second] = [await ask(), await ask()]
    expect(first.status).toBe(201)
    expect(second.text).toBe(first.text)
    const rows = await server.control.db.selectFrom('idempotency_keys').selectAll().execute()
    expect(JSON.stringify(rows)).not.toContain(JSON.parse(first.text).key)
  })
})
