import { api } from '@halyard/contract'
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { startMailbox, type Mailbox } from '../testing/mailbox.ts'
import { makeSecondFactor } from '../testing/matrix/people-examples.ts'
import { startServer, type TestServer } from '../testing/start-server.ts'

let mailbox: Mailbox
let server: TestServer
beforeAll(async () => {
  mailbox = await startMailbox()
  server = await startServer({ mail: mailbox.mail, publicUrl: 'https://flags.example.com' })
})
afterAll(async () => {
  await server.close()
  await mailbox.close()
})

const password = 'correct horse battery'
const next = 'another long password'

async function signUp() {
  const email = `${randomUUID()}@example.com`
  const person = { email, password, first_name: 'Ada', last_name: 'Lovelace' }
  const { key } = await server.as('', api.users).create({ body: person })
  return { email, authorization: `Token ${key}` }
}
const post = (path: string, body: unknown, headers: Record<string, string> = {}) => server.send('POST', path, { body, headers })
const signIn = (email: string, given: string) => post('/api/v1/auth/login/', { email, password: given })
const askFor = (email: string, headers = {}) => post('/api/v1/auth/users/reset_password/', { email }, headers)
const confirm = (link: object, given = next) =>
  post('/api/v1/auth/users/reset_password_confirm/', { ...link, new_password: given, re_new_password: given })
const statusOf = async (authorization: string) => (await server.send('GET', '/api/v1/auth/users/me/', { authorization })).status

const mailing = ['mail_password_reset', 'send_mail']
const mailsAreSent = () =>
  vi.waitFor(
    async () => expect(await server.control.db.selectFrom('jobs').select('name').where('name', 'in', mailing).execute()).toEqual([]),
    { timeout: 15_000 },
  )

async function linkFor(email: string) {
  expect(await askFor(email)).toMatchObject({ status: 204, text: '' })
  const { text } = await mailbox.take(email)
  const [, uid = '', token = ''] = /https:\/\/flags\.example\.com\/password-reset\/confirm\/([^/\s]+)\/([^/\s]+)/.exec(text) ?? []
  return { uid, token }
}

describe('a forgotten password', () => {
  test('is replaced by the link in a mail: once, for 15 minutes; sessions and tokens end', async () => {
    const { email, authorization } = await signUp()
    const expires_at = new Date(Date.now() + 86_400_000).toISOString()
    const { key } = await server
      .as(authorization, api.personalTokens)
      .create({ body: { name: 'CI', expires_at, current_password: password } })
    const link = await linkFor(email)
    expect(await statusOf(`Token ${key}`)).toBe(200)
    expect(await confirm(link)).toMatchObject({ status: 204, text: '' })
    expect([await statusOf(authorization), await statusOf(`Token ${key}`)]).toEqual([401, 401])
    expect((await signIn(email, password)).status).toBe(400)
    expect((await signIn(email, next)).status).toBe(200)
    expect((await mailbox.take(email)).headers['subject']).toBe('Your password was changed')
    expect(await confirm(link, 'yet another password')).toMatchObject({
      status: 400,
      body: { token: [expect.stringContaining('15 minutes')] },
    })
  })

  test('has pages of its own for the link, which say nothing of it and give it to nobody', async () => {
    const { uid, token } = await linkFor((await signUp()).email)
    const strange = '/password-reset/confirm/nobody/%3Cscript%3Ealert(1)%3C%2Fscript%3E'
    const paths = ['/password-reset', `/password-reset/confirm/${uid}/${token}`, strange]
    const pages = await Promise.all(paths.map((path) => server.send('GET', path)))
    for (const { status, headers, text } of pages) {
      expect(status).toBe(200)
      expect(headers.get('content-security-policy')).toMatch(/default-src 'none'; script-src 'sha256-[^']+'; style-src 'sha256-[^']+'/)
      expect([headers.get('referrer-policy'), headers.get('cache-control')]).toEqual(['no-referrer', 'no-store'])
      expect(text).not.toMatch(/(?:src|href)="(?!data:|\/password-reset")/)
      expect(text).not.toMatch(/ on[a-z]+="/)
    }
    expect(pages[1]?.text).toBe(pages[2]?.text)
  })

  test('is replaced by one of several who use the link at once', async () => {
    const { email } = await signUp()
    const link = await linkFor(email)
    const answers = await Promise.all(Array.from({ length: 20 }, (_, index) => confirm(link, `password number ${index}`)))
    expect(answers.filter(({ status }) => status === 204)).toHaveLength(1)
    expect(answers.filter(({ status }) => status === 400)).toHaveLength(19)
  })

  test('is not replaced by an old link, another person’s, or none', async () => {
    const [one, other] = [await signUp(), await signUp()]
    const [link, theirs] = [await linkFor(one.email), await linkFor(other.email)]
    const dead = { status: 400, body: { token: [expect.any(String)] } }
    expect(await confirm({ uid: theirs.uid, token: link.token })).toMatchObject(dead)
    expect(await confirm({ uid: 'nobody', token: link.token })).toMatchObject(dead)
    expect(await confirm({ uid: link.uid, token: 'guess' })).toMatchObject(dead)
    await server.control.db.updateTable('password_resets').set({ expires_at: new Date() }).execute()
    expect(await confirm(link)).toMatchObject(dead)
    expect((await signIn(one.email, password)).status).toBe(200)
  })

  test('does not take a second factor off', async () => {
    const { email, code } = await makeSecondFactor(server)
    expect((await confirm(await linkFor(email))).status).toBe(204)
    const step = await server.as('', api.users).login({ body: { email, password: next } })
    if (!('ephemeral_token' in step)) throw new Error('No code was asked for.')
    expect((await post('/api/v1/auth/login/code/', { ephemeral_token: step.ephemeral_token, code })).status).toBe(200)
  })

  test('of an address that nobody has gets the same answer, and no mail', async () => {
    expect(await askFor('stranger@example.com')).toMatchObject({ status: 204, text: '' })
    const { email } = await signUp()
    await linkFor(email)
    await mailsAreSent()
    expect(mailbox.received.flatMap(({ recipients }) => recipients)).not.toContain('stranger@example.com')
  })

  test('is mailed five times a day, whoever asks', async () => {
    const { email } = await signUp()
    const answers = await Promise.all(Array.from({ length: 12 }, () => askFor(email)))
    expect(answers.every(({ status }) => status === 204)).toBe(true)
    await mailsAreSent()
    expect(mailbox.received.filter(({ recipients }) => recipients.includes(email))).toHaveLength(5)
  })

  test('is linked to where people reach us, whatever the request says of that', async () => {
    const { email } = await signUp()
    await askFor(email, { 'x-forwarded-host': 'evil.example', forwarded: 'host=evil.example', 'x-forwarded-proto': 'gopher' })
    const { text, html } = await mailbox.take(email)
    expect(text).toContain('https://flags.example.com/password-reset/')
    expect(text + html).not.toContain('evil')
  })

  test('leaves no token in the database', async () => {
    const { email } = await signUp()
    const { token } = await linkFor(email)
    const tables = ['password_resets', 'jobs', 'changes', 'attempts'] as const
    const rows = await Promise.all(tables.map((table) => server.control.db.selectFrom(table).selectAll().execute()))
    expect(JSON.stringify(rows)).not.toContain(token)
    expect(rows[0]?.length).toBeGreaterThan(0)
  })
})

describe('a known password', () => {
  const set = (authorization: string, body: object) => server.send('POST', '/api/v1/auth/users/set_password/', { authorization, body })

  test('is changed by whoever knows it, and ends the other sessions', async () => {
    const { email, authorization } = await signUp()
    const phone = await server.as('', api.users).login({ body: { email, password } })
    const other = `Token ${'key' in phone ? phone.key : ''}`
    const answer = await set(authorization, { current_password: password, new_password: next, re_new_password: next })
    expect(answer).toMatchObject({ status: 204, text: '' })
    expect([await statusOf(authorization), await statusOf(other)]).toEqual([200, 401])
    expect((await signIn(email, next)).status).toBe(200)
    expect((await mailbox.take(email)).text).toContain('was changed')
  })

  test.each([
    ['the current one is wrong', { current_password: 'guess' }, { current_password: ['Invalid password.'] }],
    ['the new ones differ', { re_new_password: 'something else' }, { non_field_errors: ['The two password fields did not match.'] }],
    [
      'the new one is common',
      { new_password: 'Password123', re_new_password: 'Password123' },
      { new_password: ['This password is too common.'] },
    ],
  ])('stays when %s', async (_, overrides, errors) => {
    const { authorization } = await signUp()
    const body = { current_password: password, new_password: next, re_new_password: next, ...overrides }
    expect(await set(authorization, body)).toMatchObject({ status: 400, body: errors })
  })

  test('is not to be guessed from an open session', async () => {
    const { authorization } = await signUp()
    const guess = () => set(authorization, { current_password: 'guess', new_password: next })
    const answers = await Promise.all(Array.from({ length: 40 }, guess))
    expect(answers.filter(({ status }) => status === 400).length).toBeLessThanOrEqual(10)
    expect(answers.some(({ status }) => status === 429)).toBe(true)
  })
})
