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

async function startFeature() {
  const { authorization, project, environment } = await server.makeProject()
  const features = server.as(authorization, api.features)
  const feature = await features.create({ params: { project: project.id }, body: { name: 'button', initial_value: 'control' } })
  const params = { project: project.id, feature: feature.id }
  const states = server.as(authorization, api.featureStates)
  const inEnvironment = { environment_key: environment.api_key }
  return {
    authorization,
    project,
    environment,
    params,
    states,
    inEnvironment,
    variants: server.as(authorization, api.variants),
    path: `/api/v1/projects/${project.id}/features/${feature.id}/mv-options/`,
    getFeature: () => features.get({ params }),
    getDefault: async (key = environment.api_key) => {
      const [state] = (await states.list({ params: { environment_key: key }, query: { feature: feature.id } })).results
      if (!state) throw new Error('The feature has no default.')
      return state
    },
  }
}

test('a variant is added to every environment, and makes its feature multivariate', async () => {
  const { variants, params, getFeature, getDefault, authorization, project } = await startFeature()
  const staging = await server.as(authorization, api.environments).create({ body: { name: 'Staging', project: project.id } })
  const before = await getDefault()
  const created = await variants.create({
    params,
    body: { type: 'unicode', string_value: 'Buy', key: 'buy', default_percentage_allocation: 30 },
  })
  expect(created).toEqual({
    id: expect.any(Number),
    uuid: expect.any(String),
    type: 'unicode',
    string_value: 'Buy',
    integer_value: null,
    boolean_value: null,
    key: 'buy',
    default_percentage_allocation: 30,
    feature: params.feature,
  })
  expect(await lastChange()).toMatchObject({
    type: 'variant.created',
    project_id: project.id,
    environment_id: null,
    after: { key: 'buy', value: 'Buy' },
  })
  expect(await getFeature()).toMatchObject({ type: 'MULTIVARIATE', multivariate_options: [{ id: created.id }] })
  for (const key of [undefined, staging.api_key]) {
    const state = await getDefault(key)
    expect(state).toMatchObject({
      version: before.version + 1,
      multivariate_feature_state_values: [{ multivariate_feature_option: created.id, percentage_allocation: 30 }],
    })
  }
  expect(await variants.list({ params })).toEqual({ count: 1, next: null, previous: null, results: [created] })
  expect(await variants.get({ params: { ...params, variant: created.id } })).toEqual(created)
  expect(await variants.getByUuid({ params: { uuid: created.uuid } })).toEqual(created)
})

test('a variant carries a text, an integer or a boolean', async () => {
  const { variants, params } = await startFeature()
  const share = { default_percentage_allocation: 10 }
  expect(await variants.create({ params, body: { type: 'int', integer_value: 7, ...share } })).toMatchObject({
    type: 'int',
    integer_value: 7,
    string_value: null,
  })
  expect(await variants.create({ params, body: { type: 'bool', boolean_value: false, ...share } })).toMatchObject({
    type: 'bool',
    boolean_value: false,
  })
  const text = await variants.create({ params, body: { string_value: '', ...share } })
  expect(text).toMatchObject({ type: 'unicode', string_value: '' })
  const variant = { ...params, variant: text.id }
  expect(await variants.update({ params: variant, body: { type: 'int', integer_value: 3 } })).toMatchObject({
    type: 'int',
    integer_value: 3,
    string_value: null,
    default_percentage_allocation: 10,
  })
  expect(await lastChange()).toMatchObject({ type: 'variant.updated', before: { value: '' }, after: { value: 3 } })
  expect(await variants.update({ params: variant, body: { key: 'three' } })).toMatchObject({ integer_value: 3, key: 'three' })
})

test('an environment without room for a variant is named, and nothing is added', async () => {
  const { variants, params, states, inEnvironment, getDefault, path, authorization } = await startFeature()
  const first = await variants.create({ params, body: { string_value: 'a', default_percentage_allocation: 40 } })
  const state = await getDefault()
  const weights = [{ multivariate_feature_option: first.id, percentage_allocation: 90 }]
  await states.update({ params: { ...inEnvironment, feature_state: state.id }, body: { multivariate_feature_state_values: weights } })
  const refused = await server.send('POST', path, { authorization, body: { string_value: 'b', default_percentage_allocation: 40 } })
  expect(refused).toMatchObject({ status: 400, body: { default_percentage_allocation: [expect.stringContaining('“Production”')] } })
  expect((await variants.list({ params })).count).toBe(1)
})

test('decimals that are 100 on paper fit', async () => {
  const { variants, params } = await startFeature()
  for (const share of [33.3, 33.3, 33.4])
    await variants.create({ params, body: { string_value: 'x', default_percentage_allocation: share } })
  await expect(variants.create({ params, body: { string_value: 'x', default_percentage_allocation: 0.1 } })).rejects.toMatchObject({
    status: 400,
  })
})

test('keys are slugs, unique within the feature, and “control” is the feature’s own', async () => {
  const { variants, params, path, authorization } = await startFeature()
  const share = { string_value: 'x', default_percentage_allocation: 1 }
  const { id } = await variants.create({ params, body: { ...share, key: 'one' } })
  const send = async (key: string) => (await server.send('POST', path, { authorization, body: { ...share, key } })).body
  expect(await send('one')).toEqual({ key: ['The feature already has a variant with the key “one”.'] })
  expect(await send('control')).toEqual({ key: ['“control” names the feature’s own value.'] })
  expect(await send('two words')).toEqual({ key: [expect.stringContaining('slug')] })
  expect(
    await variants.replace({ params: { ...params, variant: id }, body: { key: 'one', default_percentage_allocation: 2 } }),
  ).toMatchObject({ key: 'one', string_value: 'x' })
})

test('a deleted variant leaves every state, and the last one makes the feature standard again', async () => {
  const { variants, params, getFeature, getDefault, authorization, inEnvironment } = await startFeature()
  const [one, two] = [
    await variants.create({ params, body: { string_value: 'a', default_percentage_allocation: 10 } }),
    await variants.create({ params, body: { string_value: 'b', default_percentage_allocation: 20 } }),
  ]
  const segment = await server
    .as(authorization, api.segments)
    .create({ params: { project: params.project }, body: { name: 'All', rules: [{ type: 'ALL' }] } })
  const weights = [{ multivariate_feature_option: one.id, percentage_allocation: 70 }]
  const override = await server.as(authorization, api.featureSegments).createOverride({
    params: { ...inEnvironment, feature: params.feature },
    body: { feature_segment: { segment: segment.id }, multivariate_feature_state_values: weights },
  })
  await variants.delete({ params: { ...params, variant: one.id } })
  expect(await lastChange()).toMatchObject({ type: 'variant.deleted', before: { value: 'a' } })
  expect((await getDefault()).multivariate_feature_state_values).toMatchObject([
    { multivariate_feature_option: two.id, percentage_allocation: 20 },
  ])
  const states = server.as(authorization, api.featureStates)
  const after = await states.getTyped({ params: { feature_state: override.id } })
  expect(after).toMatchObject({ multivariate_feature_state_values: [], version: (await getDefault()).version })
  expect(await getFeature()).toMatchObject({ type: 'MULTIVARIATE' })
  await variants.delete({ params: { ...params, variant: two.id } })
  expect(await getFeature()).toMatchObject({ type: 'STANDARD', multivariate_options: [] })
  await expect(variants.get({ params: { ...params, variant: two.id } })).rejects.toMatchObject({ status: 404 })
})

test('variants of another feature or project are not found', async () => {
  const { variants, params, authorization, project } = await startFeature()
  const { id } = await variants.create({ params, body: { string_value: 'a' } })
  const sibling = await server.as(authorization, api.features).create({ params: { project: project.id }, body: { name: 'sibling' } })
  await expect(variants.get({ params: { project: project.id, feature: sibling.id, variant: id } })).rejects.toMatchObject({ status: 404 })
  const other = await startFeature()
  await expect(other.variants.get({ params: { ...other.params, variant: id } })).rejects.toMatchObject({ status: 404 })
  await expect(other.variants.delete({ params: { ...other.params, variant: id } })).rejects.toMatchObject({ status: 404 })
  await expect(other.variants.create({ params: { ...other.params, feature: params.feature }, body: {} })).rejects.toMatchObject({
    status: 404,
  })
})
