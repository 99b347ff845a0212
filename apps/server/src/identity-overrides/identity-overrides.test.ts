import { api } from '@halyard/contract'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { openPersonal } from '../changes/personal.ts'
import { startServer, type TestServer } from '../testing/start-server.ts'
import { removeIdentityOverrides } from './commands.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server.close())

async function startOverrides() {
  const { authorization, environment, project } = await server.makeProject()
  const inEnvironment = { environment_key: environment.api_key }
  const clients = {
    identities: server.as(authorization, api.identities),
    features: server.as(authorization, api.features),
    overrides: server.as(authorization, api.identityOverrides),
  }
  const feature = (name: string, more: object = {}) => clients.features.create({ params: { project: project.id }, body: { name, ...more } })
  const identity = (identifier: string) => clients.identities.create({ params: inEnvironment, body: { identifier } })
  const [beta, ada] = [await feature('beta', { initial_value: 'plain' }), await identity('ada')]
  const path = `/api/v1/environments/${environment.api_key}/identities/${ada.id}/featurestates/`
  const flagOf = async (identifier: string, name = 'beta') => {
    const headers = { 'x-environment-key': environment.api_key }
    return (await server.send('GET', `/api/v1/identities/?identifier=${identifier}&feature=${name}`, { headers })).body
  }
  const changes = async () => {
    const recorded = await server.control.db
      .selectFrom('changes')
      .selectAll()
      .where('project_id', '=', project.id)
      .where('type', 'like', 'identity_override.%')
      .orderBy('id')
      .execute()
    return openPersonal({ db: server.control.db, secretKeys: server.runtime.config }, recorded)
  }
  return {
    authorization,
    environment,
    project,
    ...clients,
    feature,
    identity,
    beta,
    ada,
    params: { ...inEnvironment, identity: ada.id },
    path,
    flagOf,
    changes,
  }
}

test('an override says what a feature is for one identity, at once', async () => {
  const { overrides, params, beta, ada, environment, flagOf, changes } = await startOverrides()
  expect(await flagOf('ada')).toMatchObject({ enabled: false, feature_state_value: 'plain' })
  const created = await overrides.create({ params, body: { feature: beta.id, enabled: true, feature_state_value: 42 } })
  expect(created).toEqual({
    id: expect.any(Number),
    uuid: expect.any(String),
    feature: beta.id,
    environment: environment.id,
    identity: { id: ada.id, identifier: 'ada' },
    feature_segment: null,
    enabled: true,
    feature_state_value: 42,
    multivariate_feature_state_values: [],
    version: 1,
    live_from: expect.any(String),
    created_at: expect.any(String),
    updated_at: expect.any(String),
    deleted_at: null,
    change_request: null,
    environment_feature_version: null,
  })
  expect(await flagOf('ada')).toMatchObject({ enabled: true, feature_state_value: 42 })
  expect(await flagOf('bob')).toMatchObject({ enabled: false, feature_state_value: 'plain' })
  expect(await overrides.list({ params })).toEqual({ count: 1, next: null, previous: null, results: [created] })
  expect(await overrides.get({ params: { ...params, feature_state: created.id } })).toEqual(created)
  expect(await changes()).toMatchObject([
    {
      type: 'identity_override.created',
      environment_id: environment.id,
      subject_id: String(created.id),
      after: { identifier: 'ada', enabled: true },
    },
  ])
})

test('an override keeps what a change leaves out, and its ids when it is removed and added again', async () => {
  const { overrides, params, beta, flagOf, changes } = await startOverrides()
  const created = await overrides.create({ params, body: { feature: beta.id, enabled: true } })
  expect(created.feature_state_value).toBe('plain')
  const one = { ...params, feature_state: created.id }
  expect(await overrides.update({ params: one, body: { feature_state_value: null } })).toMatchObject({
    enabled: true,
    feature_state_value: null,
    version: 2,
  })
  expect(await overrides.replace({ params: one, body: { enabled: false } })).toMatchObject({
    enabled: false,
    feature_state_value: null,
    version: 3,
  })
  await overrides.delete({ params: one })
  expect(await flagOf('ada')).toMatchObject({ feature_state_value: 'plain' })
  await expect(overrides.get({ params: one })).rejects.toMatchObject({ status: 404 })
  await expect(overrides.update({ params: one, body: { enabled: true } })).rejects.toMatchObject({ status: 404 })
  expect(await overrides.create({ params, body: { feature: beta.id, enabled: true } })).toMatchObject({
    id: created.id,
    uuid: created.uuid,
  })
  expect((await changes()).map(({ type }) => type)).toEqual(
    ['created', 'updated', 'updated', 'deleted', 'created'].map((done) => `identity_override.${done}`),
  )
})

test('one identity’s override stays its own', async () => {
  const { overrides, params, beta, identity, authorization, path } = await startOverrides()
  const { id } = await overrides.create({ params, body: { feature: beta.id, enabled: true } })
  const bob = await identity('bob')
  const ofBob = { ...params, identity: bob.id, feature_state: id }
  await expect(overrides.get({ params: ofBob })).rejects.toMatchObject({ status: 404 })
  await expect(overrides.update({ params: ofBob, body: { enabled: false } })).rejects.toMatchObject({ status: 404 })
  await expect(overrides.delete({ params: ofBob })).rejects.toMatchObject({ status: 404 })
  const elsewhere = await startOverrides()
  expect(await server.send('POST', path, { authorization, body: { feature: elsewhere.beta.id, enabled: true } })).toMatchObject({
    status: 400,
    body: { feature: [`Invalid pk "${elsewhere.beta.id}" - object does not exist.`] },
  })
})

test.each([
  [{ enabled: true }, { feature: ['This field is required.'] }],
  [{ feature: 'beta' }, { feature: [expect.any(String)] }],
  [
    { feature: 0, enabled: 'perhaps' },
    { feature: [expect.any(String)], enabled: ['Must be a valid boolean.'] },
  ],
  [{ feature: 0, feature_state_value: { a: 1 } }, { feature_state_value: [expect.any(String)] }],
])('%j is refused by field', async (body, errors) => {
  const { authorization, path } = await startOverrides()
  expect(await server.send('POST', path, { authorization, body })).toMatchObject({ status: 400, body: errors })
})

test('a second override of one feature is refused', async () => {
  const { authorization, path, overrides, params, beta } = await startOverrides()
  await overrides.create({ params, body: { feature: beta.id } })
  expect(await server.send('POST', path, { authorization, body: { feature: beta.id } })).toMatchObject({ status: 400 })
})

test('an override can give an identity one variant', async () => {
  const { overrides, params, feature, flagOf, authorization, path } = await startOverrides()
  const options = ['red', 'blue'].map((string_value) => ({ type: 'unicode', string_value, default_percentage_allocation: 0 }))
  const colour = await feature('colour', { type: 'MULTIVARIATE', initial_value: 'grey', multivariate_options: options })
  const blue = colour.multivariate_options[1]?.id ?? 0
  const weigh = (percentage_allocation: number, variant = blue) => ({ multivariate_feature_option: variant, percentage_allocation })
  const created = await overrides.create({
    params,
    body: { feature: colour.id, enabled: true, multivariate_feature_state_values: [weigh(100)] },
  })
  expect(created.multivariate_feature_state_values).toEqual([{ id: expect.any(Number), ...weigh(100) }])
  expect(await flagOf('ada', 'colour')).toMatchObject({ feature_state_value: 'blue' })
  const red = colour.multivariate_options[0]?.id ?? 0
  const refused = await server.send('PATCH', `${path}${created.id}/`, {
    authorization,
    body: { multivariate_feature_state_values: [weigh(60), weigh(60, red)] },
  })
  expect(refused).toMatchObject({ status: 400, body: { multivariate_feature_state_values: [expect.any(String)] } })
})

test('every feature is shown with what decides it', async () => {
  const { overrides, params, beta, feature, identity, project, environment, authorization } = await startOverrides()
  const [checkout, plain] = [await feature('checkout'), await feature('plain', { default_enabled: true })]
  const segment = await server.as(authorization, api.segments).create({
    params: { project: project.id },
    body: {
      name: 'Ada only',
      rules: [{ type: 'ALL', conditions: [{ operator: 'EQUAL', property: '$.identity.identifier', value: 'ada' }], rules: [] }],
    },
  })
  const override = { feature_segment: { segment: segment.id }, enabled: true, feature_state_value: { type: 'int', integer_value: 7 } }
  const made = await server.send('POST', `/api/v1/environments/${environment.api_key}/features/${checkout.id}/create-segment-override/`, {
    authorization,
    body: override,
  })
  expect(made.status).toBe(201)
  await overrides.create({ params, body: { feature: beta.id, enabled: true, feature_state_value: 'hers' } })
  const shown = (one: { id: number; name: string }) => ({ id: one.id, name: one.name, type: 'STANDARD' })
  const rest = { segment: null, multivariate_feature_state_values: [], reason: expect.any(String) }
  expect(await overrides.listAll({ params })).toEqual([
    { feature: shown(beta), enabled: true, feature_state_value: 'hers', overridden_by: 'IDENTITY', ...rest },
    {
      feature: shown(checkout),
      enabled: true,
      feature_state_value: 7,
      overridden_by: 'SEGMENT',
      ...rest,
      segment: { id: segment.id, name: 'Ada only' },
      reason: 'TARGETING_MATCH; segment=Ada only',
    },
    { feature: shown(plain), enabled: true, feature_state_value: null, overridden_by: null, ...rest },
  ])
  expect(await overrides.listSegments({ params })).toEqual([{ id: segment.id, name: 'Ada only' }])
  const bob = await identity('bob')
  const ofBob = await overrides.listAll({ params: { ...params, identity: bob.id } })
  expect(ofBob.map((each) => each.overridden_by)).toEqual([null, null, null])
})

test('overrides are taken over from another identity, and others go', async () => {
  const { overrides, params, beta, feature, identity, changes } = await startOverrides()
  const [bob, checkout, search] = [await identity('bob'), await feature('checkout'), await feature('search')]
  const ofBob = { ...params, identity: bob.id }
  for (const feature of [beta, checkout])
    await overrides.create({ params, body: { feature: feature.id, enabled: true, feature_state_value: 'hers' } })
  await overrides.create({ params: ofBob, body: { feature: beta.id, enabled: true, feature_state_value: 'hers' } })
  await overrides.create({ params: ofBob, body: { feature: search.id, enabled: true } })
  const before = (await changes()).length
  const shown = await overrides.cloneFrom({ params: ofBob, body: { source_identity_id: params.identity } })
  expect(shown.map((each) => [each.feature.name, each.feature_state_value, each.overridden_by])).toEqual([
    ['beta', 'hers', 'IDENTITY'],
    ['checkout', 'hers', 'IDENTITY'],
    ['search', null, null],
  ])
  expect((await changes()).slice(before).map(({ type }) => type)).toEqual(['identity_override.created', 'identity_override.deleted'])
  await overrides.cloneFrom({ params: ofBob, body: { source_identity_id: params.identity } })
  expect(await changes()).toHaveLength(before + 2)
  await expect(overrides.cloneFrom({ params, body: { source_identity_id: 1 } })).rejects.toMatchObject({
    status: 400,
    errors: { source_identity_id: [expect.any(String)] },
  })
})

test('an identity takes its overrides with it, and its successor keeps its own', async () => {
  const { overrides, identities, identity, params, beta, environment, flagOf, changes } = await startOverrides()
  await overrides.create({ params, body: { feature: beta.id, enabled: true } })
  await identities.delete({ params })
  await vi.waitFor(async () => expect(await changes()).toHaveLength(2), 10_000)
  expect((await changes()).at(-1)).toMatchObject({
    type: 'identity_override.deleted',
    actor_kind: 'system',
    actor_name: 'remove_identity_overrides',
  })
  await vi.waitFor(async () => expect(await flagOf('ada')).toMatchObject({ enabled: false }), 5_000)
  await identity('eve')
  const again = await identities.list({ params, query: { q: '"ada"' } })
  await overrides.create({ params: { ...params, identity: again.results[0]?.id ?? 0 }, body: { feature: beta.id, enabled: true } })
  await removeIdentityOverrides(server.control, { environmentId: environment.id, subject: 'ada' })
  expect(await flagOf('ada')).toMatchObject({ enabled: true })
  expect(await changes()).toHaveLength(3)
})
