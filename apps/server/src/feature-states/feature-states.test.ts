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

async function startState() {
  const { authorization, project, environment } = await server.makeProject()
  const params = { project: project.id }
  const feature = await server.as(authorization, api.features).create({ params, body: { name: 'beta', initial_value: 'one' } })
  const states = server.as(authorization, api.featureStates)
  const inEnvironment = { environment_key: environment.api_key }
  const [state] = (await states.list({ params: inEnvironment })).results
  if (!state) throw new Error('The feature has no default.')
  const path = `/api/v1/environments/${environment.api_key}/featurestates/${state.id}/`
  return {
    authorization,
    project,
    environment,
    feature,
    params,
    states,
    inEnvironment,
    state,
    one: { ...inEnvironment, feature_state: state.id },
    patch: (body: unknown) => server.send('PATCH', path, { authorization, body }),
    patchTyped: (body: unknown) => server.send('PATCH', `/api/v1/features/featurestates/${state.id}/`, { authorization, body }),
    served: async () => (await server.send('GET', '/api/v1/flags/', { headers: { 'x-environment-key': environment.api_key } })).body,
  }
}

test('a default is shown with its value as it is, or by type', async () => {
  const { states, state, one, environment, feature } = await startState()
  expect(state).toEqual({
    id: expect.any(Number),
    uuid: expect.any(String),
    feature: feature.id,
    environment: environment.id,
    enabled: false,
    feature_state_value: 'one',
    multivariate_feature_state_values: [],
    identity: null,
    feature_segment: null,
    version: 1,
    live_from: expect.stringMatching(/Z$/),
    created_at: expect.stringMatching(/Z$/),
    updated_at: expect.stringMatching(/Z$/),
    deleted_at: null,
    change_request: null,
    environment_feature_version: null,
  })
  expect(await states.get({ params: one })).toEqual(state)
  const typed = { ...state, feature_state_value: { type: 'unicode', string_value: 'one', integer_value: null, boolean_value: null } }
  expect(await states.getTyped({ params: { feature_state: state.id } })).toEqual(typed)
  expect(await states.getTypedByUuid({ params: { uuid: state.uuid } })).toEqual(typed)
  expect((await states.listTyped({ query: { environment: environment.id } })).results).toEqual([typed])
})

test('a change is a new version, recorded and served at once; what is absent stays', async () => {
  const { states, state, one, environment, project, served } = await startState()
  const after = await states.update({ params: one, body: { enabled: true } })
  expect(after).toMatchObject({ id: state.id, enabled: true, feature_state_value: 'one', version: 2 })
  expect(after.live_from > state.live_from && after.updated_at === after.live_from).toBe(true)
  expect(after.created_at).toBe(state.created_at)
  expect(await lastChange()).toMatchObject({
    type: 'feature_state.updated',
    project_id: project.id,
    environment_id: environment.id,
    subject_id: String(state.id),
    before: { enabled: false, value: 'one', version: 1 },
    after: { enabled: true, value: 'one', version: 2 },
  })
  expect(await served()).toMatchObject([{ enabled: true, feature_state_value: 'one' }])
  const header = await server.control.db
    .selectFrom('feature_versions')
    .selectAll()
    .where('environment_id', '=', environment.id)
    .where('number', '=', 2)
    .executeTakeFirst()
  expect(header).toMatchObject({ feature_id: state.feature, author_kind: 'user', author_name: 'Ada Tester' })
})

test('values of every kind go in and come out', async () => {
  const { states, one, state, served } = await startState()
  for (const value of ['text', '', '42', 42, -7, 9_007_199_254_740_991, true, false, null]) {
    expect(await states.replace({ params: one, body: { feature_state_value: value } })).toMatchObject({ feature_state_value: value })
    expect(await served()).toMatchObject([{ feature_state_value: value }])
  }
  const typed = { params: { feature_state: state.id } }
  expect(
    await states.replaceTyped({ ...typed, body: { feature_state_value: { type: 'int', integer_value: 5, string_value: 'ignored' } } }),
  ).toMatchObject({
    feature_state_value: { type: 'int', integer_value: 5, string_value: null, boolean_value: null },
  })
  expect(
    await states.updateTyped({ ...typed, body: { enabled: true, feature_state_value: { type: 'bool', boolean_value: false } } }),
  ).toMatchObject({
    enabled: true,
    feature_state_value: { type: 'bool', boolean_value: false },
  })
  expect(await states.updateTyped({ ...typed, body: { enabled: false } })).toMatchObject({
    enabled: false,
    feature_state_value: { type: 'bool', boolean_value: false },
  })
})

test('what is no value is refused by its field', async () => {
  const { patch, patchTyped } = await startState()
  expect(await patch({ feature_state_value: 1e300 })).toMatchObject({
    status: 400,
    body: { feature_state_value: ['A valid integer is required.'] },
  })
  for (const value of [1.5, { a: 1 }, [1]]) {
    expect(await patch({ feature_state_value: value })).toMatchObject({
      status: 400,
      body: { feature_state_value: ['A value is a text, an integer, a boolean or null.'] },
    })
  }
  expect(await patch({ feature_state_value: 'x'.repeat(20_001) })).toMatchObject({
    status: 400,
    body: { feature_state_value: [expect.stringContaining('20000')] },
  })
  expect((await patch({ feature_state_value: '€'.repeat(20_000) })).status).toBe(200)
  expect(await patch({ enabled: null })).toMatchObject({ status: 400, body: { enabled: ['This field may not be null.'] } })
  expect(await patchTyped({ feature_state_value: { type: 'float' } })).toMatchObject({
    status: 400,
    body: { feature_state_value: { type: ['"float" is not a valid choice.'] } },
  })
  expect(await patchTyped({ feature_state_value: { type: 'int' } })).toMatchObject({
    status: 400,
    body: { feature_state_value: { integer_value: ['This field is required.'] } },
  })
})

test('whole objects can be sent back: what cannot be written is ignored', async () => {
  const { patch, state } = await startState()
  const whole = { ...state, enabled: true, id: 1, feature: 1, environment: 1, version: 77, uuid: 'x', feature_segment: 5 }
  expect(await patch(whole)).toMatchObject({
    status: 200,
    body: { ...state, enabled: true, version: 2, live_from: expect.any(String), updated_at: expect.any(String) },
  })
})

test('weights decide who gets which variant; those that are not listed get nothing', async () => {
  const { authorization, params, feature, states, one, state, patch, environment } = await startState()
  const variants = server.as(authorization, api.variants)
  const add = (value: string) =>
    variants.create({ params: { ...params, feature: feature.id }, body: { string_value: value, default_percentage_allocation: 10 } })
  const [a, b] = [await add('a'), await add('b')]
  const weigh = (weights: Record<number, number>) =>
    Object.entries(weights).map(([id, share]) => ({ multivariate_feature_option: Number(id), percentage_allocation: share }))
  const ids = (await states.get({ params: one })).multivariate_feature_state_values.map(({ id }) => id)
  const after = await states.update({ params: one, body: { enabled: true, multivariate_feature_state_values: weigh({ [b.id]: 100 }) } })
  expect(after.multivariate_feature_state_values).toEqual([
    { id: ids[0], multivariate_feature_option: a.id, percentage_allocation: 0 },
    { id: ids[1], multivariate_feature_option: b.id, percentage_allocation: 100 },
  ])
  const answer = await server.send('POST', '/api/v1/identities/', {
    headers: { 'x-environment-key': environment.api_key },
    body: { identifier: 'ada' },
  })
  expect(answer.body).toMatchObject({ flags: [{ feature_state_value: 'b' }] })
  expect((await patch({ multivariate_feature_state_values: weigh({ [a.id]: 33.4, [b.id]: 66.6 }) })).status).toBe(200)
  expect((await states.update({ params: one, body: { enabled: false } })).multivariate_feature_state_values).toMatchObject([
    { percentage_allocation: 33.4 },
    { percentage_allocation: 66.6 },
  ])
  const refused: [unknown, unknown][] = [
    [weigh({ [a.id]: 60, [b.id]: 60 }), ['The percentages add up to more than 100.']],
    [[...weigh({ [a.id]: 1 }), ...weigh({ [a.id]: 2 })], ['A variant is listed twice.']],
    [weigh({ [a.id]: -1 }), [{ percentage_allocation: ['Ensure this value is greater than or equal to 0.'] }]],
    [weigh({ [a.id]: 1, 999_999: 1 }), [{}, { multivariate_feature_option: ['Invalid pk "999999" - object does not exist.'] }]],
  ]
  for (const [weights, errors] of refused) {
    expect(await patch({ multivariate_feature_state_values: weights })).toMatchObject({
      status: 400,
      body: { multivariate_feature_state_values: errors },
    })
  }
  expect(state.id).toBe(after.id)
})

test('a list is narrowed by feature, and shows identities’ overrides only when asked', async () => {
  const { states, inEnvironment, authorization, params, environment, feature } = await startState()
  const second = await server.as(authorization, api.features).create({ params, body: { name: 'second' } })
  const ada = await server.as(authorization, api.identities).create({ params: inEnvironment, body: { identifier: 'ada' } })
  await server
    .as(authorization, api.identityOverrides)
    .create({ params: { ...inEnvironment, identity: ada.id }, body: { feature: feature.id, enabled: true } })
  const features = async (query: object) => (await states.list({ params: inEnvironment, query })).results.map((state) => state.feature)
  expect(await features({})).toEqual([feature.id, second.id])
  expect(await features({ feature: second.id })).toEqual([second.id])
  expect(await features({ feature_name: 'beta' })).toEqual([feature.id])
  expect(await features({ feature_name: 'bet' })).toEqual([])
  expect(await states.list({ params: inEnvironment, query: { anyIdentity: '1' } })).toMatchObject({
    count: 1,
    results: [{ identity: { id: ada.id, identifier: 'ada' }, enabled: true }],
  })
  expect((await states.listTyped({ query: { environment: environment.id } })).count).toBe(2)
  expect((await states.list({ params: inEnvironment, query: { page_size: 1 } })).next).toContain('page=2')
})

test('a segment’s override is written through the same addresses', async () => {
  const { states, inEnvironment, authorization, params, feature, environment } = await startState()
  const segment = await server.as(authorization, api.segments).create({ params, body: { name: 'All', rules: [{ type: 'ALL' }] } })
  const override = await server
    .as(authorization, api.featureSegments)
    .createOverride({ params: { ...inEnvironment, feature: feature.id }, body: { feature_segment: { segment: segment.id } } })
  const after = await states.update({
    params: { ...inEnvironment, feature_state: override.id },
    body: { enabled: true, feature_state_value: 3 },
  })
  expect(after).toMatchObject({
    enabled: true,
    feature_state_value: 3,
    feature_segment: override.feature_segment.id,
    version: override.version + 1,
  })
  expect(await lastChange()).toMatchObject({
    type: 'segment_override.updated',
    environment_id: environment.id,
    subject_id: String(override.feature_segment.id),
    before: { enabled: false },
    after: { enabled: true, value: 3 },
  })
})

test('an identity’s override counts its own versions', async () => {
  const { states, inEnvironment, authorization, feature, environment } = await startState()
  const ada = await server.as(authorization, api.identities).create({ params: inEnvironment, body: { identifier: 'ada' } })
  const override = await server
    .as(authorization, api.identityOverrides)
    .create({ params: { ...inEnvironment, identity: ada.id }, body: { feature: feature.id, enabled: true } })
  expect(await states.update({ params: { ...inEnvironment, feature_state: override.id }, body: { enabled: false } })).toMatchObject({
    version: 2,
    identity: { identifier: 'ada' },
  })
  expect(await lastChange()).toMatchObject({ type: 'identity_override.updated', subject_id: String(override.id) })
  const headers = await server.control.db.selectFrom('feature_versions').selectAll().where('environment_id', '=', environment.id).execute()
  expect(headers).toHaveLength(1)
})

test('states of another environment or project are not found', async () => {
  const { states, state, authorization, project, inEnvironment } = await startState()
  const staging = await server.as(authorization, api.environments).create({ body: { name: 'Staging', project: project.id } })
  await expect(states.get({ params: { environment_key: staging.api_key, feature_state: state.id } })).rejects.toMatchObject({ status: 404 })
  await expect(states.update({ params: { environment_key: staging.api_key, feature_state: state.id }, body: {} })).rejects.toMatchObject({
    status: 404,
  })
  const other = await startState()
  await expect(
    states.update({ params: { ...inEnvironment, feature_state: other.state.id }, body: { enabled: true } }),
  ).rejects.toMatchObject({ status: 404 })
  await expect(states.updateTyped({ params: { feature_state: other.state.id }, body: { enabled: true } })).rejects.toMatchObject({
    status: 404,
  })
  await expect(states.getTypedByUuid({ params: { uuid: other.state.uuid } })).rejects.toMatchObject({ status: 404 })
  await expect(states.listTyped({ query: { environment: other.environment.id } })).rejects.toMatchObject({ status: 404 })
})

test('a segment’s override has its place in its own environment only', async () => {
  const { states, authorization, project, params, feature, environment } = await startState()
  const staging = await server.as(authorization, api.environments).create({ body: { name: 'Staging', project: project.id } })
  const segment = await server.as(authorization, api.segments).create({ params, body: { name: 'All', rules: [{ type: 'ALL' }] } })
  const place = await server
    .as(authorization, api.featureSegments)
    .create({ body: { environment: environment.id, feature: feature.id, segment: segment.id } })
  const elsewhere = states.createTyped({ body: { environment: staging.id, feature: feature.id, feature_segment: place.id } })
  await expect(elsewhere).rejects.toMatchObject({ status: 400, errors: { feature_segment: [expect.any(String)] } })
})
