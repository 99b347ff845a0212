import { Problem } from '@halyard/contract'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startServer, type Answer, type TestServer } from '../testing/start-server.ts'
import { forgetAttempts, takeAttempt } from './throttle.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server.close())

const guess = (email: string, password = 'a guess', headers: Record<string, string> = {}) =>
  server.send('POST', '/api/v1/auth/login/', { body: { email, password }, headers })
const makeAllDue = () =>
  server.control.db
    .updateTable('attempts')
    .set({ open_at: new Date(0) })
    .execute()

describe('guesses at one account', () => {
  test('of 1000 at most 20 are looked at, wherever they come from, and the others are told how long to wait', async () => {
    const answers: Answer[] = []
    while (answers.length < 1000) answers.push(...(await Promise.all(Array.from({ length: 20 }, () => guess('grace@example.com')))))
    const refused = answers.filter(({ status }) => status === 429)
    expect(answers.length - refused.length).toBeLessThanOrEqual(20)
    expect(answers.filter(({ status }) => status !== 429).every(({ status }) => status === 400)).toBe(true)
    const [first] = refused
    const seconds = Number(first?.headers.get('retry-after'))
    expect(seconds).toBeGreaterThan(0)
    expect(first?.body).toEqual({ detail: expect.stringMatching(/^Request was throttled\. Expected available in \d+ seconds?\.$/) })
    expect(first?.headers.get('halyard-error')).toBe('throttled')
  })

  test('keep even the right password waiting, but no other account', async () => {
    const people = await Promise.all(['alan', 'mary'].map(signUp))
    const [alan = '', mary = ''] = people
    for (let wrong = 0; wrong < 15; wrong += 1) {
      await makeAllDue()
      await guess(alan)
    }
    expect((await guess(alan, password)).status).toBe(429)
    expect((await guess(mary, password)).status).toBe(200)
    await makeAllDue()
    expect((await guess(alan, password)).status).toBe(200)
    expect((await guess(alan, 'wrong')).status).toBe(400)
  })

  test('of addresses that nobody has are counted alike', async () => {
    const known = await signUp('known')
    const statusesOf = async (email: string) =>
      (await Promise.all(Array.from({ length: 14 }, () => guess(email)))).map(({ status }) => status)
    const count = (statuses: number[]) => statuses.filter((status) => status === 429).length
    expect(count(await statusesOf(known))).toBe(count(await statusesOf('nobody@example.com')))
  })
})

test('each wait is twice as long as the one before, to an end', async () => {
  const { db } = server.control
  const waits: number[] = []
  for (let attempt = 0; attempt < 22; attempt += 1) {
    await takeAttempt(db, 'password', 'patient@example.com')
    const refused = await takeAttempt(db, 'password', 'patient@example.com').catch((error: unknown) => error)
    if (refused instanceof Problem) waits.push(Number(refused.headers['retry-after']))
    await makeAllDue()
  }
  expect(waits.slice(0, 4)).toEqual([4, 8, 16, 32])
  expect(Math.max(...waits)).toBe(900)
})

test('a right attempt is the last that counts', async () => {
  const { db } = server.control
  for (let attempt = 0; attempt < 50; attempt += 1) {
    await takeAttempt(db, 'code', 7)
    await forgetAttempts(db, 'code', 7)
  }
  expect(await db.selectFrom('attempts').selectAll().where('taken', '>', 40).execute()).toEqual([])
})

test('what is not tried any more is forgotten', async () => {
  const { db } = server.control
  await takeAttempt(db, 'code', 8)
  await db
    .updateTable('attempts')
    .set({ forgotten_at: new Date(0) })
    .execute()
  await Promise.all(Array.from({ length: 20 }, (_, account) => takeAttempt(db, 'code', `new ${account}`)))
  expect(await db.selectFrom('attempts').selectAll().where('forgotten_at', '<', new Date()).execute()).toEqual([])
})

test('one address is counted over every endpoint that tries something', async () => {
  const limited = await startServer({ loginAttemptsPerMinute: 3 })
  const post = (path: string, body: unknown) => limited.send('POST', path, { body })
  const answers = [
    await post('/api/v1/auth/login/', { email: 'a@example.com', password: 'x' }),
    await post('/api/v1/auth/users/reset_password/', { email: 'b@example.com' }),
    await post('/api/v1/auth/login/code/', { ephemeral_token: 'x', code: '1' }),
    await post('/api/v1/auth/login/', { email: 'c@example.com', password: 'x' }),
  ]
  expect(answers.map(({ status }) => status)).toEqual([400, 204, 401, 429])
  expect(answers[3]?.body).toEqual({ detail: expect.stringMatching(/^Request was throttled\. Expected available in \d+ seconds\.$/) })
  expect(answers[3]?.headers.get('retry-after')).toMatch(/^\d+$/)
  const spoofed = await limited.send('POST', '/api/v1/auth/login/', {
    body: { email: 'd@example.com', password: 'x' },
    headers: { 'x-forwarded-for': '203.0.113.7' },
  })
  expect(spoofed.status).toBe(429)
  await limited.close()
})

const password = 'correct horse battery'

async function signUp(name: string): Promise<string> {
  const email = `${name}-throttled@example.com`
  const body = { email, password, first_name: name, last_name: 'Tester' }
  expect((await server.send('POST', '/api/v1/auth/users/', { body })).status).toBe(201)
  return email
}
