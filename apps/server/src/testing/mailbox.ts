import { once } from 'node:events'
import { SMTPServer, type SMTPServerOptions } from 'smtp-server'
import { vi } from 'vitest'

/** A mail as it arrived, decoded. */
export interface Received {
  readonly recipients: readonly string[]
  readonly headers: Readonly<Record<string, string>>
  readonly text: string
  readonly html: string
}

export interface Mailbox {
  /** For a server's configuration. */
  readonly mail: { readonly smtpUrl: string; readonly from: string }
  readonly received: readonly Received[]
  /** Waits for a mail to somebody, and takes it out. */
  take(recipient: string): Promise<Received>
  close(): Promise<void>
}

/** Other people's mail server, on a port of its own. `refuse` answers recipients with an error, as often as it likes. */
export async function startMailbox({ refuse }: { refuse?: (recipient: string) => Error | undefined } = {}): Promise<Mailbox> {
  const received: Received[] = []
  const options: SMTPServerOptions = {
    authOptional: true,
    disabledCommands: ['AUTH', 'STARTTLS'],
    onRcptTo: ({ address }, _session, callback) => callback(refuse?.(address) ?? null),
    onData(stream, session, callback) {
      const recipients = session.envelope.rcptTo.map(({ address }) => address)
      const chunks: Buffer[] = []
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('end', () => {
        received.push({ recipients, ...decode(Buffer.concat(chunks).toString('latin1')) })
        callback()
      })
    },
  }
  const smtp = new SMTPServer(options)
  const listening = smtp.listen(0, '127.0.0.1')
  await once(listening, 'listening')
  const address = listening.address()
  if (typeof address !== 'object' || address === null) throw new Error('The mail server has no port.')
  return {
    mail: { smtpUrl: `smtp://127.0.0.1:${address.port}`, from: 'flags@example.com' },
    received,
    async take(recipient) {
      const index = await vi.waitFor(
        () => {
          const found = received.findIndex(({ recipients }) => recipients.includes(recipient))
          if (found < 0) throw new Error(`No mail has come for ${recipient}.`)
          return found
        },
        { timeout: 15_000 },
      )
      const [taken] = received.splice(index, 1)
      if (!taken) throw new Error('The mail was taken by somebody else.')
      return taken
    },
    close: () => new Promise((resolve) => smtp.close(() => resolve())),
  }
}

function decode(source: string): Omit<Received, 'recipients'> {
  const { headers, body } = splitPart(source)
  const boundary = /boundary="([^"]+)"/.exec(headers['content-type'] ?? '')?.[1]
  const parts = boundary === undefined ? [] : body.split(`--${boundary}`).slice(1, -1).map(splitPart)
  const partOf = (type: string) => {
    const part = parts.find(({ headers }) => headers['content-type']?.startsWith(type))
    return part ? fromQuotedPrintable(part.body).trim() : ''
  }
  return { headers, text: partOf('text/plain'), html: partOf('text/html') }
}

function splitPart(source: string): { headers: Record<string, string>; body: string } {
  const [head = '', ...rest] = source.replace(/^\r\n/, '').split('\r\n\r\n')
  const unfolded = head.replace(/\r\n[ \t]+/g, ' ').split('\r\n')
  const headers = unfolded.map((line) => [
    line.slice(0, line.indexOf(':')).toLowerCase(),
    fromEncodedWords(line.slice(line.indexOf(':') + 1).trim()),
  ])
  return { headers: Object.fromEntries(headers), body: rest.join('\r\n\r\n') }
}

// Headers that are not plain ASCII, or long: `=?UTF-8?Q?a_b?= =?UTF-8?Q?c?=`.
const fromEncodedWords = (text: string): string =>
  text.replace(/\?=\s+=\?/g, '?==?').replace(/=\?UTF-8\?Q\?(.*?)\?=/g, (_, word: string) => fromQuotedPrintable(word.replaceAll('_', ' ')))

function fromQuotedPrintable(text: string): string {
  const bytes = text.replace(/=\r\n/g, '').replace(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  return Buffer.from(bytes, 'latin1').toString('utf8').replaceAll('\r\n', '\n')
}
