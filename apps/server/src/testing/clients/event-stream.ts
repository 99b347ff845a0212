/** One message of a stream of server-sent events. */
export interface StreamMessage {
  /** Undefined for the unnamed messages that browsers dispatch as `message`. */
  readonly event: string | undefined
  readonly id: string | undefined
  readonly data: unknown
}

export interface EventStream {
  readonly status: number
  readonly headers: Headers
  /** The next message in the order of the stream, past or to come. Comments are no messages. */
  next(): Promise<StreamMessage>
  close(): Promise<void>
}

/** Listens as a client does that lets nothing pass. */
export async function openStream(url: URL, headers: Record<string, string> = {}): Promise<EventStream> {
  const closing = new AbortController()
  const response = await fetch(url, { headers: { accept: 'text/event-stream', ...headers }, signal: closing.signal })
  const messages = readMessages(response)
  return {
    status: response.status,
    headers: response.headers,
    async next() {
      const { value } = await messages.next()
      if (!value) throw new Error(`The stream ${url.pathname} ended.`)
      return value
    },
    async close() {
      closing.abort()
    },
  }
}

async function* readMessages(response: Response): AsyncGenerator<StreamMessage, undefined> {
  if (!response.body) return undefined
  const decoder = new TextDecoder()
  let text = ''
  for await (const bytes of response.body) {
    text += decoder.decode(bytes, { stream: true })
    const blocks = text.split('\n\n')
    text = blocks.pop() ?? ''
    for (const block of blocks) {
      const message = readMessage(block)
      if (message) yield message
    }
  }
  return undefined
}

function readMessage(block: string): StreamMessage | undefined {
  const field = (name: string) =>
    block
      .split('\n')
      .find((line) => line.startsWith(`${name}: `))
      ?.slice(name.length + 2)
  const data = field('data')
  return data === undefined ? undefined : { event: field('event'), id: field('id'), data: JSON.parse(data) }
}
