import { api } from '@halyard/contract'
import { identityBucket, identityId } from '@halyard/sdk-api'
import * as fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { openPersonal } from '../changes/personal.ts'
import { startServer, type TestServer } from '../testing/start-server.ts'
import { compareBytes } from './rules.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server.close())

async function startIdentities() {
  const { authorization, environment, project } = await server.makeProject()
  const params = { environment_key: environment.api_key }
  const path = `/api/v1/environments/${environment.api_key}/identities/`
  const identities = server.as(authorization, api.identities)
  const changes = async () => {
    const recorded = await server.control.db
      .selectFrom('changes')
      .selectAll()
      .where('environment_id', '=', environment.id)
      .where('type', 'like', 'identity.%')
      .orderBy('id')
      .execute()
    return openPersonal({ db: server.control.db, secretKeys: server.runtime.config }, recorded)
  }
  /** As an SDK would. */
  const identify = async (identifier: string, traits: Record<string, unknown> = {}) => {
    const body = { identifier, traits: Object.entries(traits).map(([trait_key, trait_value]) => ({ trait_key, trait_value })) }
    const answer = await server.send('POST', '/api/v1/identities/', { headers: { 'x-environment-key': environment.api_key }, body })
    expect(answer.status).toBe(200)
    return answer.body
  }
  return { authorization, environment, project, params, path, identities, identify, changes }
}

test('an identity is made once, and recorded', async () => {
  const { identities, params, environment, project, changes } = await startIdentities()
  const created = await identities.create({ params, body: { identifier: '  ada@example.com ' } })
  expect(created).toEqual({
    id: identityId(environment.id, 'ada@example.com'),
    identifier: 'ada@example.com',
    dashboard_alias: null,
    environment: environment.id,
  })
  expect(await identities.get({ params: { ...params, identity: created.id } })).toEqual(created)
  expect(await changes()).toMatchObject([
    {
      type: 'identity.created',
      project_id: project.id,
      subject_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      after: { id: created.id, identifier: 'ada@example.com', traits: {} },
    },
  ])
  await expect(identities.create({ params, body: { identifier: 'ada@example.com' } })).rejects.toMatchObject({
    status: 400,
    errors: { identifier: ['An identity with this identifier already exists in Production.'] },
  })
  expect(await changes()).toHaveLength(1)
})

test.each([
  [{}, 'This field is required.'],
  [{ identifier: ' ' }, 'This field may not be blank.'],
  [{ identifier: 'é'.repeat(1001) }, 'Ensure this field has no more than 2000 bytes of UTF-8.'],
])('an identifier of %j is refused', async (body, message) => {
  const { authorization, path } = await startIdentities()
  expect(await server.send('POST', path, { authorization, body })).toMatchObject({ status: 400, body: { identifier: [message] } })
})

test('identities that SDKs brought are there too, but not those of other environments', async () => {
  const { identities, params, identify } = await startIdentities()
  const elsewhere = await startIdentities()
  await identify('ada')
  await elsewhere.identify('bob')
  const { results } = await identities.list({ params })
  expect(results.map(({ identifier }) => identifier)).toEqual(['ada'])
  const [bob] = (await elsewhere.identities.list({ params: elsewhere.params })).results
  await expect(identities.get({ params: { ...params, identity: bob?.id ?? 0 } })).rejects.toMatchObject({ status: 404 })
  await expect(identities.delete({ params: { ...params, identity: bob?.id ?? 0 } })).rejects.toMatchObject({ status: 404 })
})

describe('the list', () => {
  test('is walked by its next, in the order of identifiers', async () => {
    const { path, authorization, identify } = await startIdentities()
    const identifiers = ['a', 'b&c=d', 'é', '～', '😀', 'z', '"q"']
    for (const identifier of identifiers) await identify(identifier)
    const seen: string[] = []
    let next: string | null = `${server.url}${path}?page_size=3`
    while (next !== null) {
      const { pathname, search }: URL = new URL(next)
      const { status, body } = await server.send('GET', pathname + search, { authorization })
      expect(status).toBe(200)
      const page = api.identities.list.reply.parse(body)
      expect(page).toMatchObject({ count: identifiers.length, previous: null })
      seen.push(...page.results.map(({ identifier }) => identifier))
      next = page.next
    }
    expect(seen).toEqual(['"q"', 'a', 'b&c=d', 'z', 'é', '～', '😀'])
  })

  test('has no pages by number', async () => {
    const { authorization, path } = await startIdentities()
    expect(await server.send('GET', `${path}?page=1`, { authorization })).toMatchObject({ status: 200 })
    expect(await server.send('GET', `${path}?page=2`, { authorization })).toMatchObject({ status: 404 })
  })

  test('counts to 10 000 exactly, and estimates above', async () => {
    const { identities, params, environment } = await startIdentities()
    const add = async (from: number, to: number) => {
      const keys = Array.from({ length: to - from }, (_, index) => `user ${from + index}`).map((identifier) => ({
        identifier,
        id: identityId(environment.id, identifier),
      }))
      await server.runtime.identities.pool.query(
        `insert into identities select $1, bucket, identifier, id, '{}', now(), now()
           from unnest($2::smallint[], $3::text[], $4::bigint[]) as k (bucket, identifier, id)`,
        [environment.id, keys.map(({ id }) => identityBucket(id)), keys.map(({ identifier }) => identifier), keys.map(({ id }) => id)],
      )
    }
    await add(0, 10_000)
    expect(await identities.list({ params, query: { page_size: 1 } })).toMatchObject({ count: 10_000 })
    await add(10_000, 30_000)
    const { count } = await identities.list({ params, query: { page_size: 1 } })
    expect(Math.abs(count - 30_000)).toBeLessThan(1500)
  })
})

test('a deleted identity is gone with its traits, and begins anew when it is seen again', async () => {
  const { identities, params, identify, changes } = await startIdentities()
  await identify('ada', { plan: 'pro' })
  const [ada] = (await identities.list({ params })).results
  const identity = ada?.id ?? 0
  await identities.delete({ params: { ...params, identity } })
  expect(await changes()).toMatchObject([{ type: 'identity.deleted', before: { identifier: 'ada', traits: { plan: 'pro' } } }])
  await expect(identities.get({ params: { ...params, identity } })).rejects.toMatchObject({ status: 404 })
  expect(await identify('ada')).toMatchObject({ traits: [] })
  expect(await identities.get({ params: { ...params, identity } })).toMatchObject({ identifier: 'ada' })
})

test('identifiers compare as their bytes do', () => {
  const sign = (order: number) => Math.sign(order)
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (one, other) => {
      expect(sign(compareBytes(one, other))).toBe(sign(Buffer.compare(Buffer.from(one), Buffer.from(other))))
    }),
  )
})

test('an identity has another name for people, by which it is found', async () => {
  const { identities, params, identify, changes } = await startIdentities()
  await identify('7f3a-0001')
  const [seen] = (await identities.list({ params })).results
  const one = { ...params, identity: seen?.id ?? 0 }
  expect(await identities.update({ params: one, body: { dashboard_alias: '  Ada Lovelace ' } })).toMatchObject({
    dashboard_alias: 'ada lovelace',
  })
  await identify('7f3a-0001', { plan: 'gold' })
  expect(await identities.get({ params: one })).toMatchObject({ identifier: '7f3a-0001', dashboard_alias: 'ada lovelace' })
  await vi.waitFor(async () => expect((await identities.list({ params, query: { q: 'LOVELACE' } })).results).toHaveLength(1), 10_000)
  expect(await identities.update({ params: one, body: { dashboard_alias: ' ' } })).toMatchObject({ dashboard_alias: null })
  await identities.update({ params: one, body: {} })
  expect(await changes()).toMatchObject([
    { type: 'identity.updated', before: { dashboard_alias: null }, after: { dashboard_alias: 'ada lovelace' } },
    { type: 'identity.updated', before: { dashboard_alias: 'ada lovelace' }, after: { dashboard_alias: null } },
  ])
  await expect(identities.update({ params: one, body: { dashboard_alias: 'x'.repeat(101) } })).rejects.toMatchObject({ status: 400 })
})

test('several identities are deleted together, or none when one of them is not there', async () => {
  const { identities, params, identify, changes } = await startIdentities()
  for (const identifier of ['ada', 'bob', 'cleo']) await identify(identifier)
  const ids = (await identities.list({ params })).results.map(({ id }) => id)
  const [ada = 0, bob = 0] = ids
  await expect(identities.bulkDelete({ params, body: { ids: [ada, 1] } })).rejects.toMatchObject({
    status: 400,
    errors: { ids: ['Invalid pk "1" - object does not exist.'] },
  })
  await identities.bulkDelete({ params, body: { ids: [bob, ada, ada] } })
  expect((await identities.list({ params })).results.map(({ identifier }) => identifier)).toEqual(['cleo'])
  expect(await changes()).toMatchObject([
    { type: 'identity.deleted', before: { identifier: 'ada' } },
    { type: 'identity.deleted', before: { identifier: 'bob' } },
  ])
})
