import type { Server } from 'node:http'
import type { Socket } from 'node:net'

/** How long requests under way have when the server closes; a process is ended after nine seconds, and has databases to close. */
const drainMilliseconds = 5000

/**
 * Makes a server that closes let go of connections that ask nothing; answers with what to call when it begins to close. By
 * itself it waits more than a minute for those that browsers open ahead, and for those whose last answer comes meanwhile.
 */
export function watchConnections(server: Server, drainMs = drainMilliseconds): () => void {
  const connections = new Set<Socket>()
  let isClosing = false
  server.on('connection', (socket: Socket) => {
    if (isClosing) {
      socket.destroy()
      return
    }
    connections.add(socket)
    socket.once('close', () => connections.delete(socket))
  })
  return () => {
    isClosing = true
    server.keepAliveTimeout = 1
    for (const socket of connections) if (socket.bytesRead === 0) socket.destroy()
    const drained = setTimeout(() => server.closeAllConnections(), drainMs)
    server.once('close', () => clearTimeout(drained))
  }
}
