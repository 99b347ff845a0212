import { api } from '@halyard/contract'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { system } from '../access/actor.ts'
import { runEdit } from '../changes/edit.ts'
import { hashPassword } from '../runtime/secrets.ts'
import { startServer, type TestServer } from '../testing/start-server.ts'
import { createFirstAdmin, issueSetupToken } from './commands.ts'

const person = { email: 'Grace@Example.com', password: 'a long password', first_name: 'Grace', last_name: 'Hopper' }

const lastChange = ({ control }: TestServer) =>
  control.db.selectFrom('changes').selectAll().orderBy('id', 'desc').limit(1).executeTakeFirstOrThrow()
const keyOf = (body: unknown) => `Token ${typeof body === 'object' && body !== null && 'key' in body ? String(body.key) : ''}`

describe('signing up and in', () => {
  let server: TestServer
  beforeAll(async () => {
    server = await startServer()
  })
  afterAll(() => server.close())

  const signUp = (overrides: object = {}) => server.send('POST', '/api/v1/auth/users/', { body: { ...person, ...overrides } })
  const signIn = (email: string, password = person.password) => server.send('POST', '/api/v1/auth/login/', { body: { email, password } })

  test('signing up answers with the person and a token that works', async () => {
    const { status, body } = await signUp({ is_superuser: true, is_active: false })
    expect(status).toBe(201)
    expect(body).toEqual({
      id: expect.any(Number),
      uuid: expect.any(String),
      email: 'grace@example.com',
      first_name: 'Grace',
      last_name: 'Hopper',
      sign_up_type: null,
      is_active: true,
      marketing_consent_given: false,
      key: expect.stringMatching(/^[0-9a-f]{40}$/),
    })
    const change = await lastChange(server)
    expect(change).toMatchObject({ type: 'user.created', actor_kind: 'user', actor_name: 'Grace Hopper' })
    expect(JSON.stringify(change)).not.toContain('argon2')
    const me = await server.send('GET', '/api/v1/auth/users/me/', { authorization: keyOf(body) })
    expect(me.body).toEqual({
      id: change.actor_id,
      uuid: expect.any(String),
      email: 'grace@example.com',
      first_name: 'Grace',
      last_name: 'Hopper',
      sign_up_type: null,
      auth_type: 'EMAIL',
      is_superuser: false,
      date_joined: expect.stringMatching(/Z$/),
      pylon_email_signature: null,
      onboarding: null,
    })
  })

  test('an e-mail address belongs to one person, however it is written', async () => {
    await signUp({ email: 'twice@example.com' })
    const { status, body } = await signUp({ email: 'TWICE@example.com' })
    expect({ status, body }).toEqual({ status: 400, body: { email: ['Email already exists. Please log in.'] } })
  })

  test.each([
    ['short', { password: 'seven77' }, { password: ['This password is too short. It must contain at least 8 characters.'] }],
    ['numeric', { password: '1234567890' }, { password: ['This password is entirely numeric.'] }],
    ['the e-mail address', { password: 'grace@EXAMPLE.com' }, { password: ['The password must not be the e-mail address.'] }],
  ])('a password that is %s is refused', async (_, overrides, expected) => {
    expect((await signUp(overrides)).body).toEqual(expected)
  })

  test('every missing field is named', async () => {
    const required = ['This field is required.']
    const { status, body } = await server.send('POST', '/api/v1/auth/users/', { body: {} })
    expect({ status, body }).toEqual({
      status: 400,
      body: { email: required, password: required, first_name: required, last_name: required },
    })
  })

  test('every sign-in makes a token of its own, and signing out ends that one only', async () => {
    await signUp({ email: 'many@example.com' })
    const [laptop, phone] = [await signIn('Many@Example.com'), await signIn('many@example.com')]
    expect(laptop).toMatchObject({ status: 200, body: { key: expect.stringMatching(/^[0-9a-f]{40}$/) } })
    expect(phone.body).not.toEqual(laptop.body)
    expect(await lastChange(server)).toMatchObject({ type: 'user.signed_in', actor_name: 'Grace Hopper' })
    const signedOut = await server.send('POST', '/api/v1/auth/logout/', { authorization: keyOf(laptop.body) })
    expect(signedOut).toMatchObject({ status: 204, text: '' })
    expect(await lastChange(server)).toMatchObject({ type: 'user.signed_out' })
    const meAs = (answer: typeof laptop) => server.send('GET', '/api/v1/auth/users/me/', { authorization: keyOf(answer.body) })
    expect((await meAs(laptop)).status).toBe(401)
    expect((await meAs(phone)).status).toBe(200)
    expect((await server.send('DELETE', '/api/v1/auth/token/', { authorization: keyOf(phone.body) })).status).toBe(204)
    expect((await meAs(phone)).status).toBe(401)
  })

  test('a wrong password and an unknown address get the same answer', async () => {
    await signUp({ email: 'known@example.com' })
    const expected = { status: 400, body: { non_field_errors: ['Unable to log in with provided credentials.'] } }
    expect(await signIn('known@example.com', 'wrong')).toMatchObject(expected)
    expect(await signIn('unknown@example.com')).toMatchObject(expected)
  })

  test('somebody who was deactivated cannot sign in', async () => {
    await signUp({ email: 'gone@example.com' })
    await runEdit(server.control, { actor: system('test'), lock: { on: 'nothing' } }, async (edit) => {
      await edit.tx.updateTable('users').set({ is_active: false }).where('email', '=', 'gone@example.com').execute()
      await edit.tx.insertInto('changes').values({ at: edit.at, type: 'user.updated', actor_kind: 'system', actor_name: 'test' }).execute()
    })
    expect((await signIn('gone@example.com')).status).toBe(400)
  })

  test('people change their name and nothing else', async () => {
    const { body } = await signUp({ email: 'renamed@example.com' })
    const users = server.as(keyOf(body), api.users)
    expect(await users.updateMe({ body: { first_name: ' Amazing ' } })).toMatchObject({ first_name: 'Amazing', last_name: 'Hopper' })
    expect(await lastChange(server)).toMatchObject({
      type: 'user.updated',
      before: { first_name: 'Grace' },
      after: { first_name: 'Amazing' },
    })
    const whole = { ...(await users.me({})), email: 'other@example.com', is_superuser: true, last_name: 'Grace' }
    expect(await users.replaceMe({ body: whole })).toMatchObject({ email: 'renamed@example.com', is_superuser: false, last_name: 'Grace' })
    const incomplete = await server.send('PUT', '/api/v1/auth/users/me/', { authorization: keyOf(body), body: { first_name: 'Only' } })
    expect(incomplete).toMatchObject({ status: 400, body: { last_name: ['This field is required.'] } })
  })

  test('tokens and passwords are stored as hashes only', async () => {
    const { body } = await signUp({ email: 'hashed@example.com' })
    const users = await server.control.db.selectFrom('users').selectAll().execute()
    const tokens = await server.control.db.selectFrom('user_tokens').selectAll().execute()
    const stored = JSON.stringify({ users, tokens: tokens.map(({ token_hash }) => token_hash.toString('latin1')) })
    expect(stored).not.toContain(person.password)
    expect(stored).not.toContain(keyOf(body).slice('Token '.length))
  })

  test('the set-up page runs only its own script and asks nobody else for anything', async () => {
    const { headers, text } = await server.send('GET', '/setup')
    expect(headers.get('content-security-policy')).toMatch(/default-src 'none'; script-src 'sha256-[^']+'; style-src 'sha256-[^']+'/)
    expect(headers.get('referrer-policy')).toBe('no-referrer')
    expect(text).not.toMatch(/(?:src|href)="(?!data:)/)
  })
})

test('signing up is refused where it needs an invitation', async () => {
  const server = await startServer({ allowRegistrationWithoutInvite: false })
  const { status, body } = await server.send('POST', '/api/v1/auth/users/', { body: person })
  expect({ status, body }).toEqual({ status: 403, body: { detail: expect.stringContaining('ALLOW_REGISTRATION_WITHOUT_INVITE') } })
  await server.close()
})

test('guesses at passwords are counted', async () => {
  const server = await startServer({ loginAttemptsPerMinute: 2 })
  const guess = () => server.send('POST', '/api/v1/auth/login/', { body: { email: 'ada@example.com', password: 'guess' } })
  expect([(await guess()).status, (await guess()).status, (await guess()).status]).toEqual([400, 400, 429])
  await server.close()
})

describe('setting up', () => {
  const setUp = (server: TestServer, token: string, overrides: object = {}) =>
    server.send('POST', '/api/v1/setup/', { body: { ...person, token, ...overrides } })

  test('whoever has the newest token becomes administrator of a new organisation, once', async () => {
    const server = await startServer()
    const older = await issueSetupToken(server.control)
    const token = (await issueSetupToken(server.control)) ?? ''
    expect((await server.send('GET', '/setup')).text).toContain('<form')
    expect((await setUp(server, older ?? '')).status).toBe(403)
    expect((await setUp(server, token, { password: '12345678' })).body).toEqual({ password: ['This password is entirely numeric.'] })
    const { status, body } = await setUp(server, token)
    expect({ status, body }).toMatchObject({ status: 201, body: { email: 'grace@example.com' } })
    expect(await lastChange(server)).toMatchObject({ type: 'installation.set_up', actor_name: 'Grace Hopper' })
    expect(await server.as(keyOf(body), api.organisations).list({})).toMatchObject({
      count: 1,
      results: [{ name: 'Grace’s organisation', role: 'ADMIN' }],
    })
    expect(await server.as(keyOf(body), api.users).me({})).toMatchObject({ is_superuser: true })
    expect(await setUp(server, token, { email: 'second@example.com' })).toMatchObject({
      status: 403,
      body: { detail: expect.stringContaining('set up already') },
    })
    expect(await issueSetupToken(server.control)).toBeUndefined()
    expect((await server.send('GET', '/setup')).text).not.toContain('<form')
    await server.close()
  })

  test('of two who set up at once, one wins', async () => {
    const server = await startServer()
    const token = (await issueSetupToken(server.control)) ?? ''
    const answers = await Promise.all([setUp(server, token), setUp(server, token, { email: 'second@example.com' })])
    expect(answers.map(({ status }) => status).toSorted((one, other) => one - other)).toEqual([201, 403])
    expect(await server.control.db.selectFrom('users').select('id').execute()).toHaveLength(1)
    await server.close()
  })

  test('the first administrator gets the organisations that are there', async () => {
    const server = await startServer()
    const passwordHash = await hashPassword(person.password)
    await runEdit(server.control, { actor: system('demo'), lock: { on: 'nothing' } }, async (edit) => {
      await edit.tx.insertInto('organisations').values({ name: 'Demo', created_at: edit.at }).execute()
      await createFirstAdmin(edit, { ...person, passwordHash })
    })
    const { body } = await server.send('POST', '/api/v1/auth/login/', { body: person })
    expect(await server.as(keyOf(body), api.organisations).list({})).toMatchObject({ count: 1, results: [{ name: 'Demo', role: 'ADMIN' }] })
    await runEdit(server.control, { actor: system('again'), lock: { on: 'nothing' } }, async (edit) => {
      expect(await createFirstAdmin(edit, { ...person, email: 'another@example.com', passwordHash })).toBeUndefined()
    })
    await server.close()
  })
})
