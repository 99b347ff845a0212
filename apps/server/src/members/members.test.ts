import { api } from '@halyard/contract'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makeMember, makeTenant, type Fixture } from '../testing/matrix/fixture.ts'
import { makeGroup } from '../testing/matrix/makers.ts'
import { startServer, type TestServer } from '../testing/start-server.ts'

let server: TestServer
let home: Fixture
beforeAll(async () => {
  server = await startServer()
  home = await makeTenant(server)
})
afterAll(() => server.close())

const idOf = async (authorization: string) => (await server.as(authorization, api.users).me({})).id
const asAdmin = <const Noun extends keyof typeof api>(noun: Noun, at: Fixture = home) => server.as(at.authorization, api[noun])
const within = (at: Fixture = home) => ({ organisation: at.organisation.id })
const address = (at: Fixture, rest: string) => `/api/v1/organisations/${at.organisation.id}/${rest}`

const setRole = (at: Fixture, by: string, user: number, role: string) =>
  server.send('POST', address(at, `users/${user}/update-role/`), { authorization: by, body: { role } })
const remove = (at: Fixture, by: string, users: readonly number[]) =>
  server.send('POST', address(at, 'remove-users/'), { authorization: by, body: users.map((id) => ({ id })) })
const leave = (at: Fixture, by: string) => server.send('POST', address(at, 'leave/'), { authorization: by })

async function administratorsOf(at: Fixture): Promise<number> {
  const members = await server.control.db
    .selectFrom('organisation_members')
    .select('role')
    .where('organisation_id', '=', at.organisation.id)
    .execute()
  return members.filter(({ role }) => role === 'ADMIN').length
}

async function makeAdministrator(at: Fixture) {
  const authorization = await makeMember(server, at.organisation)
  const id = await idOf(authorization)
  await asAdmin('members', at).updateRole({ params: { ...within(at), user: id }, body: { role: 'ADMIN' } })
  return { authorization, id }
}

test('members are searched by name and address, all at once or page by page', async () => {
  const at = await makeTenant(server)
  const list = (query: object) => asAdmin('members', at).list({ params: within(at), query })
  const all = await list({})
  expect(all).toHaveLength(3)
  expect((await list({ search: 'GRACE t' })).map(({ id }) => id)).toEqual(all.slice(1).map(({ id }) => id))
  expect(await list({ search: all[0]?.email.slice(2, 12) ?? '' })).toEqual(all.slice(0, 1))
  expect(await list({ search: '%' })).toEqual([])
  expect(await list({ page: 2, page_size: 2 })).toEqual(all.slice(2))
  expect(await list({ page: 3, page_size: 2 })).toEqual([])
})

describe('roles', () => {
  test('are changed by administrators, and nobody changes their own', async () => {
    const at = await makeTenant(server)
    const other = await makeAdministrator(at)
    expect(await setRole(at, at.authorization, at.userId, 'USER')).toMatchObject({
      status: 403,
      body: { detail: expect.stringContaining('your own role') },
    })
    expect(await setRole(at, other.authorization, at.userId, 'USER')).toMatchObject({ status: 200, body: { role: 'USER' } })
    expect((await setRole(at, at.authorization, other.id, 'USER')).status).toBe(403)
    expect((await setRole(at, other.authorization, await idOf(await server.signUp()), 'ADMIN')).status).toBe(404)
  })

  test('leave no organisation without an administrator, whoever asks', async () => {
    const at = await makeTenant(server)
    const refused = { status: 400, body: { non_field_errors: [expect.stringContaining('no administrator left')] } }
    expect(await setRole(at, at.adminKey, at.userId, 'USER')).toMatchObject(refused)
    expect(await remove(at, at.adminKey, [at.userId])).toMatchObject(refused)
    expect(await remove(at, at.authorization, [at.userId])).toMatchObject(refused)
    expect(await leave(at, at.authorization)).toMatchObject(refused)
    expect(await administratorsOf(at)).toBe(1)
  })

  test('of two administrators who demote, remove and leave at once, one remains', async () => {
    const at = await makeTenant(server)
    const other = await makeAdministrator(at)
    const attempts = [
      () => setRole(at, at.authorization, other.id, 'USER'),
      () => setRole(at, other.authorization, at.userId, 'USER'),
      () => remove(at, at.authorization, [other.id]),
      () => remove(at, other.authorization, [at.userId]),
      () => leave(at, at.authorization),
    ]
    const answers = await Promise.all(Array.from({ length: 40 }, () => attempts).flatMap((each) => each.map((attempt) => attempt())))
    expect(answers.filter(({ status }) => status >= 500)).toEqual([])
    expect(answers.filter(({ status }) => status < 300)).not.toEqual([])
    expect(await administratorsOf(at)).toBe(1)
  })
})

describe('somebody who is removed', () => {
  const password = 'correct horse battery'

  async function makeEveryCredential(authorization: string) {
    const { email } = await server.as(authorization, api.users).me({})
    const expires_at = new Date(Date.now() + 3_600_000).toISOString()
    const { key } = await server.as(authorization, api.personalTokens).create({
      body: { name: 'CI', expires_at, current_password: password },
    })
    const inCookie = await server.send('POST', '/api/v1/auth/login/', { body: { email, password, as_cookie: true } })
    const cookie = inCookie.headers.get('set-cookie')?.split(';')[0] ?? ''
    return [{ authorization }, { authorization: `Token ${key}` }, { headers: { cookie } }]
  }

  test('can do nothing any more with any credential, and keeps what is theirs elsewhere', async () => {
    const at = await makeTenant(server)
    const { authorization, id } = await makeAdministrator(at)
    const own = await server.as(authorization, api.organisations).create({ body: { name: 'Own' } })
    const made = await server.as(authorization, api.masterApiKeys).create({ params: within(at), body: { name: 'CI' } })
    const credentials = await makeEveryCredential(authorization)
    const statuses = async (path: string) =>
      Promise.all(credentials.map(async (credential) => (await server.send('GET', path, credential)).status))
    const places = [address(at, ''), `/api/v1/projects/${at.project.id}/`, `/api/v1/environments/${at.environment.api_key}/`]
    for (const place of places) expect(await statuses(place)).toEqual([200, 200, 200])
    expect(await remove(at, at.authorization, [id])).toMatchObject({ status: 200, body: [{ id }] })
    for (const place of places) expect(await statuses(place)).toEqual([404, 404, 404])
    expect(await statuses(`/api/v1/organisations/${own.id}/`)).toEqual([200, 200, 200])
    expect((await server.send('GET', address(at, ''), { authorization: `Api-Key ${made.key}` })).status).toBe(200)
  })

  test('comes back with nothing of what was granted before', async () => {
    const at = await makeTenant(server)
    const [user, group] = [await idOf(at.viewer), await makeGroup(at)]
    await asAdmin('groups', at).addUsers({ params: { ...within(at), group: group.id }, body: { user_ids: [user] } })
    const organisationOnly = { user, permissions: ['CREATE_PROJECT'] }
    await asAdmin('organisationUserPermissions', at).create({ params: within(at), body: organisationOnly })
    await remove(at, at.authorization, [user])
    const left = await Promise.all(
      (['grants', 'group_members', 'role_assignments'] as const).map((table) =>
        server.control.db.selectFrom(table).select('user_id').where('user_id', '=', user).execute(),
      ),
    )
    expect(left.flat()).toEqual([])
  })

  test('is named by somebody who may: all of them are of the organisation, or nobody goes', async () => {
    const at = await makeTenant(server)
    const [user, stranger] = [await idOf(at.member), await idOf(await server.signUp())]
    expect((await remove(at, at.viewer, [user])).status).toBe(403)
    expect(await remove(at, at.authorization, [user, stranger])).toMatchObject({
      status: 400,
      body: [{}, { id: [expect.stringContaining('does not exist')] }],
    })
    expect(await asAdmin('members', at).list({ params: within(at) })).toHaveLength(3)
  })
})

test('members leave by themselves', async () => {
  const member = await makeMember(server, home.organisation)
  expect(await leave(home, member)).toMatchObject({ status: 204, text: '' })
  expect((await leave(home, member)).status).toBe(404)
  expect((await server.as(member, api.organisations).list({})).count).toBe(0)
})
