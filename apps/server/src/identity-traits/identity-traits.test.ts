import { api } from '@halyard/contract'
import { traitIds } from '@halyard/sdk-api'
import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { openPersonal } from '../changes/personal.ts'
import { startServer, type TestServer } from '../testing/start-server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server.close())

async function startTraits() {
  const { authorization, environment, project } = await server.makeProject()
  const { id: identity } = await server
    .as(authorization, api.identities)
    .create({ params: { environment_key: environment.api_key }, body: { identifier: 'ada' } })
  const params = { environment_key: environment.api_key, identity }
  const path = `/api/v1/environments/${environment.api_key}/identities/${identity}/traits/`
  const headers = { 'x-environment-key': environment.api_key }
  /** What an SDK is told of the identity. */
  const seen = async () => (await server.send('GET', '/api/v1/identities/?identifier=ada', { headers })).body
  const changes = async () => {
    const recorded = await server.control.db
      .selectFrom('changes')
      .selectAll()
      .where('project_id', '=', project.id)
      .where('type', '=', 'identity.updated')
      .orderBy('id')
      .execute()
    return openPersonal({ db: server.control.db, secretKeys: server.runtime.config }, recorded)
  }
  return { authorization, environment, params, path, seen, changes, headers, traits: server.as(authorization, api.identityTraits) }
}

const none = { string_value: null, integer_value: null, boolean_value: null, float_value: null }

test.each([
  [{ value_type: 'unicode', string_value: 'pro' }, { value_type: 'unicode', string_value: 'pro' }, 'pro'],
  [{ value_type: 'int', integer_value: 7, string_value: 'ignored' }, { value_type: 'int', integer_value: 7 }, 7],
  [{ value_type: 'bool', boolean_value: false }, { value_type: 'bool', boolean_value: false }, false],
  [{ value_type: 'float', float_value: 1.5 }, { value_type: 'float', float_value: 1.5 }, 1.5],
  [{ value_type: 'float', float_value: 2 }, { value_type: 'int', integer_value: 2 }, 2],
  [{ value_type: 'float', float_value: 1e20 }, { value_type: 'float', float_value: 1e20 }, 1e20],
  [{ string_value: '' }, { value_type: 'unicode', string_value: '' }, ''],
  [{ integer_value: 0, string_value: null }, { value_type: 'int', integer_value: 0 }, 0],
])('a trait written as %j is shown by its type', async (written, shown, value) => {
  const { authorization, path, traits, params, seen } = await startTraits()
  const { status, body } = await server.send('POST', path, { authorization, body: { trait_key: ' plan ', ...written, id: 7 } })
  const expected = { id: traitIds(['plan']).get('plan'), trait_key: 'plan', ...none, ...shown, created_date: expect.any(String) }
  expect({ status, body }).toEqual({ status: 201, body: expected })
  expect(await traits.list({ params })).toMatchObject({ count: 1, results: [expected] })
  expect(await seen()).toMatchObject({ traits: [{ id: expected.id, trait_key: 'plan', trait_value: value }] })
})

test('traits that SDKs brought have the same ids here', async () => {
  const { params, traits, headers } = await startTraits()
  const keys = ['zeta', 'alpha', 'Mid', '__proto__', '7']
  const body = { identifier: 'ada', traits: keys.map((trait_key) => ({ trait_key, trait_value: 1 })) }
  await server.send('POST', '/api/v1/identities/', { headers, body })
  const { results } = await traits.list({ params })
  expect(results.map((trait) => trait.trait_key)).toEqual(keys.toSorted())
  const told = await server.send('GET', '/api/v1/identities/?identifier=ada', { headers })
  expect(told.body).toMatchObject({ traits: results.map(({ id, trait_key }) => ({ id, trait_key })) })
  for (const { id, trait_key } of results) expect(await traits.get({ params: { ...params, trait: id } })).toMatchObject({ trait_key })
})

test('a trait is changed and removed, and what SDKs wrote meanwhile stays', async () => {
  const { params, traits, seen, changes } = await startTraits()
  const { id } = await traits.create({ params, body: { trait_key: 'plan', string_value: 'free' } })
  await traits.create({ params, body: { trait_key: 'age', integer_value: 36 } })
  const one = { ...params, trait: id }
  expect(await traits.update({ params: one, body: {} })).toMatchObject({ string_value: 'free' })
  expect(await traits.update({ params: one, body: { boolean_value: true } })).toMatchObject({
    id,
    trait_key: 'plan',
    value_type: 'bool',
    boolean_value: true,
    string_value: null,
  })
  expect(await traits.replace({ params: one, body: { value_type: 'unicode', string_value: 'pro' } })).toMatchObject({
    id,
    string_value: 'pro',
  })
  await traits.delete({ params: one })
  expect(await seen()).toMatchObject({ traits: [{ trait_key: 'age', trait_value: 36 }] })
  await expect(traits.get({ params: one })).rejects.toMatchObject({ status: 404 })
  await expect(traits.delete({ params: one })).rejects.toMatchObject({ status: 404 })
  const plan = (trait_value: unknown) => ({ trait_key: 'plan', trait_value })
  expect((await changes()).map(({ before, after }) => ({ before, after }))).toEqual([
    { before: null, after: plan('free') },
    { before: null, after: { trait_key: 'age', trait_value: 36 } },
    { before: plan('free'), after: plan(true) },
    { before: plan(true), after: plan('pro') },
    { before: plan('pro'), after: null },
  ])
})

test.each([
  [{}, 'trait_key', 'This field is required.'],
  [{ trait_key: '', string_value: 'x' }, 'trait_key', 'This field may not be blank.'],
  [{ trait_key: 'x'.repeat(201), string_value: 'x' }, 'trait_key', 'Ensure this field has no more than 200 characters.'],
  [{ trait_key: 'plan' }, 'string_value', 'This field is required.'],
  [{ trait_key: 'plan', value_type: 'int', string_value: '7' }, 'integer_value', 'This field is required.'],
  [{ trait_key: 'plan', value_type: 'int', integer_value: '7' }, 'integer_value', 'A valid integer is required.'],
  [{ trait_key: 'plan', value_type: 'date', string_value: 'x' }, 'value_type', '"date" is not a valid choice.'],
  [{ trait_key: 'plan', string_value: 'x'.repeat(2001) }, 'string_value', 'Value string is too long. Must be less than 2000 character'],
  [{ trait_key: 'known', string_value: 'x' }, 'trait_key', 'The identity already has a trait with this key.'],
])('%j is refused by field', async (body, field, message) => {
  const { authorization, path, params, traits, changes } = await startTraits()
  await traits.create({ params, body: { trait_key: 'known', string_value: 'x' } })
  expect(await server.send('POST', path, { authorization, body })).toMatchObject({ status: 400, body: { [field]: [message] } })
  expect(await changes()).toHaveLength(1)
})

test('an identity that has a thousand traits takes no other, and changes those it has', async () => {
  const { authorization, path, params, traits } = await startTraits()
  const { id } = await traits.create({ params, body: { trait_key: 'trait 0', string_value: 'x' } })
  await sql`
    update identities set traits = (select jsonb_object_agg('trait ' || i, 'x') from generate_series(0, 999) i)
     where id = ${params.identity}`.execute(server.control.db)
  expect(await server.send('POST', path, { authorization, body: { trait_key: 'one more', string_value: 'x' } })).toMatchObject({
    status: 400,
    body: { traits: ['An identity holds at most 1000 traits.'] },
  })
  expect(await server.send('POST', path, { authorization, body: { trait_key: 'trait 7', string_value: 'x' } })).toMatchObject({
    status: 400,
    body: { trait_key: ['The identity already has a trait with this key.'] },
  })
  await traits.update({ params: { ...params, trait: id }, body: { string_value: 'changed' } })
  await traits.delete({ params: { ...params, trait: id } })
  await traits.create({ params, body: { trait_key: 'one more', string_value: 'x' } })
})

test('a trait is removed from every identity of the environment, a moment later, when that is asked for', async () => {
  const { traits, params, path, authorization, environment, headers } = await startTraits()
  const elsewhere = await startTraits()
  const identify = (key: string, identifier: string) =>
    server.send('POST', '/api/v1/identities/', {
      headers: { ...headers, 'x-environment-key': key },
      body: { identifier, traits: ['plan', 'age'].map((trait_key) => ({ trait_key, trait_value: identifier })) },
    })
  for (const identifier of ['ada', 'bob', 'cleo']) await identify(environment.api_key, identifier)
  await identify(elsewhere.environment.api_key, 'ada')
  const inEnvironment = { environment_key: environment.api_key }
  expect(await traits.listKeys({ params: inEnvironment })).toEqual({ keys: ['age', 'plan'] })
  const { id = 0 } = (await traits.list({ params })).results.find((trait) => trait.trait_key === 'plan') ?? {}
  expect(await server.send('DELETE', `${path}${id}/?deleteAllMatchingTraits=false`, { authorization })).toMatchObject({ status: 204 })
  expect(await traits.listKeys({ params: inEnvironment })).toEqual({ keys: ['age', 'plan'] })
  await identify(environment.api_key, 'ada')
  expect(await server.send('DELETE', `${path}${id}/?deleteAllMatchingTraits=true`, { authorization })).toMatchObject({ status: 204 })
  await vi.waitFor(async () => expect(await traits.listKeys({ params: inEnvironment })).toEqual({ keys: ['age'] }), 10_000)
  await traits.deleteKey({ params: inEnvironment, body: { key: 'age' } })
  await vi.waitFor(async () => expect(await traits.listKeys({ params: inEnvironment })).toEqual({ keys: [] }), 10_000)
  const theirs = { environment_key: elsewhere.environment.api_key }
  expect(await elsewhere.traits.listKeys({ params: theirs })).toEqual({ keys: ['age', 'plan'] })
})

test('traits of an identity of another environment are not found', async () => {
  const { traits, params } = await startTraits()
  const elsewhere = await startTraits()
  await expect(traits.list({ params: { ...params, identity: elsewhere.params.identity } })).rejects.toMatchObject({ status: 404 })
  await expect(
    traits.create({ params: { ...params, identity: elsewhere.params.identity }, body: { trait_key: 'a', string_value: 'b' } }),
  ).rejects.toMatchObject({ status: 404 })
})
