import { api } from '@halyard/contract'
import { generateSync } from 'otplib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makeSecondFactor } from '../testing/matrix/people-examples.ts'
import { startServer, type TestServer } from '../testing/start-server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server.close())

const password = 'correct horse battery'
const codeIn = (secret: string, seconds: number) => generateSync({ secret, epoch: Math.floor(Date.now() / 1000) + seconds })
const post = (path: string, body: unknown) => server.send('POST', path, { body })

async function firstStep(email: string): Promise<string> {
  const step = await server.as('', api.users).login({ body: { email, password } })
  if (!('ephemeral_token' in step)) throw new Error('No code was asked for.')
  return step.ephemeral_token
}
const secondStep = (ephemeral_token: string, code: string) => post('/api/v1/auth/login/code/', { ephemeral_token, code })

describe('an authenticator app', () => {
  test('counts once a code confirms it; then signing in takes two steps, and earlier sessions have ended', async () => {
    const authorization = await server.signUp()
    const { email } = await server.as(authorization, api.users).me({})
    const before = await server.as('', api.users).login({ body: { email, password } })
    const factors = server.as(authorization, api.secondFactors)
    const { secret, qr_link: link } = await factors.start({})
    expect(link).toBe(`otpauth://totp/Halyard:${encodeURIComponent(email)}?secret=${secret}&issuer=Halyard`)
    expect(await factors.list({})).toEqual([])
    expect(await post('/api/v1/auth/login/', { email, password })).toMatchObject({ status: 200, body: { key: expect.any(String) } })
    await expect(factors.confirm({ body: { code: '000000' } })).rejects.toMatchObject({
      status: 400,
      errors: { code: [expect.any(String)] },
    })
    const { backup_codes: codes } = await factors.confirm({ body: { code: codeIn(secret, 0) } })
    expect(codes).toHaveLength(10)
    for (const code of codes) expect(code).toMatch(/^(?:[a-z2-9]{4}-){3}[a-z2-9]{4}$/)
    expect(await factors.list({})).toEqual([{ name: 'app', is_primary: true }])
    expect(
      (await server.send('GET', '/api/v1/auth/users/me/', { authorization: `Token ${'key' in before ? before.key : ''}` })).status,
    ).toBe(401)
    expect(await post('/api/v1/auth/login/', { email, password })).toMatchObject({
      status: 200,
      body: { ephemeral_token: expect.any(String), method: 'app' },
    })
    await expect(factors.start({})).rejects.toMatchObject({ status: 400 })
  })

  test('shows each code for one sign-in: of many at once with the same code, one succeeds', async () => {
    const { email, code } = await makeSecondFactor(server)
    const step = await firstStep(email)
    const answers = await Promise.all(Array.from({ length: 5 }, () => secondStep(step, code)))
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
    expect(answers.filter(({ status }) => status === 401)).toHaveLength(4)
    expect(await secondStep(step, code)).toMatchObject({ status: 401, body: { detail: expect.stringContaining('used') } })
  })

  test('is refused codes of other times', async () => {
    const { email, secret } = await makeSecondFactor(server)
    const step = await firstStep(email)
    for (const seconds of [-120, 120]) expect((await secondStep(step, codeIn(secret, seconds))).status).toBe(401)
  })

  test('cannot be guessed: of 1000 codes at most 20 are looked at, and a right password does not start the count again', async () => {
    const { email } = await makeSecondFactor(server)
    const step = await firstStep(email)
    const guesses = Array.from({ length: 1000 }, (_, guess) => String(guess).padStart(6, '0'))
    const statuses: number[] = []
    while (guesses.length > 0) {
      const some = await Promise.all(guesses.splice(0, 20).map((guess) => secondStep(step, guess)))
      statuses.push(...some.map(({ status }) => status))
      if (guesses.length === 500) await firstStep(email)
    }
    expect(statuses.filter((status) => status === 401).length).toBeLessThanOrEqual(20)
    expect(statuses.filter((status) => status === 429).length).toBeGreaterThanOrEqual(980)
  })

  test('is turned off with the password, not with an open session alone', async () => {
    const { email, authorization } = await makeSecondFactor(server)
    const factors = server.as(authorization, api.secondFactors)
    await expect(factors.disable({ body: { current_password: 'guess' } })).rejects.toMatchObject({ status: 400 })
    await factors.disable({ body: { current_password: password } })
    expect(await post('/api/v1/auth/login/', { email, password })).toMatchObject({ status: 200, body: { key: expect.any(String) } })
  })

  test('has its secret and recovery codes in the database for nobody to read', async () => {
    const { secret, recoveryCodes } = await makeSecondFactor(server)
    const rows = await Promise.all(
      (['second_factors', 'recovery_codes', 'changes'] as const).map((table) => server.control.db.selectFrom(table).selectAll().execute()),
    )
    const stored = JSON.stringify(rows)
    expect(rows[0]?.length).toBeGreaterThan(0)
    for (const shown of [secret, ...recoveryCodes]) expect(stored).not.toContain(shown)
  })
})

describe('a recovery code', () => {
  test('signs in once, however it is typed', async () => {
    const { email, recoveryCodes } = await makeSecondFactor(server)
    const [code = '', other = ''] = recoveryCodes
    const step = await firstStep(email)
    const answers = await Promise.all(Array.from({ length: 4 }, () => secondStep(step, code)))
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
    expect((await secondStep(step, ` ${other.toUpperCase().replaceAll('-', ' ')} `)).status).toBe(200)
    expect((await secondStep(step, other)).status).toBe(401)
  })

  test('of somebody else is of no use', async () => {
    const [one, other] = [await makeSecondFactor(server), await makeSecondFactor(server)]
    expect((await secondStep(await firstStep(one.email), other.recoveryCodes[0] ?? '')).status).toBe(401)
  })
})

describe('the first step', () => {
  test('is worth nothing after the password was changed, when it was altered, or as a token', async () => {
    const { email, authorization, code } = await makeSecondFactor(server)
    const step = await firstStep(email)
    expect((await secondStep(`${step.slice(0, -2)}AA`, code)).status).toBe(401)
    expect((await server.send('GET', '/api/v1/auth/users/me/', { authorization: `Token ${step}` })).status).toBe(401)
    await server.as(authorization, api.passwords).set({ body: { current_password: password, new_password: 'another long password' } })
    expect((await secondStep(step, code)).status).toBe(401)
  })
})

test('an organisation that asks for two factors is closed to people who have one, and says how to get the other', async () => {
  const { authorization, organisation, project, environment } = await server.makeProject()
  const params = { organisation: organisation.id }
  const machine = await server.as(authorization, api.masterApiKeys).create({ params, body: { name: 'CI' } })
  await server.as(authorization, api.organisations).update({ params, body: { force_2fa: true } })
  const paths = [
    `/api/v1/organisations/${organisation.id}/`,
    `/api/v1/projects/${project.id}/`,
    `/api/v1/environments/${environment.api_key}/`,
  ]
  const statuses = (authorization: string) =>
    Promise.all(paths.map(async (path) => (await server.send('GET', path, { authorization })).status))
  expect(await statuses(authorization)).toEqual([403, 403, 403])
  const refused = await server.send('GET', paths[0] ?? '', { authorization })
  expect(refused.body).toEqual({ detail: expect.stringContaining('/api/v1/auth/app/activate/') })
  expect(await statuses(`Api-Key ${machine.key}`)).toEqual([200, 200, 200])
  expect((await server.send('GET', '/api/v1/projects/', { authorization })).body).toEqual([])
  const factors = server.as(authorization, api.secondFactors)
  const { secret } = await factors.start({})
  await factors.confirm({ body: { code: codeIn(secret, 0) } })
  expect(await statuses(authorization)).toEqual([200, 200, 200])
})
