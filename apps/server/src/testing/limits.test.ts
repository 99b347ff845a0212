import { connect } from 'node:net'
import { api } from '@halyard/contract'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openStream } from './clients/event-stream.ts'
import { startServer, type TestProject, type TestServer } from './start-server.ts'

let server: TestServer
let project: TestProject
beforeAll(async () => {
  server = await startServer()
  project = await server.makeProject()
})
afterAll(() => server.close())

const tooMany = 'Ensure this field has no more than 1000 elements.'

const send = (method: string, path: string, body: unknown) =>
  server.send(method, path, { headers: { 'x-environment-key': project.environment.api_key }, body })

const copies = (count: number, written: unknown = {}) => Array.from({ length: count }, () => written)

/** Distinct traits, from the one numbered `from` on. */
const traitsFrom = (from: number, count: number) =>
  Array.from({ length: count }, (_, index) => ({ trait_key: `trait ${from + index}`, trait_value: index }))

const namesTo = (count: number, value: unknown) => Object.fromEntries(Array.from({ length: count }, (_, index) => [`name ${index}`, value]))

describe('a body with more elements than are read is refused as a whole', () => {
  test.each([
    ['PUT', '/api/v1/traits/bulk/', copies(1001), { non_field_errors: [tooMany] }],
    ['PUT', '/api/v1/traits/bulk/', copies(340_000), { non_field_errors: [tooMany] }],
    ['POST', '/api/v1/identities/', { identifier: 'ada', traits: traitsFrom(0, 1001) }, { traits: [tooMany] }],
    ['POST', '/api/v2/analytics/flags/', { evaluations: copies(1001) }, { evaluations: [tooMany] }],
    ['POST', '/api/v1/analytics/flags/', namesTo(1001, 1), { non_field_errors: [tooMany] }],
    [
      'POST',
      '/v1/events',
      { events: copies(1001) },
      { accepted: 0, rejected: [{ index: 0, error: 'events must have at most 1000 elements' }] },
    ],
  ])('%s %s', async (method, path, body, answer) => {
    expect(await send(method, path, body)).toMatchObject({ status: 400, body: answer })
  })
})

test('a thousand elements are read', async () => {
  const identify = await send('POST', '/api/v1/identities/', { identifier: 'thousand', traits: traitsFrom(0, 1000) })
  expect(identify.status).toBe(200)
  expect(await send('POST', '/v1/events', { events: copies(1000) })).toMatchObject({ status: 400, body: { rejected: { length: 1000 } } })
})

describe('an identity with a thousand traits', () => {
  const full = { traits: ['An identity holds at most 1000 traits.'] }

  async function fill(identifier: string): Promise<void> {
    expect((await send('POST', '/api/v1/identities/', { identifier, traits: traitsFrom(0, 1000) })).status).toBe(200)
  }

  test('takes no other, and of what brings one stores nothing', async () => {
    await fill('full')
    const traits = [{ trait_key: 'trait 0', trait_value: 'changed' }, ...traitsFrom(1000, 1)]
    expect(await send('POST', '/api/v1/identities/', { identifier: 'full', traits })).toMatchObject({ status: 400, body: full })
    const { body } = await send('GET', '/api/v1/identities/?identifier=full', undefined)
    expect(body).toMatchObject({ traits: { length: 1000 } })
    expect(body).toMatchObject({ traits: expect.arrayContaining([expect.objectContaining({ trait_key: 'trait 0', trait_value: 0 })]) })
  })

  test('still changes those it has, and takes another for one that it forgets', async () => {
    await fill('changing')
    const traits = [{ trait_key: 'trait 0', trait_value: null }, { trait_key: 'trait 1', trait_value: 'changed' }, ...traitsFrom(1000, 1)]
    expect(await send('POST', '/api/v1/identities/', { identifier: 'changing', traits })).toMatchObject({
      status: 200,
      body: { traits: { length: 1000 } },
    })
  })

  test('adds to the integers it has, and begins no other', async () => {
    await fill('adding')
    const add = (key: string) =>
      server.send('POST', '/api/v1/traits/increment-value/', {
        headers: { 'x-environment-key': project.serverKey },
        body: { identifier: 'adding', trait_key: key, increment_by: 1 },
      })
    expect(await add('trait 5')).toMatchObject({ status: 200, body: { trait_value: 6 } })
    expect(await add('another')).toMatchObject({ status: 400, body: full })
  })
})

describe('a context of OpenFeature is refused', () => {
  test.each([
    ['with a text longer than that of a trait', { plan: 'x'.repeat(2001) }, 'context.plan'],
    ['with such a text among its traits', { traits: { plan: { value: 'x'.repeat(2001) } } }, 'context.plan'],
    ['with a name longer than that of a trait', { ['k'.repeat(201)]: 1 }, `context.${'k'.repeat(200)}`],
    ['with more members than an identity has traits', namesTo(1001, 1), 'context: '],
    ['with more traits than an identity has', { traits: namesTo(1001, 1) }, 'context: '],
  ])('%s', async (_, context, named) => {
    const answer = await server.send('POST', '/ofrep/v1/evaluate/flags', {
      authorization: `Bearer ${project.environment.api_key}`,
      body: { context },
    })
    expect(answer).toMatchObject({ status: 400, body: { errorCode: 'INVALID_CONTEXT', errorDetails: expect.stringContaining(named) } })
  })
})

describe('a stream', () => {
  const pathOf = ({ environment }: TestProject) => `/sse/environments/${environment.api_key}/stream`
  const listen = (to: TestProject) => openStream(new URL(pathOf(to), server.url))

  test('has its connection to itself: whoever asks for another on it is refused, and the connection closed', async () => {
    const request = `GET ${pathOf(project)} HTTP/1.1\r\nhost: test\r\n\r\n`
    expect(await exchange(new URL(server.url), request.repeat(60))).toContain('HTTP/1.1 409 Conflict')
  })

  test('ends when its environment is deleted', async () => {
    const own = await server.makeProject()
    const stream = await listen(own)
    await stream.next()
    await server.as(own.authorization, api.environments).delete({ params: { environment_key: own.environment.api_key } })
    await expect(stream.next()).rejects.toThrow('ended')
  })
})

/** Everything that is answered to what is written at once, until the other side closes. */
function exchange({ hostname, port }: URL, written: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => socket.write(written))
    let answered = ''
    socket.on('data', (bytes) => (answered += bytes.toString()))
    socket.on('close', () => resolve(answered))
    socket.on('error', reject)
    socket.setTimeout(5000, () => socket.destroy(new Error(`Still open after: ${answered}`)))
  })
}
