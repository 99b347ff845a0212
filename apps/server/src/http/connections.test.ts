import { once } from 'node:events'
import { createServer } from 'node:http'
import { connect } from 'node:net'
import { expect, test } from 'vitest'
import { watchConnections } from './connections.ts'

test('a request that never ends does not keep a server from closing', async () => {
  const server = createServer((request) => request.resume())
  const letGo = watchConnections(server, 10)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const socket = connect(typeof address === 'object' && address !== null ? address.port : 0, '127.0.0.1')
  socket.write('POST / HTTP/1.1\r\nHost: halyard\r\nContent-Length: 10\r\n\r\n{')
  await once(server, 'request')
  const closed = once(server, 'close')
  server.close()
  letGo()
  await Promise.all([closed, once(socket, 'close')])
  expect(server.listening).toBe(false)
})
