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
  const { authorization, environment } = await server.makeProject()
  const params = { environment_key: environment.api_key }
  return {
    authorization,
    environment,
    params,
    keys: server.as(authorization, api.environmentApiKeys),
    path: `/api/v1/environments/${environment.api_key}/api-keys/`,
  }
}

test('keys are listed in clear, and told apart from client-side keys by their beginning', async () => {
  const { keys, params, environment } = await startKeys()
  const created = await keys.create({ params, body: { name: 'Worker' } })
  expect(created).toEqual({
    id: expect.any(Number),
    key: expect.stringMatching(/^ser\.\w{22}$/),
    active: true,
    created_at: expect.stringMatching(/Z$/),
    name: 'Worker',
    expires_at: null,
  })
  expect(await keys.list({ params })).toEqual([expect.objectContaining({ name: 'Server' }), created])
  const change = await lastChange()
  expect(change).toMatchObject({
    type: 'environment_api_key.created',
    environment_id: environment.id,
    subject_id: String(created.id),
    after: { name: 'Worker' },
  })
  expect(JSON.stringify(change)).not.toContain(created.key)
})

test('everything but the key itself can be changed', async () => {
  const { keys, params, authorization, path } = await startKeys()
  const created = await keys.create({ params, body: { name: 'Worker' } })
  const one = { ...params, environment_api_key: created.id }
  const { body } = await server.send('PATCH', `${path}${created.id}/`, {
    authorization,
    body: { active: false, key: 'ser.mine', expires_at: '2030-01-01T00:00:00Z' },
  })
  expect(body).toEqual({ ...created, active: false, expires_at: '2030-01-01T00:00:00.000Z' })
  const change = await lastChange()
  expect(change).toMatchObject({ type: 'environment_api_key.updated', before: { active: true }, after: { active: false } })
  expect(JSON.stringify(change)).not.toContain(created.key)
  expect(await keys.replace({ params: one, body: { name: 'Cron' } })).toMatchObject({
    name: 'Cron',
    active: false,
    expires_at: '2030-01-01T00:00:00.000Z',
  })
  expect(await keys.update({ params: one, body: { expires_at: null } })).toMatchObject({ name: 'Cron', expires_at: null })
})

test('SDKs are refused at once where a key is switched off, expired or deleted', async () => {
  const { keys, params } = await startKeys()
  const { id, key } = await keys.create({ params, body: { name: 'Worker' } })
  const one = { ...params, environment_api_key: id }
  const status = async () => (await server.send('GET', '/api/v1/environment-document/', { headers: { 'x-environment-key': key } })).status
  expect(await status()).toBe(200)
  await keys.update({ params: one, body: { active: false } })
  expect(await status()).toBe(403)
  await keys.update({ params: one, body: { active: true, expires_at: '2020-01-01T00:00:00Z' } })
  expect(await status()).toBe(403)
  await keys.update({ params: one, body: { expires_at: null } })
  expect(await status()).toBe(200)
  await keys.delete({ params: one })
  expect(await status()).toBe(403)
})

test('a deleted key is gone', async () => {
  const { keys, params } = await startKeys()
  const [key] = await keys.list({ params })
  const one = { ...params, environment_api_key: key?.id ?? 0 }
  await keys.delete({ params: one })
  expect(await lastChange()).toMatchObject({ type: 'environment_api_key.deleted', before: { name: 'Server' } })
  expect(await keys.list({ params })).toEqual([])
  await expect(keys.delete({ params: one })).rejects.toMatchObject({ status: 404 })
})

test('a key of another environment is not found through this one', async () => {
  const { keys, params } = await startKeys()
  const elsewhere = await startKeys()
  const [foreign] = await elsewhere.keys.list({ params: elsewhere.params })
  const one = { ...params, environment_api_key: foreign?.id ?? 0 }
  await expect(keys.update({ params: one, body: { active: false } })).rejects.toMatchObject({ status: 404 })
  await expect(keys.delete({ params: { ...params, environment_api_key: 9_999_999_999 } })).rejects.toMatchObject({ status: 404 })
})

test('settings are checked', async () => {
  const { authorization, path } = await startKeys()
  const { body } = await server.send('POST', path, { authorization, body: { name: 'x'.repeat(101), active: null, expires_at: 'never' } })
  expect(body).toEqual({
    name: ['Ensure this field has no more than 100 characters.'],
    active: ['This field may not be null.'],
    expires_at: [expect.stringContaining('wrong format')],
  })
})
