import type { Socket } from 'node:net'
import { STATUS_CODES } from 'node:http'

const answers: Record<string, readonly [status: number, detail: string]> = {
  HPE_HEADER_OVERFLOW: [431, 'The headers of the request are too large.'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'The request took too long to arrive.'],
}
const notHttp = [400, 'The request is not valid HTTP.'] as const

/** Answers bytes that make no request, in our shape, and closes the connection: nothing after them can be understood. */
export function answerBrokenRequest(error: Error & { code?: string }, socket: Socket): void {
  // Something was answered on it before, perhaps only in part, in which an answer of ours would be read as the rest.
  if (error.code === 'ECONNRESET' || !socket.writable || socket.bytesWritten > 0) {
    socket.destroy()
    return
  }
  const [status, detail] = answers[error.code ?? ''] ?? notHttp
  const body = JSON.stringify({ detail })
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
  ]
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy())
}
