import { api } from '@halyard/contract'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startServer, type TestServer } from '../testing/start-server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server.close())

// Not those of SDKs and jobs, which come when they come.
const lastChange = () =>
  server.control.db
    .selectFrom('changes')
    .selectAll()
    .where('actor_kind', '<>', 'system')
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirstOrThrow()

async function startKeys() {
  const { authorization, organisation, project } = await server.makeProject()
  const params = { organisation: organisation.id }
  const keys = server.as(authorization, api.masterApiKeys)
  const statusWith = async (key: string) =>
    (await server.send('GET', `/api/v1/projects/${project.id}/`, { authorization: `Api-Key ${key}` })).status
  return { authorization, organisation, params, keys, statusWith, path: `/api/v1/organisations/${organisation.id}/master-api-keys/` }
}

test('a key is shown once, and opens its organisation only', async () => {
  const { keys, params, organisation, statusWith } = await startKeys()
  const { key, ...created } = await keys.create({ params, body: { name: 'Terraform' } })
  expect(created).toEqual({
    id: expect.stringContaining(created.prefix),
    prefix: expect.stringMatching(/^\w{8}$/),
    name: 'Terraform',
    created: expect.stringMatching(/Z$/),
    revoked: false,
    expiry_date: null,
    is_admin: true,
  })
  expect(key).toMatch(new RegExp(`^${created.prefix}\\.[\\w-]{43}$`))
  const change = await lastChange()
  expect(change).toMatchObject({ type: 'master_api_key.created', organisation_id: organisation.id, after: { name: 'Terraform' } })
  expect(Object.keys(Object(change.after))).not.toContain('hashed_key')
  expect(await keys.get({ params: { ...params, prefix: created.prefix } })).toEqual(created)
  expect(await keys.list({ params })).toEqual({ count: 1, next: null, previous: null, results: [created] })
  expect(await statusWith(key)).toBe(200)
  expect(await statusWith(`${created.prefix}.guess`)).toBe(401)
  const other = await startKeys()
  expect(await other.statusWith(key)).toBe(404)
  await expect(other.keys.get({ params: { ...other.params, prefix: created.prefix } })).rejects.toMatchObject({ status: 404 })
})

test.each([
  ['revoked', (keys: Keys, params: Params) => keys.update({ params, body: { revoked: true } })],
  ['expired', (keys: Keys, params: Params) => keys.update({ params, body: { expiry_date: '2020-01-01T00:00:00Z' } })],
  ['deleted', (keys: Keys, params: Params) => keys.delete({ params })],
])('a key that is %s stops working at once', async (_, end) => {
  const { keys, params, statusWith } = await startKeys()
  const { key, prefix } = await keys.create({ params, body: { name: 'CI', expiry_date: '2999-01-01T00:00:00Z' } })
  expect(await statusWith(key)).toBe(200)
  await end(keys, { ...params, prefix })
  expect(await statusWith(key)).toBe(401)
})

type Keys = Awaited<ReturnType<typeof startKeys>>['keys']
interface Params {
  organisation: number
  prefix: string
}

test('revoked keys are no longer listed and cannot be changed', async () => {
  const { keys, params } = await startKeys()
  const { prefix } = await keys.create({ params, body: { name: 'CI' } })
  expect(await keys.update({ params: { ...params, prefix }, body: { revoked: true } })).toMatchObject({ revoked: true })
  expect(await keys.list({ params })).toMatchObject({ count: 0, results: [] })
  await expect(keys.update({ params: { ...params, prefix }, body: { revoked: false } })).rejects.toMatchObject({ status: 404 })
})

test('a key that is no administrator and has no role sees nothing', async () => {
  const { keys, params, statusWith } = await startKeys()
  const { key } = await keys.create({ params, body: { name: 'Reader', is_admin: false } })
  expect(await statusWith(key)).toBe(404)
  expect((await server.send('GET', '/api/v1/projects/', { authorization: `Api-Key ${key}` })).body).toEqual([])
})

test('keys are made and changed by people only', async () => {
  const { keys, params, path } = await startKeys()
  const { key, prefix } = await keys.create({ params, body: { name: 'CI' } })
  const authorization = `Api-Key ${key}`
  expect((await server.send('GET', path, { authorization })).status).toBe(403)
  expect((await server.send('POST', path, { authorization, body: { name: 'Another' } })).status).toBe(403)
  expect((await server.send('DELETE', `${path}${prefix}/`, { authorization })).status).toBe(403)
})

test('settings are checked; PUT needs the name and keeps what it does not say', async () => {
  const { authorization, keys, params, path } = await startKeys()
  const { prefix } = await keys.create({ params, body: { name: 'CI', expiry_date: '2999-01-01T00:00:00+02:00' } })
  const refused = await server.send('POST', path, { authorization, body: { name: 'x'.repeat(51), expiry_date: 'soon' } })
  expect(refused.body).toMatchObject({
    name: ['Ensure this field has no more than 50 characters.'],
    expiry_date: [expect.stringContaining('wrong format')],
  })
  expect((await server.send('PUT', `${path}${prefix}/`, { authorization, body: { is_admin: false } })).body).toEqual({
    name: ['This field is required.'],
  })
  const replaced = await keys.replace({ params: { ...params, prefix }, body: { name: 'Deploys' } })
  expect(replaced).toMatchObject({ name: 'Deploys', is_admin: true, expiry_date: '2998-12-31T22:00:00.000Z' })
})
