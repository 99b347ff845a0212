import { api, type WrittenRule } from '@halyard/contract'
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

const staff: WrittenRule[] = [
  { type: 'ALL', rules: [{ type: 'ANY', conditions: [{ property: 'email', operator: 'CONTAINS', value: '@acme.test' }] }] },
]

async function startSegments() {
  const { authorization, project, environment } = await server.makeProject()
  const params = { project: project.id }
  return {
    authorization,
    project,
    environment,
    params,
    segments: server.as(authorization, api.segments),
    features: server.as(authorization, api.features),
    overrides: server.as(authorization, api.featureSegments),
    path: `/api/v1/projects/${project.id}/segments/`,
    post: (body: unknown) => server.send('POST', `/api/v1/projects/${project.id}/segments/`, { authorization, body }),
    /** What an identity gets. */
    flagFor: async (traits: { trait_key: string; trait_value: unknown }[]) => {
      const { body } = await server.send('POST', '/api/v1/identities/', {
        headers: { 'x-environment-key': environment.api_key },
        body: { identifier: 'ada', traits, transient: true },
      })
      return body
    },
  }
}

test('rules are kept in full, values as text', async () => {
  const { segments, params, project } = await startSegments()
  const created = await segments.create({
    params,
    body: {
      name: 'Staff',
      rules: [
        {
          type: 'ALL',
          rules: [
            {
              type: 'NONE',
              conditions: [
                { property: 'age', operator: 'LESS_THAN', value: 18 },
                { property: 'vip', operator: 'EQUAL', value: true, description: 'why' },
              ],
            },
          ],
        },
      ],
    },
  })
  expect(created).toEqual({
    id: expect.any(Number),
    uuid: expect.any(String),
    name: 'Staff',
    description: null,
    project: project.id,
    feature: null,
    rules: [
      {
        type: 'ALL',
        conditions: [],
        rules: [
          {
            type: 'NONE',
            rules: [],
            conditions: [
              { property: 'age', operator: 'LESS_THAN', value: '18', description: null },
              { property: 'vip', operator: 'EQUAL', value: 'true', description: 'why' },
            ],
          },
        ],
      },
    ],
    version: 1,
    version_of: created.id,
    created_at: expect.stringMatching(/Z$/),
    updated_at: expect.stringMatching(/Z$/),
    managed_by: '',
    membership_counts: [],
    metadata: [],
    local_evaluation: { is_exported: true, reason: null },
  })
  expect(await lastChange()).toMatchObject({
    type: 'segment.created',
    project_id: project.id,
    environment_id: null,
    after: { name: 'Staff', rules: created.rules },
  })
  expect(await segments.get({ params: { ...params, segment: created.id } })).toEqual(created)
  expect(await segments.getByUuid({ params: { uuid: created.uuid } })).toEqual(created)
})

test('every update is a version; fields that are absent stay', async () => {
  const { segments, params, authorization, path } = await startSegments()
  const { id, ...rest } = await segments.create({ params, body: { name: 'Staff', description: 'Us', rules: staff } })
  const one = { ...params, segment: id }
  expect(await segments.update({ params: one, body: { name: 'Colleagues' } })).toMatchObject({
    name: 'Colleagues',
    description: 'Us',
    rules: rest.rules,
    version: 2,
  })
  expect(await lastChange()).toMatchObject({
    type: 'segment.updated',
    before: { name: 'Staff', version: 1 },
    after: { name: 'Colleagues', version: 2 },
  })
  const whole = { ...rest, id, name: 'All', rules: [{ type: 'ALL' }], version: 99, managed_by: 'me' }
  const { body } = await server.send('PUT', `${path}${id}/`, { authorization, body: whole })
  expect(body).toMatchObject({
    name: 'All',
    description: 'Us',
    version: 3,
    managed_by: '',
    rules: [{ type: 'ALL', rules: [], conditions: [] }],
  })
  expect(await server.send('PUT', `${path}${id}/`, { authorization, body: { name: 'x' } })).toMatchObject({
    status: 400,
    body: { rules: ['This field is required.'] },
  })
})

test('elements marked for deletion are left out', async () => {
  const { segments, params } = await startSegments()
  const condition = { property: 'plan', operator: 'EQUAL', value: 'a' } as const
  const { rules } = await segments.create({
    params,
    body: {
      name: 'x',
      rules: [
        { type: 'ALL', conditions: [condition, { ...condition, delete: true }], rules: [{ type: 'ANY', delete: true }] },
        { type: 'NONE', delete: true },
      ],
    },
  })
  expect(rules).toEqual([{ type: 'ALL', rules: [], conditions: [{ ...condition, description: null }] }])
})

const condition = (written: object) => ({
  name: 'x',
  rules: [{ type: 'ALL', rules: [{ type: 'ANY', conditions: [{ property: 'p', operator: 'IS_SET' }, written] }] }],
})
const nested = (levels: number): object => ({ type: 'ALL', rules: levels > 1 ? [nested(levels - 1)] : [] })
const many = (count: number) => ({ type: 'ALL', conditions: Array.from({ length: count }, () => ({ property: 'p', operator: 'IS_SET' })) })
const at = (errors: object) => ({ rules: [{ rules: [{ conditions: [{}, errors] }] }] })

test('malformed rules are refused where they are malformed', async () => {
  const { post } = await startSegments()
  const refused: [object, object][] = [
    [{ name: 'x', rules: [] }, { rules: ['Segment cannot be created without any rules.'] }],
    [{ name: 'x' }, { rules: ['This field is required.'] }],
    [{ name: '', rules: staff }, { name: ['This field may not be blank.'] }],
    [{ name: 'x', rules: [nested(6)] }, { rules: ['The rules are nested 6 levels deep; the limit is 5.'] }],
    [{ name: 'x', rules: [many(60), many(41)] }, { rules: [expect.stringContaining('101 conditions')] }],
    [{ name: 'x', rules: [{ type: 'SOME' }] }, { rules: [{ type: ['"SOME" is not a valid choice.'] }] }],
    [condition({ property: 'p', operator: 'LIKE', value: 'x' }), at({ operator: ['"LIKE" is not a valid choice.'] })],
    [condition({ property: 'p', operator: 'EQUAL', value: { a: 1 } }), at({ value: ['A value is a text, a number or a boolean.'] })],
    [condition({ property: 'p', operator: 'EQUAL', value: 'x'.repeat(1001) }), at({ value: [expect.stringContaining('1000')] })],
    [condition({ property: 'x'.repeat(1001), operator: 'EQUAL', value: 'x' }), at({ property: [expect.stringContaining('1000')] })],
    [condition({ property: '', operator: 'EQUAL', value: 'x' }), at({ property: ['This field may not be blank.'] })],
    [condition({ property: 'p', operator: 'EQUAL' }), at({ value: [expect.any(String)] })],
    [condition({ property: 'p', operator: 'IN', value: null }), at({ value: [expect.any(String)] })],
    [condition({ property: 'p', operator: 'REGEX', value: '(' }), at({ value: [expect.stringContaining('not supported')] })],
    [condition({ property: 'p', operator: 'REGEX', value: '(?=a)' }), at({ value: [expect.stringContaining('not supported')] })],
    [condition({ property: 'p', operator: 'REGEX', value: '(a{500}){500}' }), at({ value: [expect.stringContaining('limit')] })],
    [condition({ operator: 'PERCENTAGE_SPLIT', value: '101' }), at({ value: ['PERCENTAGE_SPLIT needs a number from 0 to 100.'] })],
    [condition({ operator: 'PERCENTAGE_SPLIT', value: '-1' }), at({ value: ['PERCENTAGE_SPLIT needs a number from 0 to 100.'] })],
    [condition({ operator: 'PERCENTAGE_SPLIT', value: 'half' }), at({ value: ['PERCENTAGE_SPLIT needs a number.'] })],
    [condition({ property: 'p', operator: 'MODULO', value: '2' }), at({ value: [expect.stringContaining('2|0')] })],
    [condition({ property: 'p', operator: 'MODULO', value: '0|1' }), at({ value: [expect.stringContaining('zero')] })],
    [condition({ property: 'p', operator: 'GREATER_THAN', value: 'x:semver' }), at({ value: [expect.any(String)] })],
    [condition({ property: 'p', operator: 'DATE_BEFORE', value: 'tomorrow' }), at({ value: [expect.stringContaining('not a date')] })],
    [condition({ property: 'p', operator: 'DATE_AFTER', value: '2026-02-30' }), at({ value: [expect.stringContaining('not a date')] })],
    [condition({ property: 'p', operator: 'DATE_AFTER', value: 20_261_122 }), at({ value: [expect.stringContaining('not a date')] })],
    [condition({ property: 'p', operator: 'STARTS_WITH', value: '' }), at({ value: [expect.stringContaining('empty')] })],
    [condition({ property: '', operator: 'ENDS_WITH', value: 'x' }), at({ property: ['This field may not be blank.'] })],
    [condition({ property: 'p', operator: 'CONTAINS_IGNORE_CASE', value: null }), at({ value: [expect.any(String)] })],
  ]
  const answers = []
  for (const [body] of refused) answers.push(await post(body))
  expect(answers).toMatchObject(refused.map(([, errors]) => ({ status: 400, body: errors })))
})

test('rules at the limits are taken', async () => {
  const { post } = await startSegments()
  const taken = [
    { name: 'x', rules: [nested(5)] },
    { name: 'x', rules: [many(100)] },
    condition({ operator: 'PERCENTAGE_SPLIT', value: 12.5 }),
    condition({ property: '', operator: 'PERCENTAGE_SPLIT', value: '100' }),
    condition({ property: '$.identity.identifier', operator: 'IN', value: '["a","b"]' }),
    condition({ property: 'version', operator: 'GREATER_THAN', value: '1.2.3:semver' }),
    condition({ property: 'p', operator: 'IS_NOT_SET', value: null }),
    condition({ property: 'p', operator: 'STARTS_WITH', value: 1 }),
    condition({ property: 'p', operator: 'DATE_BEFORE', value: '2026-11-22T09:30:00.5+02:00' }),
  ]
  const answers = []
  for (const body of taken) answers.push((await post(body)).status)
  expect(answers).toEqual(taken.map(() => 201))
})

test('a segment says whether SDKs that evaluate locally get it', async () => {
  const { segments, params, post } = await startSegments()
  expect((await post(condition({ property: 'p', operator: 'ENDS_WITH', value: '@acme.test' }))).body).toMatchObject({
    local_evaluation: { is_exported: true, reason: null },
  })
  const { body } = await post(condition({ property: 'p', operator: 'DATE_AFTER', value: '2026-11-22' }))
  const left = { is_exported: false, reason: 'DATE_AFTER: official SDKs cannot compare dates' }
  expect(body).toMatchObject({ local_evaluation: left })
  const { results } = await segments.list({ params, query: {} })
  expect(results.map((segment) => segment.local_evaluation.is_exported)).toEqual([true, false])
})

test('a clone has the rules under another name', async () => {
  const { segments, params } = await startSegments()
  const original = await segments.create({ params, body: { name: 'Staff', description: 'Us', rules: staff } })
  const clone = await segments.clone({ params: { ...params, segment: original.id }, body: { name: 'Staff 2' } })
  expect(clone).toMatchObject({ name: 'Staff 2', description: 'Us', rules: original.rules, version: 1 })
  expect(clone.id).not.toBe(original.id)
  expect(await lastChange()).toMatchObject({ type: 'segment.created', subject_id: String(clone.id) })
})

test('a list is narrowed by name, and can leave out what was made for one feature', async () => {
  const { segments, features, params } = await startSegments()
  const feature = await features.create({ params, body: { name: 'beta' } })
  await segments.create({ params, body: { name: 'Staff', rules: staff } })
  await segments.create({ params, body: { name: 'Only beta', rules: staff, feature: feature.id } })
  const names = async (query: object) => (await segments.list({ params, query })).results.map((segment) => segment.name)
  expect(await names({})).toEqual(['Staff', 'Only beta'])
  expect(await names({ q: 'STA' })).toEqual(['Staff'])
  expect(await names({ include_feature_specific: 'false' })).toEqual(['Staff'])
  expect(await names({ page_size: 1, page: 2 })).toEqual(['Only beta'])
})

test('a deleted segment takes its overrides along, in every environment', async () => {
  const { segments, features, overrides, params, environment, project, authorization, flagFor } = await startSegments()
  const staging = await server.as(authorization, api.environments).create({ body: { name: 'Staging', project: project.id } })
  const feature = await features.create({ params, body: { name: 'beta' } })
  const [one, two] = [
    await segments.create({ params, body: { name: 'One', rules: staff } }),
    await segments.create({ params, body: { name: 'Two', rules: staff } }),
  ]
  for (const segment of [one, two]) {
    for (const { api_key: key } of [environment, staging]) {
      await overrides.createOverride({
        params: { environment_key: key, feature: feature.id },
        body: { feature_segment: { segment: segment.id }, enabled: segment === one },
      })
    }
  }
  const associated = await segments.associatedFeatures({ params: { ...params, segment: one.id } })
  expect(associated).toMatchObject({
    count: 2,
    results: [
      { feature: feature.id, environment: environment.id },
      { feature: feature.id, environment: staging.id },
    ],
  })
  expect(await segments.associatedFeatures({ params: { ...params, segment: one.id }, query: { environment: staging.id } })).toMatchObject({
    count: 1,
  })
  const isStaff = [{ trait_key: 'email', trait_value: 'ada@acme.test' }]
  expect(await flagFor(isStaff)).toMatchObject({ flags: [{ enabled: true }] })

  const refused = segments.delete({ params: { ...params, segment: one.id } })
  await expect(refused).rejects.toMatchObject({
    status: 400,
    errors: { non_field_errors: [expect.stringContaining('“One” overrides beta in Production, beta in Staging. ')] },
  })
  const uses = (id: number, name: string) => ({ id, name, features: [{ id: feature.id, name: 'beta', enabled: true, priority: 0 }] })
  expect(await segments.usage({ params: { ...params, segment: one.id } })).toEqual({
    feature_count: 1,
    environment_count: 2,
    override_count: 2,
    environments: [uses(environment.id, 'Production'), uses(staging.id, 'Staging')],
  })
  await segments.delete({ params: { ...params, segment: one.id }, query: { force: 'true' } })
  expect(await lastChange()).toMatchObject({ type: 'segment.deleted', project_id: project.id, before: { name: 'One' } })
  await expect(segments.get({ params: { ...params, segment: one.id } })).rejects.toMatchObject({ status: 404 })
  expect(await flagFor(isStaff)).toMatchObject({ flags: [{ enabled: false }] })
  for (const { id } of [environment, staging]) {
    const { results } = await overrides.list({ query: { environment: id, feature: feature.id } })
    expect(results).toMatchObject([{ segment: two.id, priority: 0 }])
    const headers = await server.control.db
      .selectFrom('feature_versions')
      .select('number')
      .where('environment_id', '=', id)
      .where('feature_id', '=', feature.id)
      .execute()
    expect(headers).toHaveLength(4)
  }
})

test('segments of another project, and features of one in a body, do not exist', async () => {
  const { segments, params, post } = await startSegments()
  const other = await startSegments()
  const foreign = await other.segments.create({ params: other.params, body: { name: 'Theirs', rules: staff } })
  const feature = await other.features.create({ params: other.params, body: { name: 'theirs' } })
  const one = { ...params, segment: foreign.id }
  await expect(segments.get({ params: one })).rejects.toMatchObject({ status: 404 })
  await expect(segments.update({ params: one, body: {} })).rejects.toMatchObject({ status: 404 })
  await expect(segments.delete({ params: one })).rejects.toMatchObject({ status: 404 })
  await expect(segments.clone({ params: one, body: { name: 'x' } })).rejects.toMatchObject({ status: 404 })
  await expect(segments.associatedFeatures({ params: one })).rejects.toMatchObject({ status: 404 })
  await expect(segments.getByUuid({ params: { uuid: foreign.uuid } })).rejects.toMatchObject({ status: 404 })
  expect(await post({ name: 'x', rules: staff, feature: feature.id })).toMatchObject({
    status: 400,
    body: { feature: [`Invalid pk "${feature.id}" - object does not exist.`] },
  })
})

test('everything a segment was is listed, with who made it so', async () => {
  const { segments, features, params, authorization } = await startSegments()
  const { id, rules } = await segments.create({ params, body: { name: 'Staff', rules: staff } })
  const one = { ...params, segment: id }
  await segments.update({ params: one, body: { name: 'Colleagues' } })
  await segments.update({ params: one, body: { description: 'Us' } })
  // Another thing of the project with the same number.
  await features.create({ params, body: { name: 'beta' } })
  const me = await server.as(authorization, api.users).me({})
  const author = `${me.first_name} ${me.last_name}`
  const { count, results } = await segments.revisions({ params: one })
  expect(count).toBe(3)
  expect(results).toEqual([
    { version: 3, name: 'Colleagues', description: 'Us', rules, from: expect.any(String), until: null, author },
    { version: 2, name: 'Colleagues', description: null, rules, from: expect.any(String), until: results[0]?.from, author },
    { version: 1, name: 'Staff', description: null, rules, from: expect.any(String), until: results[1]?.from, author },
  ])
  expect((await segments.revisions({ params: one, query: { page_size: 1, page: 3 } })).results).toMatchObject([{ version: 1 }])
})

test('a segment that nothing uses any more is deleted without force', async () => {
  const { segments, features, overrides, params, environment } = await startSegments()
  const feature = await features.create({ params, body: { name: 'beta' } })
  const segment = await segments.create({ params, body: { name: 'One', rules: staff } })
  const place = await overrides.create({ body: { environment: environment.id, feature: feature.id, segment: segment.id } })
  await expect(segments.delete({ params: { ...params, segment: segment.id } })).rejects.toMatchObject({ status: 400 })
  await overrides.delete({ params: { feature_segment: place.id } })
  await segments.delete({ params: { ...params, segment: segment.id } })
  await expect(segments.get({ params: { ...params, segment: segment.id } })).rejects.toMatchObject({ status: 404 })
})
