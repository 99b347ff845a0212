import { once } from 'node:events'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startServer, type TestServer } from '../testing/start-server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server.close())

function sendBytes(...writes: string[]): Promise<string> {
  const socket = connect(Number(new URL(server.url).port), '127.0.0.1')
  for (const bytes of writes) socket.write(bytes)
  return text(socket)
}

test.each([
  ['bytes that are not HTTP', 'hello, world\r\n\r\n'],
  ['a header without a name', 'GET / HTTP/1.1\r\nHost: x\r\n: y\r\n\r\n'],
  ['two lengths', 'POST /api/v1/flags/ HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab'],
])('%s are answered 400 in our shape, and the connection is closed', async (_, bytes) => {
  const answer = await sendBytes(bytes)
  expect(answer).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/)
  expect(answer).toContain('Connection: close')
  expect(answer.split('\r\n\r\n')[1]).toBe('{"detail":"The request is not valid HTTP."}')
})

test('headers that are too large are answered 431', async () => {
  const answer = await sendBytes(`GET / HTTP/1.1\r\nHost: x\r\nX-Large: ${'x'.repeat(20_000)}\r\n\r\n`)
  expect(answer).toMatch(/^HTTP\/1\.1 431 /)
  expect(answer).toContain('{"detail":"The headers of the request are too large."}')
})

test('nothing is written into an answer that was begun', async () => {
  const { environment } = await server.makeProject()
  const socket = connect(Number(new URL(server.url).port), '127.0.0.1')
  socket.write(`GET /sse/environments/${environment.api_key}/stream HTTP/1.1\r\nHost: x\r\n\r\n`)
  const [begun] = await once(socket, 'data')
  expect(String(begun)).toContain('text/event-stream')
  const rest = text(socket)
  socket.write('not HTTP at all\r\n\r\n')
  expect(await rest).not.toContain('HTTP')
})

test('an address that cannot be decoded is answered as OFREP answers', async () => {
  const answer = await server.send('POST', '/ofrep/v1/evaluate/flags/%E0%A4%A', { body: { context: { targetingKey: 'ada' } } })
  expect(answer).toMatchObject({ status: 400, body: { key: '%E0%A4%A', errorCode: 'PARSE_ERROR', errorDetails: expect.any(String) } })
})
