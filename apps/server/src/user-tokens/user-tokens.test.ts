import { api } from '@halyard/contract'
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startServer, type TestServer } from '../testing/start-server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server.close())

const password = 'correct horse battery'
const hour = 3_600_000

async function signUp() {
  const email = `${randomUUID()}@example.com`
  const person = { email, password, first_name: 'Ada', last_name: 'Lovelace' }
  const { key } = await server.as('', api.users).create({ body: person })
  return { email, authorization: `Token ${key}` }
}

async function signIn(email: string, headers: Record<string, string> = {}, body: object = {}) {
  const answer = await server.send('POST', '/api/v1/auth/login/', { body: { email, password, ...body }, headers })
  const key = typeof answer.body === 'object' && answer.body !== null && 'key' in answer.body ? String(answer.body.key) : ''
  return { ...answer, authorization: `Token ${key}`, cookie: (answer.headers.get('set-cookie') ?? '').split(';')[0] ?? '' }
}

const statusOf = async (authorization: string) => (await server.send('GET', '/api/v1/auth/users/me/', { authorization })).status
const tokens = () => server.control.db.updateTable('user_tokens')

describe('a session', () => {
  test('is listed with where it began, and ended from another', async () => {
    const { email, authorization } = await signUp()
    const phone = await signIn(email, { 'user-agent': 'Phone/1.0' })
    const sessions = server.as(authorization, api.sessions)
    const [newest, oldest, ...more] = await sessions.list({})
    expect(more).toEqual([])
    expect(newest).toEqual({
      id: expect.any(Number),
      created_at: expect.any(String),
      last_used_at: expect.any(String),
      expires_at: expect.any(String),
      user_agent: 'Phone/1.0',
      address: '127.0.0.1',
      is_current: false,
    })
    expect(oldest?.is_current).toBe(true)
    await sessions.end({ params: { session: newest?.id ?? 0 } })
    expect([await statusOf(phone.authorization), await statusOf(authorization)]).toEqual([401, 200])
    await expect(sessions.end({ params: { session: newest?.id ?? 0 } })).rejects.toMatchObject({ status: 404 })
  })

  test('ends all others at once when asked to', async () => {
    const { email, authorization } = await signUp()
    const others = await Promise.all([signIn(email), signIn(email)])
    await server.as(authorization, api.sessions).endOthers({})
    expect(await Promise.all(others.map((other) => statusOf(other.authorization)))).toEqual([401, 401])
    expect(await server.as(authorization, api.sessions).list({})).toMatchObject([{ is_current: true }])
  })

  test('ends when it is not used for twelve hours, and after seven days in any case', async () => {
    const [idle, old] = [await signUp(), await signUp()]
    const idOf = async ({ authorization }: { authorization: string }) => (await server.as(authorization, api.sessions).list({}))[0]?.id ?? 0
    await tokens()
      .set({ used_at: new Date(Date.now() - 12.1 * hour) })
      .where('id', '=', await idOf(idle))
      .execute()
    await tokens()
      .set({ expires_at: new Date(Date.now() - 1) })
      .where('id', '=', await idOf(old))
      .execute()
    expect([await statusOf(idle.authorization), await statusOf(old.authorization)]).toEqual([401, 401])
    const fresh = await signUp()
    const [session] = await server.as(fresh.authorization, api.sessions).list({})
    const days = (Date.parse(session?.expires_at ?? '') - Date.parse(session?.created_at ?? '')) / (24 * hour)
    expect(days).toBe(7)
  })

  test('is stamped when it is used, once a minute, without a change being recorded', async () => {
    const { authorization } = await signUp()
    const sessions = server.as(authorization, api.sessions)
    const [before] = await sessions.list({})
    const lastUsed = async () => (await sessions.list({}))[0]?.last_used_at
    expect(await lastUsed()).toBe(before?.last_used_at)
    await tokens()
      .set({ used_at: new Date(Date.now() - 2 * 60_000) })
      .where('id', '=', before?.id ?? 0)
      .execute()
    const changes = await server.control.db.selectFrom('changes').select('id').execute()
    expect(Date.now() - Date.parse((await lastUsed()) ?? '')).toBeLessThan(60_000)
    expect(await server.control.db.selectFrom('changes').select('id').execute()).toHaveLength(changes.length)
  })
})

describe('a personal token', () => {
  const inDays = (days: number) => new Date(Date.now() + days * 24 * hour).toISOString()

  async function makeToken() {
    const { authorization } = await signUp()
    const personal = server.as(authorization, api.personalTokens)
    const made = await personal.create({ body: { name: 'CI', expires_at: inDays(30), current_password: password } })
    return { authorization, personal, made, token: `Token ${made.key}` }
  }

  test('acts as its owner, is shown once, and stops when it is deleted or expires', async () => {
    const { personal, made, token } = await makeToken()
    const { key: _, ...shown } = made
    expect(await personal.list({})).toEqual([shown])
    expect(await statusOf(token)).toBe(200)
    expect(await personal.list({})).toMatchObject([{ last_used_at: expect.any(String) }])
    const other = await makeToken()
    await tokens().set({ expires_at: new Date() }).where('id', '=', other.made.id).execute()
    expect(await statusOf(other.token)).toBe(401)
    await personal.delete({ params: { personal_token: made.id } })
    expect(await statusOf(token)).toBe(401)
  })

  test('decides nothing about credentials', async () => {
    const { token, made } = await makeToken()
    const refused = await Promise.all([
      server.send('GET', '/api/v1/auth/sessions/', { authorization: token }),
      server.send('DELETE', '/api/v1/auth/sessions/', { authorization: token }),
      server.send('DELETE', `/api/v1/auth/personal-tokens/${made.id}/`, { authorization: token }),
      server.send('POST', '/api/v1/auth/app/activate/', { authorization: token }),
      server.send('POST', '/api/v1/auth/users/set_password/', {
        authorization: token,
        body: { current_password: password, new_password: 'x y z a b c' },
      }),
      server.send('DELETE', '/api/v1/auth/users/me/', { authorization: token, body: { current_password: password } }),
    ])
    for (const answer of refused) expect(answer).toMatchObject({ status: 403, body: { detail: expect.stringContaining('personal token') } })
  })

  test.each([
    ['in the past', { expires_at: '2020-01-01T00:00:00Z' }, { expires_at: ['This is in the past.'] }],
    ['for longer than a year', { expires_at: '2999-01-01T00:00:00Z' }, { expires_at: [expect.stringContaining('a year')] }],
    ['without the password', { current_password: 'guess' }, { current_password: ['Invalid password.'] }],
    ['with fields that nobody knows', { scopes: ['all'] }, { scopes: [expect.any(String)] }],
  ])('is not made %s', async (_, overrides, errors) => {
    const { authorization } = await signUp()
    const body = { name: 'CI', expires_at: inDays(1), current_password: password, ...overrides }
    const answer = await server.send('POST', '/api/v1/auth/personal-tokens/', { authorization, body })
    expect(answer).toMatchObject({ status: 400, body: errors })
  })
})

describe('a session in a cookie', () => {
  const page = { 'halyard-page': '1', 'sec-fetch-site': 'same-origin' }
  const begin = async () => {
    const { email } = await signUp()
    return { email, ...(await signIn(email, {}, { as_cookie: true })) }
  }
  const rename = (headers: Record<string, string>) =>
    server.send('PATCH', '/api/v1/auth/users/me/', { headers, body: { first_name: 'Grace' } })

  test('is kept from scripts and other sites, and its token is not answered', async () => {
    const { headers, body, cookie } = await begin()
    expect(body).toEqual({ key: null })
    expect(headers.get('set-cookie')).toMatch(/^__Host-session=[0-9a-f]{40}; Path=\/; HttpOnly; SameSite=Lax; Max-Age=604800; Secure$/)
    expect((await server.send('GET', '/api/v1/auth/users/me/', { headers: { cookie } })).status).toBe(200)
    expect((await rename({ cookie, ...page, origin: server.url })).status).toBe(200)
  })

  test.each([
    ['of another site', { 'sec-fetch-site': 'cross-site' }],
    ['of a sibling domain', { 'sec-fetch-site': 'same-site' }],
    ['of another origin', { origin: 'https://evil.example' }],
    ['of no origin', { origin: 'null' }],
    ['of the same host at another port', { origin: 'http://127.0.0.1:1' }],
  ])('writes nothing for a page %s', async (_, forged) => {
    const { cookie } = await begin()
    expect((await rename({ cookie, ...page, ...forged })).status).toBe(403)
    expect((await server.send('POST', '/api/v1/auth/logout/', { headers: { cookie, ...page, ...forged } })).status).toBe(403)
  })

  test('writes nothing without the header that forms cannot carry', async () => {
    const { cookie } = await begin()
    expect(await rename({ cookie })).toMatchObject({ status: 403, body: { detail: expect.stringContaining('halyard-page') } })
  })

  test('is another one after each sign-in, and the one before has ended', async () => {
    const { email, cookie } = await begin()
    const next = await signIn(email, { cookie }, { as_cookie: true })
    expect(next.cookie).not.toBe(cookie)
    const statuses = [cookie, next.cookie].map(
      async (cookie) => (await server.send('GET', '/api/v1/auth/users/me/', { headers: { cookie } })).status,
    )
    expect(await Promise.all(statuses)).toEqual([401, 200])
  })

  test('that somebody planted is not taken over by signing in', async () => {
    const { email } = await signUp()
    const planted = `__Host-session=${'a'.repeat(40)}`
    const { cookie } = await signIn(email, { cookie: planted }, { as_cookie: true })
    expect(cookie).not.toBe(planted)
    expect((await server.send('GET', '/api/v1/auth/users/me/', { headers: { cookie: planted } })).status).toBe(401)
  })

  test('ends by signing out, in the browser too', async () => {
    const { cookie } = await begin()
    const signedOut = await server.send('POST', '/api/v1/auth/logout/', { headers: { cookie, ...page } })
    expect(signedOut.status).toBe(204)
    expect(signedOut.headers.get('set-cookie')).toMatch(/^__Host-session=; .*Max-Age=0/)
    expect((await server.send('GET', '/api/v1/auth/users/me/', { headers: { cookie } })).status).toBe(401)
  })

  test('is no way to use a personal token', async () => {
    const { authorization } = await signUp()
    const expires_at = new Date(Date.now() + hour).toISOString()
    const made = await server.as(authorization, api.personalTokens).create({ body: { name: 'CI', expires_at, current_password: password } })
    expect((await server.send('GET', '/api/v1/auth/users/me/', { headers: { cookie: `__Host-session=${made.key}` } })).status).toBe(401)
  })
})
