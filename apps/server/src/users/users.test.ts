import { api } from '@halyard/contract'
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { system } from '../access/actor.ts'
import { runEdit } from '../changes/edit.ts'
import { recordChange } from '../changes/record-change.ts'
import { addMember } from '../organisations/commands.ts'
import { hashPassword } from '../runtime/secrets.ts'
import { startMailbox, type Mailbox } from '../testing/mailbox.ts'
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

  test('the first steps somebody took are remembered, each part by itself', async () => {
    const { body } = await signUp({ email: 'steps@example.com' })
    const users = server.as(keyOf(body), api.users)
    const tasks = [{ name: 'create-feature', completed_at: '2026-11-22T10:00:00Z' }]
    expect(await users.updateOnboarding({ body: { tasks } })).toEqual({ tasks, tools: {}, hosting_preferences: [] })
    const tools = { completed: true, integrations: ['slack'] }
    expect(await users.updateOnboarding({ body: { tools } })).toEqual({ tasks, tools, hosting_preferences: [] })
    expect(await users.me({})).toMatchObject({ onboarding: { tasks, tools, hosting_preferences: [] } })
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

describe('an account', () => {
  let server: TestServer
  let mailbox: Mailbox
  beforeAll(async () => {
    mailbox = await startMailbox()
    server = await startServer({ mail: mailbox.mail })
  })
  afterAll(async () => {
    await server.close()
    await mailbox.close()
  })

  async function signUp(name: string) {
    const email = `${name}-${randomUUID()}@example.com`
    const { body } = await server.send('POST', '/api/v1/auth/users/', { body: { ...person, email } })
    const authorization = keyOf(body)
    const organisation = await server.as(authorization, api.organisations).create({ body: { name: `${name}’s` } })
    return { email, authorization, organisation, id: (await server.as(authorization, api.users).me({})).id }
  }
  const signIn = async (email: string) =>
    (await server.send('POST', '/api/v1/auth/login/', { body: { email, password: person.password } })).status
  const setEmail = (authorization: string, body: object) => server.send('POST', '/api/v1/auth/users/set_email/', { authorization, body })
  const remove = (authorization: string, body: object = {}) =>
    server.send('DELETE', '/api/v1/auth/users/me/', { authorization, body: { current_password: person.password, ...body } })
  const join = (organisation: { id: number }, userId: number, role: 'ADMIN' | 'USER') =>
    runEdit(server.control, { actor: system('test'), lock: { on: 'nothing' } }, async (edit) => {
      await addMember(edit, organisation, { userId, role })
      await recordChange(edit, { type: 'organisation.updated', organisation, subject: organisation.id })
    })

  test('changes its e-mail address with the password, and the old address is told', async () => {
    const { email, authorization } = await signUp('mover')
    const new_email = `moved-${randomUUID()}@example.com`
    expect(await setEmail(authorization, { current_password: 'guess', new_email })).toMatchObject({ status: 400 })
    expect(await setEmail(authorization, { current_password: person.password, new_email })).toMatchObject({ status: 204, text: '' })
    expect((await mailbox.take(email)).text).toContain(new_email)
    expect([await signIn(email), await signIn(new_email)]).toEqual([400, 200])
    expect(await lastChange(server)).toMatchObject({ type: 'user.signed_in' })
  })

  test('takes no address that somebody has, however it is written', async () => {
    const [one, other] = [await signUp('one'), await signUp('other')]
    const answer = await setEmail(one.authorization, { current_password: person.password, new_email: other.email.toUpperCase() })
    expect(answer).toMatchObject({ status: 400, body: { new_email: [expect.any(String)] } })
  })

  test('goes with everything that is its alone, and with the password only', async () => {
    const { email, authorization, organisation, id } = await signUp('leaver')
    const key = await server
      .as(authorization, api.masterApiKeys)
      .create({ params: { organisation: organisation.id }, body: { name: 'CI' } })
    expect((await remove(authorization, { current_password: 'guess' })).status).toBe(400)
    expect(await remove(authorization)).toMatchObject({ status: 204, text: '' })
    expect(await signIn(email)).toBe(400)
    expect((await server.send('GET', '/api/v1/auth/users/me/', { authorization })).status).toBe(401)
    expect((await server.send('GET', '/api/v1/projects/', { authorization: `Api-Key ${key.key}` })).status).toBe(401)
    expect(await lastChange(server)).toMatchObject({ type: 'user.deleted', subject_id: String(id), before: { email } })
  })

  test('leaves organisations behind when asked to, and always those of others', async () => {
    const [leaver, stayer] = [await signUp('leaver'), await signUp('stayer')]
    await join(stayer.organisation, leaver.id, 'USER')
    expect((await remove(leaver.authorization, { delete_orphan_organisations: false })).status).toBe(204)
    const remaining = await server.control.db.selectFrom('organisations').select(['id', 'deleted_at']).execute()
    expect(remaining.find(({ id }) => id === leaver.organisation.id)?.deleted_at).toBeNull()
    expect((await server.as(stayer.authorization, api.organisations).list({})).count).toBe(1)
  })

  test('stays while others would be left without an administrator', async () => {
    const [boss, member] = [await signUp('boss'), await signUp('member')]
    await join(boss.organisation, member.id, 'USER')
    expect(await remove(boss.authorization)).toMatchObject({
      status: 400,
      body: { non_field_errors: [expect.stringContaining('only administrator')] },
    })
    expect(await signIn(boss.email)).toBe(200)
  })

  test('of two last administrators who leave at once, one stays', async () => {
    const [one, other, member] = [await signUp('one'), await signUp('other'), await signUp('member')]
    await join(one.organisation, other.id, 'ADMIN')
    await join(one.organisation, member.id, 'USER')
    const answers = await Promise.all([remove(one.authorization), remove(other.authorization)])
    expect(answers.map(({ status }) => status).toSorted((first, second) => first - second)).toEqual([204, 400])
  })

  test('that is deactivated is closed to every credential at once', async () => {
    const { email, authorization, id } = await signUp('gone')
    const expires_at = new Date(Date.now() + 3_600_000).toISOString()
    const personal = await server
      .as(authorization, api.personalTokens)
      .create({ body: { name: 'CI', expires_at, current_password: person.password } })
    const inCookie = await server.send('POST', '/api/v1/auth/login/', { body: { email, password: person.password, as_cookie: true } })
    const cookie = inCookie.headers.get('set-cookie')?.split(';')[0] ?? ''
    const credentials = [{ authorization }, { authorization: `Token ${personal.key}` }, { headers: { cookie } }]
    const statuses = () =>
      Promise.all(credentials.map(async (credential) => (await server.send('GET', '/api/v1/auth/users/me/', credential)).status))
    expect(await statuses()).toEqual([200, 200, 200])
    await runEdit(server.control, { actor: system('test'), lock: { on: 'nothing' } }, async (edit) => {
      await edit.tx.updateTable('users').set({ is_active: false }).where('id', '=', id).execute()
      await recordChange(edit, { type: 'user.updated', subject: id })
    })
    expect(await statuses()).toEqual([401, 401, 401])
    expect(await signIn(email)).toBe(400)
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

  test('somebody who signs up first does not close it, and keeps their organisation to themselves', async () => {
    const server = await startServer()
    const ada = await server.signUp()
    await server.as(ada, api.organisations).create({ body: { name: 'Ada’s own' } })
    const token = (await issueSetupToken(server.control)) ?? ''
    expect((await server.send('GET', '/setup')).text).toContain('<form')
    const { email } = await server.as(ada, api.users).me({})
    const taken = await setUp(server, token, { email })
    expect(taken).toMatchObject({ status: 400, body: { email: [expect.stringContaining('already exists')] } })
    const { status, body } = await setUp(server, token)
    expect(status).toBe(201)
    expect(await server.as(keyOf(body), api.organisations).list({})).toMatchObject({ results: [{ name: 'Grace’s organisation' }] })
    expect(await issueSetupToken(server.control)).toBeUndefined()
    await server.close()
  })

  test('the first administrator gets the organisations that are nobody’s', async () => {
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
