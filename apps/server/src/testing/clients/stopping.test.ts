import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { startServer, type TestServer } from '../start-server.ts'
import { openStream } from './event-stream.ts'

// Far below the minute and more after which idle connections end by themselves.
const patience = 20_000

async function connectTo(server: TestServer): Promise<Socket> {
  const { hostname, port } = new URL(server.url)
  const socket = connect(Number(port), hostname)
  await once(socket, 'connect')
  return socket
}

test('stopping does not wait for connections that ask nothing, as browsers open them ahead', { timeout: patience }, async () => {
  const server = await startServer()
  const silent = await connectTo(server)
  const answered = await server.send('GET', '/health/liveness')
  expect(answered.status).toBe(200)
  await Promise.all([once(silent, 'close'), server.close()])
})

test('stopping ends streams', { timeout: patience }, async () => {
  const server = await startServer()
  const { environment } = await server.makeProject()
  const stream = await openStream(new URL(`/sse/environments/${environment.api_key}/stream`, server.url))
  await stream.next()
  await Promise.all([expect(stream.next()).rejects.toThrow('ended'), server.close()])
})

test('stopping answers the request that is under way, and then does not wait for its connection', { timeout: patience }, async () => {
  const server = await startServer()
  const { environment } = await server.makeProject()
  const socket = await connectTo(server)
  const body = JSON.stringify({ identifier: 'ada', traits: [] })
  const head = [
    'POST /api/v1/identities/ HTTP/1.1',
    'Host: halyard',
    `X-Environment-Key: ${environment.api_key}`,
    'Content-Type: application/json',
    `Content-Length: ${body.length}`,
    'Expect: 100-continue',
  ]
  socket.write(`${head.join('\r\n')}\r\n\r\n`)
  // The server has begun to read it once it asks for the body.
  await once(socket, 'data')
  const closed = server.close()
  socket.write(body)
  expect(await text(socket)).toContain('"identifier":"ada"')
  await closed
})
