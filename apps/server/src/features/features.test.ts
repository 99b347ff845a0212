import { api } from '@halyard/contract'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { joinAs } from '../testing/matrix/fixture.ts'
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

async function startFeatures() {
  const { authorization, project, environment, organisation } = await server.makeProject()
  const params = { project: project.id }
  const path = `/api/v1/projects/${project.id}/features/`
  return {
    authorization,
    organisation,
    project,
    environment,
    params,
    path,
    features: server.as(authorization, api.features),
    states: server.as(authorization, api.featureStates),
    post: (body: unknown, below = '') => server.send('POST', `${path}${below}`, { authorization, body }),
    names: async (query: string) => {
      const { status, body } = await server.send('GET', `${path}?${query}`, { authorization })
      expect({ status, body }).toMatchObject({ status: 200 })
      return api.features.list.reply.parse(body).results.map((feature) => feature.name)
    },
  }
}

async function makeTag(authorization: string, project: { id: number }, label: string) {
  return (await server.as(authorization, api.tags).create({ params: { project: project.id }, body: { label } })).id
}

test('a feature has a name, and the rest has defaults', async () => {
  const { features, params, project } = await startFeatures()
  const created = await features.create({ params, body: { name: 'beta' } })
  expect(created).toEqual({
    id: expect.any(Number),
    uuid: expect.any(String),
    name: 'beta',
    type: 'STANDARD',
    default_enabled: false,
    initial_value: null,
    created_date: expect.stringMatching(/Z$/),
    description: null,
    tags: [],
    multivariate_options: [],
    is_archived: false,
    is_server_key_only: false,
    owners: [
      {
        id: expect.any(Number),
        uuid: expect.any(String),
        email: expect.stringContaining('@'),
        first_name: 'Ada',
        last_name: 'Tester',
        last_login: null,
      },
    ],
    group_owners: [],
    project: project.id,
    environment_feature_state: null,
    segment_feature_state: null,
    num_segment_overrides: 0,
    num_identity_overrides: 0,
    is_num_identity_overrides_complete: true,
    last_modified_in_any_environment: expect.stringMatching(/Z$/),
    last_modified_in_current_environment: null,
    metadata: [],
    code_references_counts: [],
    lifecycle_stage: null,
  })
  expect(await lastChange()).toMatchObject({
    type: 'feature.created',
    project_id: project.id,
    environment_id: null,
    after: { name: 'beta', tags: [] },
  })
  expect(await features.get({ params: { ...params, feature: created.id } })).toEqual(created)
  expect(await features.getByUuid({ params: { uuid: created.uuid } })).toEqual(created)
  expect(await features.list({ params })).toEqual({ count: 1, next: null, previous: null, results: [created] })
})

test('initial values of any kind are kept as text and served as what they say', async () => {
  const { features, params, states, environment } = await startFeatures()
  for (const [name, value] of [
    ['size', 24],
    ['open', true],
    ['words', 'twenty'],
    ['none', null],
  ] as const) {
    const created = await features.create({ params, body: { name, initial_value: value, default_enabled: true } })
    expect(created.initial_value).toBe(value === null ? null : String(value))
    const { results } = await states.list({ params: { environment_key: environment.api_key }, query: { feature: created.id } })
    expect(results).toMatchObject([{ enabled: true, feature_state_value: value }])
  }
})

test('variants that come with a new feature have their default weight everywhere', async () => {
  const { features, params, states, environment } = await startFeatures()
  const feature = await features.create({
    params,
    body: {
      name: 'button',
      multivariate_options: [
        { type: 'unicode', string_value: 'a', default_percentage_allocation: 20 },
        { integer_value: 5, key: 'five', default_percentage_allocation: 30 },
      ],
    },
  })
  expect(feature).toMatchObject({
    type: 'MULTIVARIATE',
    multivariate_options: [
      { type: 'unicode', string_value: 'a', integer_value: null, boolean_value: null, key: null, default_percentage_allocation: 20 },
      { type: 'int', string_value: null, integer_value: 5, boolean_value: null, key: 'five', default_percentage_allocation: 30 },
    ],
  })
  const { results } = await states.list({ params: { environment_key: environment.api_key }, query: { feature: feature.id } })
  const [first, second] = feature.multivariate_options
  expect(results[0]?.multivariate_feature_state_values).toEqual([
    { id: expect.any(Number), multivariate_feature_option: first?.id, percentage_allocation: 20 },
    { id: expect.any(Number), multivariate_feature_option: second?.id, percentage_allocation: 30 },
  ])
})

test('names are unique in a project whatever their case, and free again after deletion', async () => {
  const { features, params, post, project } = await startFeatures()
  const { id } = await features.create({ params, body: { name: 'Beta' } })
  const taken = await post({ name: 'bETA' })
  expect(taken).toMatchObject({
    status: 400,
    body: {
      name: [
        'Feature with that name already exists for this project. Note that feature names are case insensitive.',
        `It is “Beta” (id ${id}) of the project “Shop”.`,
      ],
    },
  })
  const other = await startFeatures()
  expect((await other.post({ name: 'Beta' })).status).toBe(201)
  await features.delete({ params: { ...params, feature: id } })
  expect(await lastChange()).toMatchObject({ type: 'feature.deleted', project_id: project.id, subject_id: String(id) })
  expect((await post({ name: 'beta' })).status).toBe(201)
})

test('a deleted feature is gone, and so are its states', async () => {
  const { features, states, params, environment, authorization } = await startFeatures()
  const { id, uuid } = await features.create({ params, body: { name: 'old' } })
  const inEnvironment = { environment_key: environment.api_key }
  const [state] = (await states.list({ params: inEnvironment })).results
  await features.delete({ params: { ...params, feature: id } })
  await expect(features.get({ params: { ...params, feature: id } })).rejects.toMatchObject({ status: 404 })
  await expect(features.getByUuid({ params: { uuid } })).rejects.toMatchObject({ status: 404 })
  await expect(states.get({ params: { ...inEnvironment, feature_state: state?.id ?? 0 } })).rejects.toMatchObject({ status: 404 })
  expect((await states.list({ params: inEnvironment })).count).toBe(0)
  const flags = await server.send('GET', '/api/v1/flags/', { headers: { 'x-environment-key': environment.api_key } })
  expect(flags.body).toEqual([])
  expect((await server.send('DELETE', `/api/v1/projects/${params.project}/features/${id}/`, { authorization })).status).toBe(404)
})

test('what is fixed at creation is ignored afterwards, and fields that are absent stay', async () => {
  const { features, params, authorization, project, path } = await startFeatures()
  const tag = await makeTag(authorization, project, 'Checkout')
  const { id } = await features.create({ params, body: { name: 'beta', initial_value: 'one', description: 'Old', tags: [tag] } })
  const whole = await features.get({ params: { ...params, feature: id } })
  const sentBack = {
    ...whole,
    initial_value: 'two',
    default_enabled: true,
    type: 'MULTIVARIATE',
    description: 'New',
    is_archived: true,
  }
  const { status, body } = await server.send('PUT', `${path}${id}/`, { authorization, body: sentBack })
  expect({ status, body }).toMatchObject({
    status: 200,
    body: { ...whole, description: 'New', is_archived: true, last_modified_in_any_environment: expect.any(String) },
  })
  expect(await lastChange()).toMatchObject({
    type: 'feature.updated',
    before: { description: 'Old', is_archived: false },
    after: { description: 'New', is_archived: true, tags: [tag] },
  })
  expect(await features.update({ params: { ...params, feature: id }, body: { is_server_key_only: true } })).toMatchObject({
    description: 'New',
    is_server_key_only: true,
    tags: [tag],
  })
  expect(await features.update({ params: { ...params, feature: id }, body: { tags: [] } })).toMatchObject({ tags: [] })
})

test('a feature that is renamed says what it was called, keeps its id and is served under the new name', async () => {
  const { features, params, authorization, path, environment } = await startFeatures()
  const { id } = await features.create({ params, body: { name: 'beta', default_enabled: true } })
  await features.create({ params, body: { name: 'Taken' } })
  const one = { ...params, feature: id }
  expect(await features.update({ params: one, body: { name: 'Beta' } })).toMatchObject({ id, name: 'Beta', renamed: { from: 'beta' } })
  const whole = await features.get({ params: one })
  const sentBack = await server.send('PUT', `${path}${id}/`, { authorization, body: { ...whole, name: 'gamma' } })
  expect(sentBack).toMatchObject({
    status: 200,
    body: { id, name: 'gamma', renamed: { from: 'Beta', warning: expect.stringContaining('“Beta”') } },
  })
  expect(await lastChange()).toMatchObject({ type: 'feature.updated', before: { name: 'Beta' }, after: { name: 'gamma' } })
  const flags = await server.send('GET', '/api/v1/flags/', { headers: { 'x-environment-key': environment.api_key } })
  expect(flags.body).toMatchObject([{ feature: { id, name: 'gamma' }, enabled: true }, { feature: { name: 'Taken' } }])
  expect(await features.update({ params: one, body: { description: 'Same name' } })).toMatchObject({ renamed: null })
  await expect(features.update({ params: one, body: { name: 'taken' } })).rejects.toMatchObject({
    status: 400,
    errors: { name: expect.anything() },
  })
  await server.as(authorization, api.projects).update({ params, body: { feature_name_regex: '[a-z]+' } })
  await expect(features.update({ params: one, body: { name: 'Gamma 2' } })).rejects.toMatchObject({ status: 400 })
})

test('many features are archived and tagged in one edit, or none of them', async () => {
  const { features, params, authorization, project, names } = await startFeatures()
  const [red, blue] = [await makeTag(authorization, project, 'red'), await makeTag(authorization, project, 'blue')]
  const made = []
  for (const name of ['one', 'two', 'three']) made.push(await features.create({ params, body: { name, tags: [red] } }))
  const [one, two, three] = made.map(({ id }) => id)
  if (one === undefined || two === undefined || three === undefined) throw new Error('Three features were made.')
  const ids = [three, one, three]
  const { features: updated } = await features.updateMany({
    params,
    body: { features: ids, is_archived: true, add_tags: [blue], remove_tags: [red] },
  })
  expect(updated).toMatchObject([
    { id: three, is_archived: true, tags: [blue] },
    { id: one, is_archived: true, tags: [blue] },
  ])
  expect(await lastChange()).toMatchObject({
    type: 'feature.updated',
    subject_id: String(one),
    before: { is_archived: false, tags: [red] },
    after: { is_archived: true, tags: [blue] },
  })
  expect(await names('is_archived=false')).toEqual(['two'])
  const other = await startFeatures()
  const { id: foreign } = await other.features.create({ params: other.params, body: { name: 'theirs' } })
  const unknown = { status: 400, errors: { features: [`Invalid pk "${foreign}" - object does not exist.`] } }
  await expect(features.updateMany({ params, body: { features: [one, foreign], is_archived: false } })).rejects.toMatchObject(unknown)
  await expect(features.deleteMany({ params, body: { features: [two, foreign] } })).rejects.toMatchObject(unknown)
  expect(await names('is_archived=false')).toEqual(['two'])
  await features.deleteMany({ params, body: { features: [one, three] } })
  expect(await names('')).toEqual(['two'])
})

test('a list can begin with what changed last', async () => {
  const { features, params, names, states, environment, authorization, project } = await startFeatures()
  const staging = await server.as(authorization, api.environments).create({ body: { name: 'Staging', project: project.id } })
  for (const name of ['one', 'two', 'three']) await features.create({ params, body: { name } })
  const change = async (key: string, name: string) => {
    const { results } = await states.list({ params: { environment_key: key }, query: { feature_name: name } })
    await states.update({ params: { environment_key: key, feature_state: results[0]?.id ?? 0 }, body: { enabled: true } })
  }
  await change(environment.api_key, 'two')
  await change(staging.api_key, 'one')
  const newest = 'sort_field=last_modified&sort_direction=DESC'
  expect(await names(newest)).toEqual(['one', 'two', 'three'])
  expect(await names(`${newest}&environment=${environment.id}`)).toEqual(['two', 'three', 'one'])
})

test('tags and owners of others are refused by their field', async () => {
  const { post, features, params } = await startFeatures()
  const other = await startFeatures()
  const tag = await makeTag(other.authorization, other.project, 'Theirs')
  const [stranger] = (await other.features.create({ params: other.params, body: { name: 'x' } })).owners
  expect(await post({ name: 'beta', tags: [tag] })).toMatchObject({
    status: 400,
    body: { tags: [`Invalid pk "${tag}" - object does not exist.`] },
  })
  expect(await post({ name: 'beta', owners: [stranger?.id] })).toMatchObject({
    status: 400,
    body: { owners: ['Some users not found', expect.stringContaining(`${stranger?.id}: `)] },
  })
  const { id } = await features.create({ params, body: { name: 'beta' } })
  expect(await post({ user_ids: [stranger?.id] }, `${id}/add-owners/`)).toMatchObject({
    status: 400,
    body: { user_ids: ['Some users not found', expect.any(String)] },
  })
  expect(await post({ user_ids: [stranger?.id] }, `${id}/remove-owners/`)).toMatchObject({ status: 400 })
  await expect(features.update({ params: { ...params, feature: id }, body: { tags: [tag] } })).rejects.toMatchObject({ status: 400 })
})

test('features of another project are not found', async () => {
  const { authorization, path } = await startFeatures()
  const other = await startFeatures()
  const { id, uuid } = await other.features.create({ params: other.params, body: { name: 'theirs' } })
  for (const [method, below] of [
    ['GET', ''],
    ['PATCH', ''],
    ['DELETE', ''],
    ['POST', 'add-owners/'],
    ['POST', 'remove-owners/'],
  ] as const) {
    const body = method === 'POST' ? { user_ids: [] } : method === 'PATCH' ? {} : undefined
    expect((await server.send(method, `${path}${id}/${below}`, { authorization, body })).status).toBe(404)
  }
  expect((await server.send('GET', `/api/v1/features/get-by-uuid/${uuid}/`, { authorization })).status).toBe(404)
})

test('bad bodies name the field', async () => {
  const { post } = await startFeatures()
  const refused: [unknown, unknown][] = [
    [{}, { name: ['This field is required.'] }],
    [{ name: '  ' }, { name: ['This field may not be blank.'] }],
    [{ name: 'x'.repeat(2001) }, { name: ['Ensure this field has no more than 2000 characters.'] }],
    [{ name: 'a', initial_value: 'x'.repeat(20_001) }, { initial_value: ['Ensure this field has no more than 20000 characters.'] }],
    [{ name: 'a', initial_value: {} }, { initial_value: ['A value is a text, an integer, a boolean or null.'] }],
    [{ name: 'a', tags: 4 }, { tags: ['Expected a list of items.'] }],
    [{ name: 'a', default_enabled: 'yes' }, { default_enabled: ['Must be a valid boolean.'] }],
    [
      { name: 'a', multivariate_options: [{}, { type: 'int' }] },
      { multivariate_options: [{}, { integer_value: ['This field is required.'] }] },
    ],
    [
      {
        name: 'a',
        multivariate_options: [
          { string_value: 'x', default_percentage_allocation: 60 },
          { string_value: 'y', default_percentage_allocation: 60 },
        ],
      },
      { multivariate_options: ['The default percentages of the feature’s variants add up to more than 100.'] },
    ],
    [
      {
        name: 'a',
        multivariate_options: [
          { key: 'k', default_percentage_allocation: 1 },
          { key: 'k', default_percentage_allocation: 1 },
        ],
      },
      { multivariate_options: [{}, { key: ['The feature already has a variant with the key “k”.'] }] },
    ],
  ]
  const answers = []
  for (const [body] of refused) answers.push(await post(body))
  expect(answers).toMatchObject(refused.map(([, errors]) => ({ status: 400, body: errors })))
})

test('a project can ask names to follow a pattern, as a whole', async () => {
  const { authorization, params, post } = await startFeatures()
  await server.as(authorization, api.projects).update({ params, body: { feature_name_regex: '[a-z_]+|[A-Z]{3}' } })
  expect(await post({ name: 'camelCase' })).toMatchObject({
    status: 400,
    body: { name: ['Feature name must match regex: [a-z_]+|[A-Z]{3}'] },
  })
  expect((await post({ name: 'snake_case' })).status).toBe(201)
  expect((await post({ name: 'ABC' })).status).toBe(201)
  expect((await post({ name: 'ABCD' })).status).toBe(400)
})

test('a project can keep defaults from new features', async () => {
  const { authorization, params, features, states, environment } = await startFeatures()
  await server.as(authorization, api.projects).update({ params, body: { prevent_flag_defaults: true } })
  await features.create({ params, body: { name: 'beta', default_enabled: true, initial_value: 'one' } })
  const { results } = await states.list({ params: { environment_key: environment.api_key } })
  expect(results).toMatchObject([{ enabled: false, feature_state_value: null }])
})

test('a project can insist on owners', async () => {
  const { authorization, params, features, organisation, path } = await startFeatures()
  await server.as(authorization, api.projects).update({ params, body: { enforce_feature_owners: true } })
  const { id, owners } = await features.create({ params, body: { name: 'mine' } })
  const me = owners[0]?.id ?? 0
  const one = { ...params, feature: id }
  await expect(features.removeOwners({ params: one, body: { user_ids: [me] } })).rejects.toMatchObject({
    status: 400,
    errors: { user_ids: ['Every feature of the project “Shop” needs an owner.'] },
  })
  const key = await server
    .as(authorization, api.masterApiKeys)
    .create({ params: { organisation: organisation.id }, body: { name: 'CI', is_admin: true } })
  const byKey = { authorization: `Api-Key ${key.key}` }
  expect(await server.send('POST', path, { ...byKey, body: { name: 'nobody’s' } })).toMatchObject({
    status: 400,
    body: { owners: [expect.stringContaining('needs an owner')] },
  })
  expect(await server.send('POST', path, { ...byKey, body: { name: 'given', owners: [me] } })).toMatchObject({
    status: 201,
    body: { owners: [{ id: me }] },
  })
})

test('owners come and go', async () => {
  const { features, params } = await startFeatures()
  const { id, owners } = await features.create({ params, body: { name: 'beta' } })
  const me = owners[0]?.id ?? 0
  const one = { ...params, feature: id }
  expect(await features.removeOwners({ params: one, body: { user_ids: [me] } })).toMatchObject({ owners: [] })
  expect(await lastChange()).toMatchObject({ type: 'feature.updated', before: { owners: [me] }, after: { owners: [] } })
  expect(await features.addOwners({ params: one, body: { user_ids: [me, me] } })).toMatchObject({ owners: [{ id: me }] })
  expect(await features.addOwners({ params: one, body: { user_ids: [me] } })).toMatchObject({ owners: [{ id: me }] })
})

test('groups own features too, which counts where owners are needed', async () => {
  const { features, params, names, authorization, organisation, path } = await startFeatures()
  const groups = server.as(authorization, api.groups)
  const group = await groups.create({ params: { organisation: organisation.id }, body: { name: 'Payments' } })
  const { id, owners } = await features.create({ params, body: { name: 'beta', group_owners: [group.id] } })
  await features.create({ params, body: { name: 'other' } })
  const one = { ...params, feature: id }
  expect(await features.get({ params: one })).toMatchObject({ group_owners: [{ id: group.id, name: 'Payments' }] })
  expect(await names(`group_owners=${group.id}`)).toEqual(['beta'])

  await server.as(authorization, api.projects).update({ params, body: { enforce_feature_owners: true } })
  const withoutMe = await features.removeOwners({ params: one, body: { user_ids: [owners[0]?.id ?? 0] } })
  expect(withoutMe).toMatchObject({ owners: [], group_owners: [{ id: group.id }] })
  await expect(features.removeGroupOwners({ params: one, body: { group_ids: [group.id] } })).rejects.toMatchObject({
    status: 400,
    errors: { group_ids: ['Every feature of the project “Shop” needs an owner.'] },
  })
  await server.as(authorization, api.projects).update({ params, body: { enforce_feature_owners: false } })
  expect(await features.removeGroupOwners({ params: one, body: { group_ids: [group.id] } })).toMatchObject({ group_owners: [] })
  expect(await lastChange()).toMatchObject({ before: { group_owners: [group.id] }, after: { group_owners: [] } })
  expect(await features.addGroupOwners({ params: one, body: { group_ids: [group.id, group.id] } })).toMatchObject({
    group_owners: [{ id: group.id }],
  })
  const elsewhere = await startFeatures()
  expect(
    await server.send('POST', elsewhere.path, {
      authorization: elsewhere.authorization,
      body: { name: 'x', group_owners: [group.id] },
    }),
  ).toMatchObject({
    status: 400,
    body: { group_owners: ['Some groups not found', expect.any(String)] },
  })
  await groups.delete({ params: { organisation: organisation.id, group: group.id } })
  expect((await server.send('GET', `${path}${id}/`, { authorization })).body).toMatchObject({ group_owners: [] })
})

test('owners are people who can see the project', async () => {
  const { features, params, authorization, organisation } = await startFeatures()
  const { id } = await features.create({ params, body: { name: 'beta' } })
  const blind = await joinAs(server, organisation)
  const add = () => features.addOwners({ params: { ...params, feature: id }, body: { user_ids: [blind] } })
  await expect(add()).rejects.toMatchObject({ status: 400, errors: { user_ids: ['Some users not found', expect.any(String)] } })
  await server.as(authorization, api.projectUserPermissions).create({ params, body: { user: blind, permissions: ['VIEW_PROJECT'] } })
  expect((await add()).owners.map((owner) => owner.id)).toContain(blind)
})

test('a list is narrowed by name, type, archive, tags and owners', async () => {
  const { features, params, names, authorization, project } = await startFeatures()
  const [red, blue] = [await makeTag(authorization, project, 'red'), await makeTag(authorization, project, 'blue')]
  const { owners } = await features.create({ params, body: { name: 'Checkout_new', tags: [red, blue] } })
  await features.create({
    params,
    body: { name: 'banner%', tags: [red], multivariate_options: [{ string_value: 'a', default_percentage_allocation: 1 }] },
  })
  const last = await features.create({ params, body: { name: 'archive' } })
  await features.update({ params: { ...params, feature: last.id }, body: { is_archived: true } })
  await features.removeOwners({ params: { ...params, feature: last.id }, body: { user_ids: [owners[0]?.id ?? 0] } })

  expect(await names('search=CHECK')).toEqual(['Checkout_new'])
  expect(await names('search=%25')).toEqual(['banner%'])
  expect(await names('type=MULTIVARIATE')).toEqual(['banner%'])
  expect(await names('is_archived=true')).toEqual(['archive'])
  expect(await names('is_archived=false&sort_field=name&sort_direction=DESC')).toEqual(['banner%', 'Checkout_new'])
  expect(await names(`tags=${red}`)).toEqual(['Checkout_new', 'banner%'])
  expect(await names(`tags=${red},${blue}`)).toEqual(['Checkout_new'])
  expect(await names(`tags=${red},${blue}&tag_strategy=UNION`)).toEqual(['Checkout_new', 'banner%'])
  expect(await names('tags=')).toEqual(['archive'])
  expect(await names(`owners=${owners[0]?.id}`)).toEqual(['Checkout_new', 'banner%'])
  expect(await names('sort_field=created_date&sort_direction=DESC&page_size=2')).toEqual(['archive', 'banner%'])
})

test('with an environment, a list tells and searches what features are there', async () => {
  const { features, params, names, environment, authorization, path } = await startFeatures()
  await features.create({ params, body: { name: 'text', initial_value: 'Hello 42', default_enabled: true } })
  await features.create({ params, body: { name: 'number', initial_value: 42 } })
  await features.create({ params, body: { name: 'switch', initial_value: true } })
  const here = `environment=${environment.id}`
  const { results } = await features.list({ params, query: { environment: environment.id } })
  expect(results[0]).toMatchObject({
    environment_feature_state: {
      id: expect.any(Number),
      feature_state_value: 'Hello 42',
      environment: environment.id,
      identity: null,
      feature_segment: null,
      enabled: true,
    },
    segment_feature_state: null,
    last_modified_in_current_environment: expect.stringMatching(/Z$/),
  })
  expect(await names(`${here}&is_enabled=true`)).toEqual(['text'])
  expect(await names(`${here}&value_search=hello`)).toEqual(['text'])
  expect(await names(`${here}&value_search=42`)).toEqual(['text', 'number'])
  expect(await names(`${here}&value_search=true`)).toEqual(['switch'])
  const refused = await server.send('GET', `${path}?is_enabled=true`, { authorization })
  expect(refused).toMatchObject({ status: 400, body: { environment: ['Searching by state or value needs an environment.'] } })
})

test('a list counts overrides, in the environment or in all, and shows a segment’s', async () => {
  const { features, params, authorization, environment, project, path } = await startFeatures()
  const staging = await server.as(authorization, api.environments).create({ body: { name: 'Staging', project: project.id } })
  const feature = await features.create({ params, body: { name: 'beta' } })
  const segment = await server.as(authorization, api.segments).create({ params, body: { name: 'All', rules: [{ type: 'ALL' }] } })
  for (const { api_key: key } of [environment, staging]) {
    await server.as(authorization, api.featureSegments).createOverride({
      params: { environment_key: key, feature: feature.id },
      body: { feature_segment: { segment: segment.id }, enabled: true },
    })
  }
  const query = { environment: environment.id, segment: segment.id }
  const here = (await features.list({ params, query })).results[0]
  expect(here).toMatchObject({
    num_segment_overrides: 1,
    num_identity_overrides: 0,
    segment_feature_state: { enabled: true, feature_segment: expect.any(Number) },
    environment_feature_state: { enabled: false },
  })
  expect(await features.get({ params: { ...params, feature: feature.id } })).toMatchObject({ num_segment_overrides: 2 })
  const other = await startFeatures()
  const foreign = await server.send('GET', `${path}?environment=${other.environment.id}`, { authorization })
  expect(foreign).toMatchObject({ status: 400, body: { environment: [`Invalid pk "${other.environment.id}" - object does not exist.`] } })
})
