import type { Transaction } from 'kysely'
import { createTransport, type Transporter } from 'nodemailer'
import * as z from 'zod'
import type { Config } from './config.ts'
import { enqueue, type JobHandler } from './jobs.ts'
import { renderMail } from './mail-rendering.ts'
import type { Runtime } from './runtime.ts'
import { seal, unseal, type SecretKeys } from './secrets.ts'
import type { Tables } from './tables.ts'

const mail = z.object({
  /** One address. */
  to: z.string(),
  subject: z.string(),
  /** Plain text, names and all: whatever is in it is shown, never interpreted. */
  paragraphs: z.array(z.string()),
  /** What the reader is asked to do, and where: a path below the address that people reach this server at. */
  link: z.object({ label: z.string(), path: z.string().startsWith('/') }).optional(),
  /** Not sent later than this, because what it links to has ended. */
  until: z.coerce.date().optional(),
})

export type Mail = Readonly<z.output<typeof mail>>

const purpose = 'mail'

/**
 * Sends a mail if and only if the transaction commits. It waits encrypted, because links in mails open accounts; once it is sent,
 * nothing of it is kept.
 */
export const enqueueMail = (tx: Transaction<Tables>, keys: SecretKeys, letter: Mail): Promise<void> =>
  enqueue(tx, { name: 'send_mail', payload: { sealed: seal(keys, JSON.stringify(letter), purpose) } })

const waiting = z.object({ sealed: z.string() })
const timeoutMs = 10_000

/** Works `send_mail`: over SMTP, or into the log where no SMTP server is configured. */
export function createMailDelivery({ config, log, now }: Pick<Runtime, 'config' | 'log' | 'now'>): JobHandler {
  const transport = config.mail && createTransport(config.mail.smtpUrl, transportDefaults)
  return async (payload, job) => {
    const letter = mail.parse(JSON.parse(unseal(config, waiting.parse(payload).sealed, purpose)))
    const about = { job: job.id, to: letter.to, subject: letter.subject }
    if (letter.until && letter.until <= now()) {
      log.warn(about, 'a mail was not sent in time, and what it links to has ended')
      return
    }
    const rendered = renderMail(letter, addressOf(config))
    if (!transport || !config.mail) {
      log.warn({ ...about, link: rendered.link }, 'no mail is sent without SMTP_URL: whoever runs this server passes the link on')
      return
    }
    const { link: _, ...content } = rendered
    const refusal = await deliver(transport, { ...content, from: config.mail.from, to: letter.to, id: job.id, signal: job.signal })
    if (refusal) log.warn({ ...about, err: refusal }, 'a mail was refused for good')
  }
}

const transportDefaults = {
  connectionTimeout: timeoutMs,
  greetingTimeout: timeoutMs,
  socketTimeout: timeoutMs,
  disableFileAccess: true,
  disableUrlAccess: true,
}

interface Envelope {
  readonly from: string
  readonly to: string
  readonly subject: string
  readonly text: string
  readonly html: string
  readonly id: number
  readonly signal: AbortSignal
}

/** Answers with what is final about a failure; throws what may pass. */
async function deliver(transport: Transporter, { from, to, id, ...content }: Envelope): Promise<Error | undefined> {
  try {
    await transport.sendMail({
      ...content,
      // As objects, so that no address is taken for a list of several.
      from: { name: 'Halyard', address: from },
      to: { name: '', address: to },
      // Jobs run at least once: by its id a mail that comes twice is known for one.
      messageId: `<${id}.send-mail@${from.replace(/^.*@/, '')}>`,
      textEncoding: 'quoted-printable',
      headers: { 'Auto-Submitted': 'auto-generated' },
    })
    return undefined
  } catch (error) {
    if (error instanceof Error && isFinal(error)) return error
    throw error
  }
}

// 5xx to the recipient or to the message itself: nobody there, or it is not wanted. Failures to sign in are ours to mend.
const isFinal = (error: Error): boolean =>
  'responseCode' in error &&
  typeof error.responseCode === 'number' &&
  error.responseCode >= 500 &&
  'command' in error &&
  (error.command === 'RCPT TO' || error.command === 'DATA')

/** Where people reach this server. Never what a request's Host header says: that is for the sender of the request to choose. */
export function addressOf({ publicUrl, host, port }: Pick<Config, 'publicUrl' | 'host' | 'port'>): string {
  if (publicUrl) return publicUrl
  const name = host === '0.0.0.0' || host === '::' ? 'localhost' : host.includes(':') ? `[${host}]` : host
  return `http://${name}:${port}`
}
