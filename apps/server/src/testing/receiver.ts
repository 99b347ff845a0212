import http from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Received {
  readonly path: string
  readonly headers: http.IncomingHttpHeaders
  readonly body: string
}

/** What is answered: a status, or with undefined nothing at all. */
export type Answering = (received: Received) => number | undefined

export interface Receiver {
  readonly url: string
  readonly received: Received[]
  /** Resolves with all that was received once it is as much, or once it holds. */
  until(enough: number | ((received: readonly Received[]) => boolean)): Promise<readonly Received[]>
  close(): void
}

/** Somebody else's server, which the platform sends things to. */
export async function startReceiver(answer: Answering = () => 200): Promise<Receiver> {
  const received: Received[] = []
  const waiting = new Set<() => void>()
  const server = http.createServer((request, response) => {
    let body = ''
    request.setEncoding('utf8').on('data', (text: string) => (body += text))
    request.on('end', () => {
      const one = { path: request.url ?? '', headers: request.headers, body }
      received.push(one)
      const status = answer(one)
      if (status !== undefined) response.writeHead(status, { location: '/elsewhere' }).end(`answered ${status}`)
      for (const look of waiting) look()
    })
  })
  // Whoever forgets to close it must not keep a process alive.
  server.unref()
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const address: AddressInfo | string | null = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const until: Receiver['until'] = (enough) =>
    new Promise((resolve) => {
      const look = () => {
        if (typeof enough === 'number' ? received.length < enough : !enough(received)) return
        waiting.delete(look)
        resolve(received)
      }
      waiting.add(look)
      look()
    })
  const close = () => {
    server.close()
    server.closeAllConnections()
  }
  return { url: `http://127.0.0.1:${port}/`, received, until, close }
}
