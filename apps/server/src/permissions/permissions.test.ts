import { api } from '@halyard/contract'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeTenant, type Fixture } from '../testing/matrix/fixture.ts'
import { startServer, type TestServer } from '../testing/start-server.ts'

let server: TestServer
let home: Fixture
beforeAll(async () => {
  server = await startServer()
  home = await makeTenant(server)
})
afterAll(() => server.close())

const views = (authorization: string) => server.as(authorization, api.permissionViews)

test('every permission is listed with its level, and whether it can be held for tags', async () => {
  const [organisation, project, environment] = await Promise.all([
    views(home.member).listForOrganisations({}),
    views(home.member).listForProjects({}),
    views(home.member).listForEnvironments({}),
  ])
  expect(organisation.map(({ key }) => key)).toEqual(['CREATE_PROJECT', 'MANAGE_USER_GROUPS'])
  expect(project).toContainEqual({ key: 'DELETE_FEATURE', description: 'Delete features.', supports_tag: true })
  expect(environment.filter((each) => each.supports_tag).map(({ key }) => key)).toEqual([
    'UPDATE_FEATURE_STATE',
    'MANAGE_SEGMENT_OVERRIDES',
    'CREATE_CHANGE_REQUEST',
    'APPROVE_CHANGE_REQUEST',
  ])
})

test('people see what they may do themselves; what others may do is for administrators', async () => {
  const params = { project: home.project.id }
  expect(await views(home.viewer).mineInProject({ params })).toEqual({
    permissions: ['VIEW_PROJECT'],
    admin: false,
    tag_based_permissions: [],
  })
  expect(await views(home.authorization).mineInProject({ params })).toMatchObject({ admin: true })
  const about = { ...params, user: home.userId }
  await expect(views(home.viewer).ofUserInProject({ params: about })).rejects.toMatchObject({ status: 403 })
  expect(await views(home.authorization).ofUserInProject({ params: about })).toEqual({
    admin: true,
    is_directly_granted: true,
    derived_from: { groups: [], roles: [] },
    permissions: [],
  })
})

test('access names what each permission is held through', async () => {
  const { id: user } = await server.as(home.viewer, api.users).me({})
  const { admin, permissions } = await views(home.authorization).accessToEnvironment({
    params: { environment_key: home.environment.api_key },
    query: { user },
  })
  expect(admin).toBe(false)
  const reason = { kind: 'permission', level: 'environment', granted_to: 'user', id: null, name: null, tags: [] }
  expect(permissions.find(({ key }) => key === 'VIEW_ENVIRONMENT')).toEqual({
    key: 'VIEW_ENVIRONMENT',
    allowed: true,
    tags: null,
    through: [reason],
  })
  expect(permissions.filter(({ allowed }) => allowed)).toHaveLength(1)
})

test('lists hold what somebody may see, and count nothing else', async () => {
  const hidden = await server.as(home.authorization, api.environments).create({ body: { name: 'Hidden', project: home.project.id } })
  await server.as(home.authorization, api.projects).create({ body: { name: 'Hidden', organisation: home.organisation.id } })
  const [environments, all, projects, listed] = await Promise.all([
    server.as(home.viewer, api.environments).list({ query: { project: home.project.id } }),
    server.as(home.viewer, api.environments).listOfProject({ params: { project: home.project.id } }),
    server.as(home.viewer, api.projects).listOfOrganisation({ params: { organisation: home.organisation.id } }),
    server.as(home.viewer, api.projects).list({}),
  ])
  expect({ count: environments.count, ids: environments.results.map(({ id }) => id) }).toEqual({ count: 1, ids: [home.environment.id] })
  expect(all.map(({ id }) => id)).toEqual([home.environment.id])
  expect([projects, listed].map((each) => each.map(({ id }) => id))).toEqual([[home.project.id], [home.project.id]])
  const features = `/api/v1/projects/${home.project.id}/features/?environment=${hidden.id}`
  expect(await server.send('GET', features, { authorization: home.viewer })).toMatchObject({
    status: 400,
    body: { environment: [`Invalid pk "${hidden.id}" - object does not exist.`] },
  })
})
