import { api } from '@halyard/contract'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startServer, type TestServer } from '../testing/start-server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server.close())

const changesOf = (organisation: { id: number }) =>
  server.control.db.selectFrom('changes').selectAll().where('organisation_id', '=', organisation.id).orderBy('id').execute()

test('the creator of an organisation is its administrator', async () => {
  const ada = await server.signUp('Ada')
  const organisations = server.as(ada, api.organisations)
  const created = await organisations.create({ body: { name: ' Acme ' } })
  expect(created).toEqual({
    id: expect.any(Number),
    uuid: expect.any(String),
    created_date: expect.stringMatching(/Z$/),
    name: 'Acme',
    webhook_notification_email: null,
    persist_trait_data: true,
    stop_serving_flags: false,
    feature_analytics: false,
    force_2fa: false,
    restrict_project_create_to_admin: false,
    num_seats: 1,
    role: 'ADMIN',
    block_access_to_admin: false,
    subscription: null,
  })
  expect(await organisations.list({})).toEqual({ count: 1, next: null, previous: null, results: [created] })
  expect(await organisations.getByUuid({ params: { uuid: created.uuid } })).toEqual(created)
  expect(await changesOf(created)).toMatchObject([{ type: 'organisation.created', actor_name: 'Ada Tester', after: { name: 'Acme' } }])
})

test('settings change one by one; unknown and read-only fields are ignored', async () => {
  const { authorization, organisation } = await server.makeProject()
  const path = `/api/v1/organisations/${organisation.id}/`
  const { body } = await server.send('PATCH', path, {
    authorization,
    body: { feature_analytics: true, id: 7, num_seats: 9, plan: 'enterprise' },
  })
  expect(body).toMatchObject({ id: organisation.id, feature_analytics: true, persist_trait_data: true, num_seats: 1 })
  expect((await server.send('PUT', path, { authorization, body: {} })).body).toEqual({ name: ['This field is required.'] })
  expect((await server.send('PATCH', path, { authorization, body: { webhook_notification_email: 'nobody' } })).body).toEqual({
    webhook_notification_email: ['Enter a valid email address.'],
  })
})

test('members are listed with what they are', async () => {
  const { authorization, organisation } = await server.makeProject()
  const { body } = await server.send('GET', `/api/v1/organisations/${organisation.id}/users/`, { authorization })
  expect(body).toEqual([
    {
      id: expect.any(Number),
      email: expect.stringMatching(/^ada-/),
      first_name: 'Ada',
      last_name: 'Tester',
      last_login: expect.stringMatching(/Z$/),
      uuid: expect.any(String),
      role: 'ADMIN',
      date_joined: expect.stringMatching(/Z$/),
    },
  ])
  const members = server.as(authorization, api.members)
  expect(await members.list({ params: { organisation: organisation.id }, query: { exclude_current: 'true' } })).toEqual([])
})

test('a deleted organisation is gone for its members, with its projects and keys', async () => {
  const { authorization, organisation, project, environment } = await server.makeProject()
  const key = await server.as(authorization, api.masterApiKeys).create({ params: { organisation: organisation.id }, body: { name: 'CI' } })
  await server.as(authorization, api.organisations).delete({ params: { organisation: organisation.id } })
  for (const path of [`organisations/${organisation.id}/`, `projects/${project.id}/`, `environments/${environment.api_key}/`]) {
    expect((await server.send('GET', `/api/v1/${path}`, { authorization })).status).toBe(404)
  }
  expect((await server.send('GET', '/api/v1/projects/', { authorization })).body).toEqual([])
  expect((await server.send('GET', '/api/v1/projects/', { authorization: `Api-Key ${key.key}` })).status).toBe(401)
})

test('a member who is no administrator sees the organisation and may not change it', async () => {
  const { organisation } = await server.makeProject()
  const guest = await server.signUp('Guest')
  const path = `/api/v1/organisations/${organisation.id}/`
  expect((await server.send('GET', path, { authorization: guest })).status).toBe(404)
  const { id } = await server.as(guest, api.users).me({})
  await server.control.transaction(async (tx) => {
    const at = new Date()
    await tx
      .insertInto('organisation_members')
      .values({ organisation_id: organisation.id, user_id: id, role: 'USER', joined_at: at })
      .execute()
    await tx
      .insertInto('changes')
      .values({ at, type: 'organisation.updated', organisation_id: organisation.id, actor_kind: 'system', actor_name: 'test' })
      .execute()
  })
  expect((await server.send('GET', path, { authorization: guest })).body).toMatchObject({ role: 'USER', num_seats: 2 })
  expect((await server.send('PATCH', path, { authorization: guest, body: { name: 'Mine' } })).status).toBe(403)
  expect((await server.send('GET', `${path}projects/`, { authorization: guest })).body).toEqual([])
  expect(
    (await server.send('POST', '/api/v1/projects/', { authorization: guest, body: { name: 'Mine', organisation: organisation.id } }))
      .status,
  ).toBe(403)
})
