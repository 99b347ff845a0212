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

async function startOverrides() {
  const { authorization, project, environment } = await server.makeProject()
  const params = { project: project.id }
  const feature = await server.as(authorization, api.features).create({ params, body: { name: 'beta', initial_value: 'initial' } })
  const places = server.as(authorization, api.featureSegments)
  const place = { environment: environment.id, feature: feature.id }
  return {
    authorization,
    project,
    environment,
    feature,
    params,
    places,
    place,
    states: server.as(authorization, api.featureStates),
    inFeature: { environment_key: environment.api_key, feature: feature.id },
    makeSegment: async (name: string, only?: number) =>
      (await server.as(authorization, api.segments).create({ params, body: { name, feature: only ?? null, rules: [{ type: 'ALL' }] } })).id,
    order: async () => {
      const { results } = await places.list({ query: place })
      expect(results.map(({ priority }) => priority)).toEqual(results.map((_, index) => index))
      return results.map((each) => each.segment_name)
    },
    send: (method: string, path: string, body?: unknown) => server.send(method, path, { authorization, body }),
  }
}

const path = '/api/v1/features/feature-segments/'

test('a place is made first, and its state after it', async () => {
  const { places, place, makeSegment, states, environment, feature, project } = await startOverrides()
  const segment = await makeSegment('Staff')
  const created = await places.create({ body: { ...place, segment } })
  expect(created).toEqual({
    id: expect.any(Number),
    uuid: expect.any(String),
    feature: feature.id,
    segment,
    environment: environment.id,
    priority: 0,
    segment_name: 'Staff',
    is_feature_specific: false,
  })
  expect(await lastChange()).toMatchObject({
    type: 'segment_override.created',
    project_id: project.id,
    environment_id: environment.id,
    subject_id: String(created.id),
  })
  expect(await places.get({ params: { feature_segment: created.id } })).toEqual(created)
  expect(await places.getByUuid({ params: { uuid: created.uuid } })).toEqual(created)
  const state = await states.createTyped({
    body: {
      ...place,
      feature_segment: created.id,
      enabled: true,
      feature_state_value: { type: 'unicode', string_value: 'green', integer_value: null, boolean_value: null },
    },
  })
  expect(state).toMatchObject({
    feature: feature.id,
    environment: environment.id,
    feature_segment: created.id,
    identity: null,
    enabled: true,
    feature_state_value: { type: 'unicode', string_value: 'green', integer_value: null, boolean_value: null },
    multivariate_feature_state_values: [],
  })
  expect(await lastChange()).toMatchObject({
    type: 'segment_override.updated',
    subject_id: String(created.id),
    after: { id: state.id, enabled: true, value: 'green', priority: 0 },
  })
  expect((await states.listTyped({ query: { environment: environment.id, feature_segment: created.id } })).results).toEqual([state])
  await expect(states.createTyped({ body: { ...place, feature_segment: created.id } })).rejects.toMatchObject({ status: 400 })
})

test('an override is made in one step, with the feature’s initial value where none is given', async () => {
  const { places, inFeature, makeSegment, environment } = await startOverrides()
  const segment = await makeSegment('Staff')
  const created = await places.createOverride({ params: inFeature, body: { feature_segment: { segment } } })
  expect(created).toMatchObject({
    enabled: false,
    feature_state_value: { type: 'unicode', string_value: 'initial' },
    feature_segment: { id: expect.any(Number), uuid: expect.any(String), segment, priority: 0 },
    version: 2,
  })
  expect(await lastChange()).toMatchObject({
    type: 'segment_override.created',
    environment_id: environment.id,
    subject_id: String(created.feature_segment.id),
    after: { id: created.id, priority: 0 },
  })
})

test('the override of the strongest segment wins', async () => {
  const { places, inFeature, makeSegment, environment } = await startOverrides()
  const one = await places.createOverride({
    params: inFeature,
    body: { feature_segment: { segment: await makeSegment('One') }, enabled: true, feature_state_value: { integer_value: 1 } },
  })
  const two = await places.createOverride({
    params: inFeature,
    body: { feature_segment: { segment: await makeSegment('Two') }, enabled: true, feature_state_value: { integer_value: 2 } },
  })
  const served = async () =>
    (
      await server.send('POST', '/api/v1/identities/', {
        headers: { 'x-environment-key': environment.api_key },
        body: { identifier: 'ada' },
      })
    ).body
  expect(await served()).toMatchObject({ flags: [{ feature_state_value: 1 }] })
  await places.updatePriorities({ body: [{ id: two.feature_segment.id, priority: 0 }] })
  expect(await served()).toMatchObject({ flags: [{ feature_state_value: 2 }] })
  await places.delete({ params: { feature_segment: two.feature_segment.id } })
  expect(await served()).toMatchObject({ flags: [{ feature_state_value: 1 }] })
  await places.delete({ params: { feature_segment: one.feature_segment.id } })
  expect(await served()).toMatchObject({ flags: [{ feature_state_value: 'initial' }] })
})

test('priorities stay dense whatever is added, moved or removed', async () => {
  const { places, place, makeSegment, order, feature } = await startOverrides()
  const add = async (name: string, priority?: number | null) =>
    (await places.create({ body: { ...place, segment: await makeSegment(name), ...(priority !== undefined && { priority }) } })).id
  const [a, b, c, d] = [await add('a'), await add('b'), await add('c', 0), await add('d', 99)]
  expect(await order()).toEqual(['c', 'a', 'b', 'd'])
  await add('e', null)
  expect(await order()).toEqual(['c', 'a', 'b', 'd', 'e'])
  const moved = await places.updatePriorities({
    body: [
      { id: d, priority: 0 },
      { id: c, priority: 3 },
    ],
  })
  expect(moved.map((each) => each.segment_name)).toEqual(['d', 'a', 'b', 'c', 'e'])
  expect(await lastChange()).toMatchObject({
    type: 'segment_override.reordered',
    subject_id: String(feature.id),
    before: { order: [c, a, b, d, expect.any(Number)] },
    after: { order: [d, a, b, c, expect.any(Number)] },
  })
  await places.updatePriorities({ body: [{ id: a, priority: 1000 }] })
  expect(await order()).toEqual(['d', 'b', 'c', 'e', 'a'])
  await places.delete({ params: { feature_segment: b } })
  expect(await order()).toEqual(['d', 'c', 'e', 'a'])
})

test('an override that comes back has its ids, and begins anew', async () => {
  const { places, inFeature, makeSegment, authorization, params, feature } = await startOverrides()
  const variant = await server
    .as(authorization, api.variants)
    .create({ params: { ...params, feature: feature.id }, body: { string_value: 'x', default_percentage_allocation: 10 } })
  const segment = await makeSegment('Staff')
  const weights = [{ multivariate_feature_option: variant.id, percentage_allocation: 40 }]
  const first = await places.createOverride({
    params: inFeature,
    body: {
      feature_segment: { segment },
      enabled: true,
      feature_state_value: { integer_value: 1 },
      multivariate_feature_state_values: weights,
    },
  })
  await places.delete({ params: { feature_segment: first.feature_segment.id } })
  expect(await lastChange()).toMatchObject({
    type: 'segment_override.deleted',
    subject_id: String(first.feature_segment.id),
    before: { id: first.id, value: 1, priority: 0 },
  })
  await expect(places.get({ params: { feature_segment: first.feature_segment.id } })).rejects.toMatchObject({ status: 404 })
  const [weight] = first.multivariate_feature_state_values
  const again = await places.createOverride({ params: inFeature, body: { feature_segment: { segment } } })
  expect(again).toMatchObject({
    id: first.id,
    uuid: first.uuid,
    enabled: false,
    feature_state_value: { string_value: 'initial' },
    feature_segment: first.feature_segment,
    multivariate_feature_state_values: [{ ...weight, percentage_allocation: 0 }],
    version: first.version + 2,
  })
})

test('one edit of a feature in an environment is one version', async () => {
  const { places, inFeature, makeSegment, environment, feature } = await startOverrides()
  const override = await places.createOverride({
    params: inFeature,
    body: { feature_segment: { segment: await makeSegment('One') }, enabled: true },
  })
  await places.createOverride({
    params: inFeature,
    body: { feature_segment: { segment: await makeSegment('Two'), priority: 0 }, enabled: true },
  })
  await places.delete({ params: { feature_segment: override.feature_segment.id } })
  const headers = await server.control.db
    .selectFrom('feature_versions')
    .selectAll()
    .where('environment_id', '=', environment.id)
    .where('feature_id', '=', feature.id)
    .orderBy('number')
    .execute()
  expect(headers.map(({ number }) => number)).toEqual([1, 2, 3, 4])
  expect(headers[3]).toMatchObject({ author_kind: 'user', author_name: 'Ada Tester' })
  const removed = await server.control.db.selectFrom('feature_states').selectAll().where('id', '=', override.id).executeTakeFirstOrThrow()
  expect(removed).toMatchObject({ version: 4, feature_version_id: headers[3]?.id, removed_at: headers[3]?.live_from })
})

test('a segment overrides a feature once, and one made for a feature only that one', async () => {
  const { places, place, inFeature, makeSegment, authorization, params, send } = await startOverrides()
  const segment = await makeSegment('Staff')
  await places.create({ body: { ...place, segment } })
  expect(await send('POST', path, { ...place, segment })).toMatchObject({
    status: 400,
    body: { non_field_errors: ['The segment “Staff” already overrides “beta” in Production.'] },
  })
  const other = await server.as(authorization, api.features).create({ params, body: { name: 'other' } })
  const only = await makeSegment('Only other', other.id)
  expect(await send('POST', path, { ...place, segment: only })).toMatchObject({
    status: 400,
    body: { segment: [expect.stringContaining('made for another feature')] },
  })
  await expect(places.createOverride({ params: inFeature, body: { feature_segment: { segment: only } } })).rejects.toMatchObject({
    status: 400,
    errors: { feature_segment: { segment: [expect.stringContaining('made for another feature')] } },
  })
  const allowed = await places.create({ body: { ...place, feature: other.id, segment: only } })
  expect(allowed).toMatchObject({ is_feature_specific: true })
})

test('a segment or feature of another project does not exist', async () => {
  const { place, makeSegment, send, places, inFeature, states } = await startOverrides()
  const other = await startOverrides()
  const foreign = await other.makeSegment('Theirs')
  const missing = (id: number) => [`Invalid pk "${id}" - object does not exist.`]
  expect(await send('POST', path, { ...place, segment: foreign })).toMatchObject({ status: 400, body: { segment: missing(foreign) } })
  const own = await makeSegment('Ours')
  expect(await send('POST', path, { ...place, feature: other.feature.id, segment: own })).toMatchObject({
    status: 400,
    body: { feature: missing(other.feature.id) },
  })
  expect(await send('POST', path, { ...place, environment: other.environment.id, segment: own })).toMatchObject({ status: 404 })
  await expect(
    places.createOverride({ params: { ...inFeature, feature: other.feature.id }, body: { feature_segment: { segment: own } } }),
  ).rejects.toMatchObject({ status: 404 })
  const theirs = await other.places.create({ body: { ...other.place, segment: foreign } })
  await expect(states.createTyped({ body: { ...place, feature_segment: theirs.id } })).rejects.toMatchObject({
    status: 400,
    errors: { feature_segment: missing(theirs.id) },
  })
  expect((await send('GET', `${path}${theirs.id}/`)).status).toBe(404)
  expect((await send('DELETE', `${path}${theirs.id}/`)).status).toBe(404)
  expect((await send('GET', `${path}get-by-uuid/${theirs.uuid}/`)).status).toBe(404)
})

test('priorities are moved within one feature only', async () => {
  const { places, place, makeSegment, authorization, params, send } = await startOverrides()
  const move = (body: unknown) => send('POST', `${path}update-priorities/`, body)
  const segment = await makeSegment('Staff')
  const one = await places.create({ body: { ...place, segment } })
  const sibling = await server.as(authorization, api.features).create({ params, body: { name: 'sibling' } })
  const two = await places.create({ body: { ...place, feature: sibling.id, segment } })
  const other = await startOverrides()
  const theirs = await other.places.create({ body: { ...other.place, segment: await other.makeSegment('Theirs') } })
  expect(
    await move([
      { id: one.id, priority: 0 },
      { id: two.id, priority: 1 },
    ]),
  ).toMatchObject({ status: 400, body: { non_field_errors: [expect.stringContaining('same feature')] } })
  expect(
    await move([
      { id: one.id, priority: 0 },
      { id: theirs.id, priority: 1 },
    ]),
  ).toMatchObject({ status: 400, body: { non_field_errors: [expect.stringContaining('not found')] } })
  expect((await move([{ id: theirs.id, priority: 0 }])).status).toBe(404)
  expect(await move([])).toMatchObject({ status: 400, body: { non_field_errors: ['This list may not be empty.'] } })
  expect(await move([{ id: one.id }])).toMatchObject({ status: 400, body: [{ priority: ['This field is required.'] }] })
  expect(await move({ id: one.id })).toMatchObject({ status: 400, body: { non_field_errors: ['Expected a list of items.'] } })
  expect(await move([{ priority: 0 }])).toMatchObject({ status: 400, body: [{ id: ['This field is required.'] }] })
})

test('a list asks for environment and feature', async () => {
  const { send, environment, authorization } = await startOverrides()
  expect(await send('GET', path)).toMatchObject({
    status: 400,
    body: { environment: ['This field is required.'], feature: ['This field is required.'] },
  })
  const { body } = await server.send('GET', `${path}?environment=${environment.id}`, { authorization })
  expect(body).toEqual({ feature: ['This field is required.'] })
})

test('two hundred people who reorder at once leave one dense order', async () => {
  const { places, place, makeSegment, order } = await startOverrides()
  const ids: number[] = []
  for (const name of ['a', 'b', 'c', 'd', 'e']) ids.push((await places.create({ body: { ...place, segment: await makeSegment(name) } })).id)
  const moves = Array.from({ length: 200 }, (_, index) => ids.map((id, position) => ({ id, priority: (position * 3 + index) % 7 })))
  const move = (body: (typeof moves)[number]) =>
    places.updatePriorities({ body }).then(
      (moved) => moved.map(({ priority }) => priority),
      // Sent away unheard by a server that has too much to do.
      (error: { status: number }) => (error.status === 503 ? [0, 1, 2, 3, 4] : error),
    )
  for (const answer of await Promise.all(moves.map(move))) expect(answer).toEqual([0, 1, 2, 3, 4])
  expect((await order()).toSorted()).toEqual(['a', 'b', 'c', 'd', 'e'])
})

test('a move to where an override stands already is no change', async () => {
  const { places, place, makeSegment } = await startOverrides()
  const { id } = await places.create({ body: { ...place, segment: await makeSegment('a') } })
  const before = await lastChange()
  expect(await places.updatePriorities({ body: [{ id, priority: 0 }] })).toHaveLength(1)
  expect(await lastChange()).toEqual(before)
})
