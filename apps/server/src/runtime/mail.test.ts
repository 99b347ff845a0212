import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { startMailbox, type Mailbox } from '../testing/mailbox.ts'
import { startServer, testConfig, type TestServer } from '../testing/start-server.ts'
import { addressOf, createMailDelivery, enqueueMail, type Mail } from './mail.ts'
import { seal } from './secrets.ts'

const letter = (to: string, rest: Partial<Mail> = {}): Mail => ({
  to,
  subject: 'Choose a new password',
  paragraphs: ['Somebody asked for a new password.'],
  link: { label: 'Choose it', path: '/reset/secret-in-a-link' },
  ...rest,
})

const refusals: Readonly<Record<string, number>> = { 'nobody@example.com': 550, 'busy@example.com': 451 }

function refuse(recipient: string): Error | undefined {
  const responseCode = refusals[recipient]
  return responseCode === undefined ? undefined : Object.assign(new Error('not taken'), { responseCode })
}

let mailbox: Mailbox
let server: TestServer
beforeAll(async () => {
  mailbox = await startMailbox({ refuse })
  server = await startServer({ mail: mailbox.mail, publicUrl: 'https://flags.example.com' })
})
afterAll(async () => {
  await server.close()
  await mailbox.close()
})

const send = (mail: Mail) => server.control.transaction((tx) => enqueueMail(tx, server.runtime.config, mail))
const waitingJobs = async () => JSON.stringify(await server.control.db.selectFrom('jobs').selectAll().execute())

describe('a mail', () => {
  test('is sent when its transaction commits, as text and HTML, with a link below the configured address', async () => {
    await send(letter('ada@example.com'))
    const { headers, text, html } = await mailbox.take('ada@example.com')
    expect(headers).toMatchObject({
      from: 'Halyard <flags@example.com>',
      to: 'ada@example.com',
      subject: 'Choose a new password',
      'auto-submitted': 'auto-generated',
    })
    expect(text).toBe(
      'Somebody asked for a new password.\n\nChoose it:\nhttps://flags.example.com/reset/secret-in-a-link\n\nSent by Halyard at https://flags.example.com.',
    )
    expect(html).toContain('<a href="https://flags.example.com/reset/secret-in-a-link">Choose it</a>')
  })

  test('is not sent when its transaction fails', async () => {
    const failing = server.control.transaction(async (tx) => {
      await enqueueMail(tx, server.runtime.config, letter('undone@example.com'))
      throw new Error('undone')
    })
    await expect(failing).rejects.toThrow('undone')
    await send(letter('after@example.com'))
    await mailbox.take('after@example.com')
    expect(mailbox.received.filter(({ recipients }) => recipients.includes('undone@example.com'))).toEqual([])
  })

  test('cannot be read in the jobs table, and is gone from it when it was sent', async () => {
    const stored = await server.control.transaction(async (tx) => {
      await enqueueMail(tx, server.runtime.config, letter('secret@example.com'))
      return JSON.stringify(await tx.selectFrom('jobs').selectAll().execute())
    })
    expect(stored).toContain('send_mail')
    expect(stored).not.toContain('secret-in-a-link')
    expect(stored).not.toContain('secret@example.com')
    await mailbox.take('secret@example.com')
    await vi.waitFor(async () => expect(await waitingJobs()).not.toContain('send_mail'))
  })

  test('shows names as they are: they add no headers, no lines and no markup', async () => {
    const name = 'Acme\r\nBcc: all@example.com\r\n\r\n<img src=x onerror="alert(1)">\u202Etxt.exe'
    await send(letter('names@example.com', { subject: `Join ${name}`, paragraphs: [`${name} invites you.`] }))
    const { recipients, headers, text, html } = await mailbox.take('names@example.com')
    expect(recipients).toEqual(['names@example.com'])
    expect(headers).not.toHaveProperty('bcc')
    expect(headers['subject']).toBe('Join Acme Bcc: all@example.com <img src=x onerror="alert(1)">txt.exe')
    expect(text.split('\n')[0]).toBe('Acme Bcc: all@example.com <img src=x onerror="alert(1)">txt.exe invites you.')
    expect(html).toContain('&lt;img src=x onerror=&quot;alert(1)&quot;&gt;txt.exe invites you.')
    expect(html).not.toContain('<img')
  })

  test('goes to one address, even when that looks like several', async () => {
    const delivery = createMailDelivery(server.runtime)
    const sealed = seal(server.runtime.config, JSON.stringify(letter('one@example.com, two@example.com')), 'mail')
    await delivery({ sealed }, job).catch(() => undefined)
    expect(mailbox.received.flatMap(({ recipients }) => recipients)).not.toContain('two@example.com')
  })
})

const job = { id: 1, attempt: 1, signal: new AbortController().signal }
const payloadOf = (mail: Mail) => ({ sealed: seal(testConfig, JSON.stringify(mail), 'mail') })

describe('delivery', () => {
  const deliveryWith = (overrides: object = {}) => {
    const lines: string[] = []
    const log = pino({}, { write: (line: string) => void lines.push(line) })
    return { lines, deliver: createMailDelivery({ config: { ...testConfig, ...overrides }, log, now: () => new Date() }) }
  }

  test('without an SMTP server logs the link as one line', async () => {
    const { lines, deliver } = deliveryWith({ publicUrl: 'https://flags.example.com' })
    await deliver(payloadOf(letter('ada@example.com', { subject: 'Hello\n{"level": 60}' })), job)
    expect(lines).toHaveLength(1)
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      to: 'ada@example.com',
      link: 'https://flags.example.com/reset/secret-in-a-link',
      msg: expect.stringContaining('SMTP_URL'),
    })
  })

  test('is tried again when the refusal may pass, and not when it is final', async () => {
    const { lines, deliver } = deliveryWith({ mail: mailbox.mail })
    await expect(deliver(payloadOf(letter('busy@example.com')), job)).rejects.toThrow('451')
    await deliver(payloadOf(letter('nobody@example.com')), job)
    expect(lines.join('\n')).toContain('refused for good')
    expect(lines.join('\n')).not.toContain('secret-in-a-link')
  })

  test('is tried again when no mail server answers', async () => {
    const { deliver } = deliveryWith({ mail: { ...mailbox.mail, smtpUrl: 'smtp://127.0.0.1:1' } })
    await expect(deliver(payloadOf(letter('ada@example.com')), job)).rejects.toThrow('ECONNREFUSED')
  })

  test('does not send a link that has ended', async () => {
    const { lines, deliver } = deliveryWith({ mail: mailbox.mail })
    await deliver(payloadOf(letter('late@example.com', { until: new Date('2020-01-01') })), job)
    expect(mailbox.received.filter(({ recipients }) => recipients.includes('late@example.com'))).toEqual([])
    expect(lines.join('\n')).toContain('not sent in time')
  })

  test('uses keys that SECRET_KEY replaced, and says which is missing otherwise', async () => {
    const rotated = { secretKey: 'another secret key of 32 characters or more' }
    const known = deliveryWith({ ...rotated, previousSecretKeys: [testConfig.secretKey] })
    await known.deliver(payloadOf(letter('ada@example.com')), job)
    expect(known.lines).toHaveLength(1)
    await expect(deliveryWith(rotated).deliver(payloadOf(letter('ada@example.com')), job)).rejects.toThrow('PREVIOUS_SECRET_KEYS')
  })
})

test('links go to the public address, or to where the server listens', () => {
  expect(addressOf({ publicUrl: 'https://flags.example.com', host: '0.0.0.0', port: 80 })).toBe('https://flags.example.com')
  expect(addressOf({ publicUrl: undefined, host: '0.0.0.0', port: 8000 })).toBe('http://localhost:8000')
  expect(addressOf({ publicUrl: undefined, host: '::1', port: 8000 })).toBe('http://[::1]:8000')
})
