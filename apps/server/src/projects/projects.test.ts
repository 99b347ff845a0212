import { api } from '@halyard/contract'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startServer, type TestServer } from '../testing/start-server.ts'
import { isWholeMatch } from '../runtime/patterns.ts'

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

test('a new project has the defaults, and everything that clients of the hosted product look for', async () => {
  const { authorization, organisation } = await server.makeProject()
  const projects = server.as(authorization, api.projects)
  const created = await projects.create({ body: { name: 'Bikes', organisation: organisation.id } })
  const { total_features, total_segments, max_features_allowed, max_segments_allowed, max_segment_overrides_allowed, ...listed } = created
  expect({ total_features, total_segments }).toEqual({ total_features: 0, total_segments: 0 })
  expect([max_features_allowed, max_segments_allowed, max_segment_overrides_allowed]).toEqual([null, null, null])
  expect(listed).toEqual({
    id: expect.any(Number),
    uuid: expect.any(String),
    created_date: expect.stringMatching(/Z$/),
    name: 'Bikes',
    organisation: organisation.id,
    hide_disabled_flags: false,
    prevent_flag_defaults: false,
    enforce_feature_owners: false,
    only_allow_lower_case_feature_names: true,
    feature_name_regex: null,
    enable_realtime_updates: true,
    stale_flags_limit_days: 30,
    minimum_change_request_approvals: null,
    enable_dynamo_db: false,
    migration_status: 'NOT_APPLICABLE',
    edge_v2_migration_status: 'NOT_STARTED',
    use_edge_identities: false,
    show_edge_identity_overrides_for_feature: false,
  })
  expect(await lastChange()).toMatchObject({ type: 'project.created', organisation_id: organisation.id, project_id: created.id })
  expect(await projects.get({ params: { project: created.id } })).toEqual(created)
  expect(await projects.getByUuid({ params: { uuid: created.uuid } })).toEqual(created)
})

test('lists show the projects of the caller’s organisations, filtered by organisation and UUID', async () => {
  const { authorization, organisation, project } = await server.makeProject()
  const elsewhere = await server.makeProject()
  const second = await server.as(authorization, api.organisations).create({ body: { name: 'Second' } })
  const projects = server.as(authorization, api.projects)
  const other = await projects.create({ body: { name: 'Other', organisation: second.id } })
  const idsOf = async (query: string) => {
    const { body } = await server.send('GET', `/api/v1/projects/${query}`, { authorization })
    return Array.isArray(body) ? body.map(({ id }) => id) : body
  }
  expect(await idsOf('')).toEqual([project.id, other.id])
  expect(await idsOf(`?organisation=${second.id}`)).toEqual([other.id])
  expect(await idsOf(`?organisation=${elsewhere.organisation.id}`)).toEqual([])
  expect(await idsOf(`?uuid=${project.uuid}`)).toEqual([project.id])
  expect(await idsOf(`?uuid=${elsewhere.project.uuid}`)).toEqual([])
  expect(await idsOf('?uuid=nonsense')).toEqual({ uuid: ['Must be a valid UUID.'] })
  expect(await projects.listOfOrganisation({ params: { organisation: organisation.id } })).toMatchObject([{ id: project.id }])
})

test('a name is used once per organisation, and is free again after deletion', async () => {
  const { authorization, organisation, project } = await server.makeProject()
  const projects = server.as(authorization, api.projects)
  const create = () => server.send('POST', '/api/v1/projects/', { authorization, body: { name: 'Shop', organisation: organisation.id } })
  const taken = { status: 400, body: { name: ['A project with this name already exists.'] } }
  expect(await create()).toMatchObject(taken)
  const another = await projects.create({ body: { name: 'Another', organisation: organisation.id } })
  expect(await server.send('PATCH', `/api/v1/projects/${another.id}/`, { authorization, body: { name: 'Shop' } })).toMatchObject(taken)
  expect(await projects.update({ params: { project: project.id }, body: { name: 'Shop' } })).toMatchObject({ name: 'Shop' })
  await projects.delete({ params: { project: project.id } })
  expect((await create()).status).toBe(201)
})

test('the body says which organisation: it is required, must be the caller’s, and stays', async () => {
  const { authorization, project, organisation } = await server.makeProject()
  const elsewhere = await server.makeProject()
  const create = (body: object) => server.send('POST', '/api/v1/projects/', { authorization, body })
  expect(await create({})).toMatchObject({
    status: 400,
    body: { name: ['This field is required.'], organisation: ['This field is required.'] },
  })
  expect((await create({ name: 'Spy', organisation: elsewhere.organisation.id })).status).toBe(404)
  const { body } = await server.send('PUT', `/api/v1/projects/${project.id}/`, {
    authorization,
    body: { name: 'Moved', organisation: elsewhere.organisation.id },
  })
  expect(body).toMatchObject({ name: 'Moved', organisation: organisation.id })
})

test('settings change one by one, and the change remembers both sides', async () => {
  const { authorization, project, environment } = await server.makeProject()
  const revision = () =>
    server.control.db
      .selectFrom('environment_revisions')
      .select('revision')
      .where('environment_id', '=', environment.id)
      .executeTakeFirstOrThrow()
  const before = await revision()
  const updated = await server
    .as(authorization, api.projects)
    .update({ params: { project: project.id }, body: { hide_disabled_flags: true, minimum_change_request_approvals: 2 } })
  expect(updated).toMatchObject({
    name: 'Shop',
    hide_disabled_flags: true,
    minimum_change_request_approvals: 2,
    stale_flags_limit_days: 30,
  })
  expect(await lastChange()).toMatchObject({
    type: 'project.updated',
    before: { hide_disabled_flags: false },
    after: { hide_disabled_flags: true },
  })
  expect((await revision()).revision).toBe(before.revision + 1)
})

test('a pattern for names must be one that the engine knows', async () => {
  const { authorization, project } = await server.makeProject()
  const set = (feature_name_regex: unknown) =>
    server.send('PATCH', `/api/v1/projects/${project.id}/`, { authorization, body: { feature_name_regex } })
  expect((await set('[a-z]+_[0-9]{4}')).body).toMatchObject({ feature_name_regex: '[a-z]+_[0-9]{4}' })
  for (const pattern of ['(', '(a)\\1', '(?=a)b', 'a'.repeat(256)]) {
    expect(await set(pattern)).toMatchObject({ status: 400, body: { feature_name_regex: [expect.any(String)] } })
  }
  expect((await set('')).body).toMatchObject({ feature_name_regex: null })
})

test.each([
  ['[a-z]+', 'beta', true],
  ['[a-z]+', 'beta2', false],
  ['[a-z]+', '2beta', false],
  ['a|b', 'ab', false],
  ['^a$', 'a', true],
  ['[a-z]+', 'beta\n', false],
])('the pattern %s and the name %j', (pattern, name, expected) => {
  expect(isWholeMatch(pattern, name)).toBe(expected)
})

test('SDK keys of a deleted project stop working at once', async () => {
  const { authorization, project, environment, serverKey } = await server.makeProject()
  const statuses = async () => {
    const ask = (path: string, key: string) => server.send('GET', `/api/v1/${path}/`, { headers: { 'x-environment-key': key } })
    return [(await ask('flags', environment.api_key)).status, (await ask('environment-document', serverKey)).status]
  }
  expect(await statuses()).toEqual([200, 200])
  await server.as(authorization, api.projects).delete({ params: { project: project.id } })
  expect(await statuses()).toEqual([403, 403])
})

test('a deleted project hides everything in it', async () => {
  const { authorization, project, environment } = await server.makeProject()
  await server.as(authorization, api.projects).delete({ params: { project: project.id } })
  expect(await lastChange()).toMatchObject({ type: 'project.deleted', project_id: project.id })
  for (const path of [
    `projects/${project.id}/`,
    `projects/get-by-uuid/${project.uuid}/`,
    `environments/${environment.api_key}/`,
    `environments/?project=${project.id}`,
  ]) {
    expect((await server.send('GET', `/api/v1/${path}`, { authorization })).status).toBe(404)
  }
})
