import './report-usage.ts'
import { createServer, type OutgoingHttpHeaders, type ServerResponse } from 'node:http'

/** What the bare server sends: bytes that were answered before, by the body that was asked with; the empty one for a GET. */
export interface Replies {
  readonly headers: OutgoingHttpHeaders
  readonly byBody: readonly (readonly [body: string, reply: string])[]
}

process.on('message', (message: Replies | 'usage') => {
  if (message !== 'usage') serve(message)
})

/** Node's HTTP server with as little on top as reads a body and sends the same bytes: nothing that runs on Node costs less. */
function serve({ headers, byBody }: Replies): void {
  const replies = new Map(byBody.map(([body, reply]) => [body, Buffer.from(reply)]))
  const send = (response: ServerResponse, body: string) => response.writeHead(200, headers).end(replies.get(body))
  const server = createServer((request, response) => {
    if (request.method === 'GET') {
      send(response, '')
      return
    }
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => send(response, Buffer.concat(chunks).toString()))
  })
  server.listen(0, '127.0.0.1', () => {
    const address = server.address()
    if (typeof address === 'object' && address !== null) process.stdout.write(`http://127.0.0.1:${address.port}\n`)
  })
}
