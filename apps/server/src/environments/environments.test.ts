import { api } from '@halyard/contract'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { buildDocument } from '../evaluation/build-document.ts'
import { typedValue } from '../feature-states/default-states.ts'
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

test('an environment has the shape that clients know', async () => {
  const { authorization, project } = await server.makeProject()
  const environments = server.as(authorization, api.environments)
  const created = await environments.create({ body: { name: 'Staging', project: project.id } })
  const { total_segment_overrides, former_api_keys: former, ...listed } = created
  expect(former).toEqual([])
  expect(total_segment_overrides).toBe(0)
  expect(listed).toEqual({
    id: expect.any(Number),
    uuid: expect.any(String),
    name: 'Staging',
    api_key: expect.stringMatching(/^\w{22}$/),
    description: null,
    project: project.id,
    minimum_change_request_approvals: null,
    allow_client_traits: true,
    banner_text: null,
    banner_colour: null,
    hide_disabled_flags: null,
    use_mv_v2_evaluation: true,
    use_identity_composite_key_for_hashing: true,
    hide_sensitive_data: false,
    use_v2_feature_versioning: false,
    use_identity_overrides_in_local_eval: true,
    is_creating: false,
    metadata: [],
  })
  expect(await lastChange()).toMatchObject({ type: 'environment.created', project_id: project.id, environment_id: created.id })
  expect(await environments.get({ params: { environment_key: created.api_key } })).toEqual(created)
  expect(await environments.getByUuid({ params: { uuid: created.uuid } })).toEqual(created)
  expect(await environments.list({ query: { project: project.id } })).toMatchObject({
    count: 2,
    next: null,
    results: [{ name: 'Production' }, listed],
  })
  expect(await environments.listOfProject({ params: { project: project.id } })).toEqual([expect.anything(), listed])
})

test('lists are pages of ten with absolute links, and need a project', async () => {
  const { authorization, project } = await server.makeProject()
  const environments = server.as(authorization, api.environments)
  for (let number = 2; number <= 11; number += 1) await environments.create({ body: { name: `Stage ${number}`, project: project.id } })
  const first = await environments.list({ query: { project: project.id } })
  expect(first).toMatchObject({ count: 11, previous: null, next: `${server.url}/api/v1/environments/?project=${project.id}&page=2` })
  expect(first.results).toHaveLength(10)
  const second = await server.send('GET', first.next ?? '', { authorization })
  expect(second.body).toMatchObject({ next: null, results: [{ name: 'Stage 11' }] })
  expect((await server.send('GET', `/api/v1/environments/?project=${project.id}&page=3`, { authorization })).body).toEqual({
    detail: 'Invalid page.',
  })
  expect((await server.send('GET', '/api/v1/environments/', { authorization })).body).toEqual({ project: ['This field is required.'] })
})

test('a name is used once per project', async () => {
  const { authorization, project, environment } = await server.makeProject()
  const taken = { status: 400, body: { name: ['An environment with this name already exists.'] } }
  expect(
    await server.send('POST', '/api/v1/environments/', { authorization, body: { name: 'Production', project: project.id } }),
  ).toMatchObject(taken)
  await server.as(authorization, api.environments).create({ body: { name: 'Staging', project: project.id } })
  expect(
    await server.send('PATCH', `/api/v1/environments/${environment.api_key}/`, { authorization, body: { name: 'Staging' } }),
  ).toMatchObject(taken)
})

test('the body’s project must be the caller’s, and an environment stays in it', async () => {
  const { authorization, project, environment } = await server.makeProject()
  const elsewhere = await server.makeProject()
  const spying = await server.send('POST', '/api/v1/environments/', { authorization, body: { name: 'Spy', project: elsewhere.project.id } })
  expect(spying.status).toBe(404)
  expect((await server.send('GET', `/api/v1/environments/${elsewhere.environment.api_key}/`, { authorization })).status).toBe(404)
  const whole = { ...environment, name: 'Live', project: elsewhere.project.id, id: 1, metadata: [{ model_field: 1, field_value: 'x' }] }
  const { status, body } = await server.send('PUT', `/api/v1/environments/${environment.api_key}/`, { authorization, body: whole })
  expect({ status, body }).toMatchObject({ status: 200, body: { id: environment.id, name: 'Live', project: project.id, metadata: [] } })
})

test('the client-side key can be replaced; the old one is gone at once', async () => {
  const { authorization, environment } = await server.makeProject()
  const elsewhere = await server.makeProject()
  const update = (key: string, body: object) => server.send('PATCH', `/api/v1/environments/${key}/`, { authorization, body })
  const refused = (message: string) => ({ status: 400, body: { api_key: [expect.stringContaining(message)] } })
  expect(await update(environment.api_key, { api_key: elsewhere.environment.api_key })).toMatchObject(
    refused('exists, or another had it before'),
  )
  expect(await update(environment.api_key, { api_key: 'ser.something' })).toMatchObject(refused('ser.'))
  expect(await update(environment.api_key, { api_key: 'with/slash' })).toMatchObject(refused('letters'))
  const fresh = `fresh-${environment.id}`
  expect(await update(environment.api_key, { api_key: fresh })).toMatchObject({ status: 200, body: { api_key: fresh, name: 'Production' } })
  expect(await lastChange()).toMatchObject({
    type: 'environment.updated',
    before: { api_key: environment.api_key },
    after: { api_key: fresh },
  })
  expect((await update(environment.api_key, {})).status).toBe(404)
  expect((await update(fresh, { api_key: fresh, banner_colour: '#ff0000' })).body).toMatchObject({ banner_colour: '#ff0000' })
})

test.each([
  [{ description: 'x'.repeat(20_001) }, { description: ['Ensure this field has no more than 20000 characters.'] }],
  [{ banner_text: 'x'.repeat(256) }, { banner_text: ['Ensure this field has no more than 255 characters.'] }],
  [{ banner_colour: '#12345678' }, { banner_colour: ['Ensure this field has no more than 7 characters.'] }],
  [{ name: ' ' }, { name: ['This field may not be blank.'] }],
  [{ minimum_change_request_approvals: -1 }, { minimum_change_request_approvals: ['Ensure this value is greater than or equal to 0.'] }],
  [{ hide_sensitive_data: 'yes' }, { hide_sensitive_data: ['Must be a valid boolean.'] }],
  [{ allow_client_traits: null }, { allow_client_traits: ['This field may not be null.'] }],
])('settings are checked (%#)', async (body, expected) => {
  const { authorization, environment } = await server.makeProject()
  const answer = await server.send('PATCH', `/api/v1/environments/${environment.api_key}/`, { authorization, body })
  expect(answer).toMatchObject({ status: 400, body: expected })
})

test('a new environment begins with the defaults of every live feature', async () => {
  const { authorization, project } = await server.makeProject()
  await addFeatures(project.id)
  const { id } = await server.as(authorization, api.environments).create({ body: { name: 'Staging', project: project.id } })
  const states = await server.control.db
    .selectFrom('feature_states')
    .innerJoin('features', 'features.id', 'feature_states.feature_id')
    .innerJoin('feature_versions', 'feature_versions.id', 'feature_states.feature_version_id')
    .select(['features.name', 'enabled', 'value', 'variants', 'number', 'author_name', 'segment_id', 'identifier'])
    .where('feature_states.environment_id', '=', id)
    .orderBy('features.id')
    .execute()
  const common = { number: 1, author_name: 'Ada Tester', segment_id: null, identifier: null }
  expect(states).toEqual([
    { name: 'plain', enabled: false, value: null, variants: [], ...common },
    { name: 'number', enabled: true, value: 42, variants: [], ...common },
    {
      name: 'split',
      enabled: true,
      value: 'red',
      variants: [weight(30), weight(20.5)].map((each) => ({ ...each, variant_id: expect.any(Number) })),
      ...common,
    },
  ])
  const [first, second] = Object(states[2]?.variants)
  expect([first.id < second.id, first.variant_id < second.variant_id]).toEqual([true, true])
})

test('where defaults are prevented, features begin off and without a value', async () => {
  const { authorization, project } = await server.makeProject()
  await server.as(authorization, api.projects).update({ params: { project: project.id }, body: { prevent_flag_defaults: true } })
  await addFeatures(project.id)
  const { id } = await server.as(authorization, api.environments).create({ body: { name: 'Staging', project: project.id } })
  const states = await server.control.db
    .selectFrom('feature_states')
    .select(['enabled', 'value', 'variants'])
    .where('environment_id', '=', id)
    .orderBy('feature_id')
    .execute()
  const off = { enabled: false, value: null }
  expect(states).toEqual([
    { ...off, variants: [] },
    { ...off, variants: [] },
    { ...off, variants: [weight(30), weight(20.5)] },
  ])
})

const weight = (percentage: number) => ({
  id: expect.any(Number),
  uuid: expect.any(String),
  variant_id: expect.any(Number),
  weight: percentage,
})

test.each([
  [null, null],
  ['', ''],
  ['true', true],
  ['True', true],
  ['TRUE', 'TRUE'],
  ['False', false],
  ['42', 42],
  ['-7', -7],
  ['2147483647', 2147483647],
  ['2147483648', '2147483648'],
  ['-2147483648', -2147483648],
  ['1.5', '1.5'],
  [' 1', ' 1'],
  ['red', 'red'],
])('the initial value %j begins as %j', (text, expected) => {
  expect(typedValue(text)).toBe(expected)
})

test('SDKs are served by the key that an environment has now, until it is deleted', async () => {
  const { authorization, environment } = await server.makeProject()
  const environments = server.as(authorization, api.environments)
  const statusOf = async (key: string) => (await server.send('GET', '/api/v1/flags/', { headers: { 'x-environment-key': key } })).status
  const fresh = `served-${environment.id}`
  expect([await statusOf(environment.api_key), await statusOf(fresh)]).toEqual([200, 403])
  await environments.update({ params: { environment_key: environment.api_key }, body: { api_key: fresh } })
  expect([await statusOf(environment.api_key), await statusOf(fresh)]).toEqual([403, 200])
  await environments.delete({ params: { environment_key: fresh } })
  expect(await statusOf(fresh)).toBe(403)
})

test('a deleted environment is gone, and its name is free again', async () => {
  const { authorization, project, environment } = await server.makeProject()
  const environments = server.as(authorization, api.environments)
  await environments.delete({ params: { environment_key: environment.api_key } })
  expect(await lastChange()).toMatchObject({ type: 'environment.deleted', environment_id: environment.id })
  expect((await server.send('GET', `/api/v1/environments/${environment.api_key}/`, { authorization })).status).toBe(404)
  expect(await environments.list({ query: { project: project.id } })).toMatchObject({ count: 0, results: [] })
  expect(await environments.create({ body: { name: 'Production', project: project.id } })).toMatchObject({ name: 'Production' })
})

/** Straight into the tables: features are of a later noun. */
async function addFeatures(projectId: number): Promise<void> {
  await server.control.transaction(async (tx) => {
    const at = new Date()
    await tx
      .selectNoFrom((select) =>
        select.fn('set_config', [select.val('halyard.edit_at'), select.val(at.toISOString()), select.val(true)]).as('set'),
      )
      .execute()
    const common = { project_id: projectId, created_at: at }
    const features = await tx
      .insertInto('features')
      .values([
        { ...common, name: 'plain' },
        { ...common, name: 'number', default_enabled: true, initial_value: '42' },
        { ...common, name: 'split', default_enabled: true, initial_value: 'red', type: 'MULTIVARIATE' },
        { ...common, name: 'deleted', deleted_at: at },
      ])
      .returning(['id', 'name'])
      .execute()
    const split = features.find(({ name }) => name === 'split')?.id ?? 0
    await tx
      .insertInto('variants')
      .values([30, 20.5].map((default_weight) => ({ ...common, feature_id: split, default_weight, value: JSON.stringify('blue') })))
      .execute()
    await tx
      .insertInto('changes')
      .values({ at, type: 'feature.created', project_id: projectId, actor_kind: 'system', actor_name: 'test' })
      .execute()
  })
}

test('a client-side key that was replaced goes back to its environment, and to no other', async () => {
  const { authorization, project, environment } = await server.makeProject()
  const environments = server.as(authorization, api.environments)
  const rotated = `rotated${environment.api_key.slice(0, 10)}`
  await environments.update({ params: { environment_key: environment.api_key }, body: { api_key: rotated } })
  const taken = environments.create({ body: { name: 'Another', project: project.id, api_key: environment.api_key } })
  await expect(taken).rejects.toMatchObject({ status: 400, errors: { api_key: [expect.stringContaining('another had it before')] } })
  const back = await environments.update({ params: { environment_key: rotated }, body: { api_key: environment.api_key } })
  expect(back.api_key).toBe(environment.api_key)
})

test('a clone has the settings, states, segment overrides and weights, and neither identities nor keys', async () => {
  const { authorization, project, environment } = await server.makeProject()
  const as = <const Noun extends keyof typeof api>(noun: Noun) => server.as(authorization, api[noun])
  const params = { project: project.id }
  const inSource = { environment_key: environment.api_key }
  await as('environments').update({ params: inSource, body: { banner_text: 'Careful', hide_disabled_flags: true } })
  const variants = [
    { string_value: 'red', default_percentage_allocation: 30 },
    { string_value: 'blue', default_percentage_allocation: 20 },
  ]
  const feature = await as('features').create({ params, body: { name: 'button', multivariate_options: variants } })
  const gone = await as('features').create({ params, body: { name: 'gone' } })
  for (const name of ['gold', 'silver']) {
    const rule = { type: 'ALL', conditions: [{ operator: 'EQUAL', property: 'plan', value: name }] } as const
    const segment = await as('segments').create({ params, body: { name, rules: [rule] } })
    await as('featureSegments').createOverride({
      params: { ...inSource, feature: feature.id },
      body: { feature_segment: { segment: segment.id, priority: 0 }, enabled: true, feature_state_value: { string_value: name } },
    })
  }
  await as('features').delete({ params: { ...params, feature: gone.id } })
  const identity = await as('identities').create({ params: inSource, body: { identifier: 'ada' } })
  await as('identityOverrides').create({ params: { ...inSource, identity: identity.id }, body: { feature: feature.id, enabled: true } })

  const clone = await as('environments').clone({ params: inSource, body: { name: 'Staging' } })
  expect(clone).toMatchObject({
    name: 'Staging',
    project: project.id,
    banner_text: 'Careful',
    hide_disabled_flags: true,
    total_segment_overrides: 2,
  })
  expect(clone.api_key).not.toBe(environment.api_key)
  const documentOf = async ({ id }: { id: number }) => {
    const document = await buildDocument(server.control.db, id)
    if (!document) throw new Error(`Environment ${id} has no document.`)
    return {
      defaults: document.feature_states.map((state) => ({
        name: state.feature.name,
        enabled: state.enabled,
        value: state.feature_state_value,
        weights: state.multivariate_feature_state_values.map((each) => [each.multivariate_feature_option.id, each.percentage_allocation]),
      })),
      segments: document.project.segments.map((segment) => [
        segment.name,
        segment.feature_states.map((state) => [state.feature_state_value, state.feature_segment?.priority]),
      ]),
    }
  }
  expect(await documentOf(clone)).toEqual(await documentOf(environment))
  const metricsOf = async (key: string) =>
    (await as('environments').metrics({ params: { environment_key: key } })).metrics.map((metric) => [metric.name, metric.value])
  expect(await metricsOf(environment.api_key)).toEqual([
    ['total_features', 1],
    ['enabled_features', 0],
    ['segment_overrides', 2],
    ['identity_overrides', 1],
  ])
  expect((await metricsOf(clone.api_key)).at(-1)).toEqual(['identity_overrides', 0])
  expect((await as('identities').list({ params: { environment_key: clone.api_key } })).count).toBe(0)
  expect(await as('environmentApiKeys').list({ params: { environment_key: clone.api_key } })).toEqual([])
  await expect(as('environments').clone({ params: inSource, body: { name: 'Staging' } })).rejects.toMatchObject({ status: 400 })
})

test('a key that is rotated works beside its successor until a chosen instant, and nobody changes variants', async () => {
  const { authorization, project, environment } = await server.makeProject()
  const environments = server.as(authorization, api.environments)
  const variants = [{ string_value: 'red', default_percentage_allocation: 50 }]
  await server
    .as(authorization, api.features)
    .create({ params: { project: project.id }, body: { name: 'button', multivariate_options: variants } })
  const valuesWith = async (key: string) => {
    const answers = await Promise.all(
      Array.from({ length: 30 }, (_, index) =>
        server.send('GET', `/api/v1/identities/?identifier=visitor-${index}`, { headers: { 'x-environment-key': key } }),
      ),
    )
    return answers.map(({ status, body }) => ({ status, body }))
  }
  const before = await valuesWith(environment.api_key)
  const until = new Date(Date.now() + 3_600_000).toISOString()
  const rotated = await environments.rotateKey({ params: { environment_key: environment.api_key }, body: { old_key_works_until: until } })
  expect(rotated).toMatchObject({ id: environment.id, former_api_keys: [{ api_key: environment.api_key, works_until: until }] })
  expect(rotated.api_key).not.toBe(environment.api_key)
  expect(await valuesWith(environment.api_key)).toEqual(before)
  expect(await valuesWith(rotated.api_key)).toEqual(before)

  const again = await environments.rotateKey({
    params: { environment_key: rotated.api_key },
    body: { old_key_works_until: '2020-01-01T00:00:00Z' },
  })
  expect(again.former_api_keys).toEqual([{ api_key: environment.api_key, works_until: until }])
  expect((await valuesWith(rotated.api_key)).map(({ status }) => status)).toEqual(before.map(() => 403))
  expect(await valuesWith(environment.api_key)).toEqual(before)
  expect(await valuesWith(again.api_key)).toEqual(before)
  await environments.update({ params: { environment_key: again.api_key }, body: { api_key: 'chosen-by-hand' } })
  expect(await valuesWith('chosen-by-hand')).toEqual(before)
})
