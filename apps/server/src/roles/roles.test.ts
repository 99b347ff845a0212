import { api } from '@halyard/contract'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeTenant, type Fixture } from '../testing/matrix/fixture.ts'
import { findDefault, makeFeature, makeRole, makeTag } from '../testing/matrix/makers.ts'
import { startServer, type TestServer } from '../testing/start-server.ts'

let server: TestServer
let home: Fixture
beforeAll(async () => {
  server = await startServer()
  home = await makeTenant(server)
})
afterAll(() => server.close())

const asAdmin = <const Noun extends keyof typeof api>(noun: Noun) => server.as(home.authorization, api[noun])
const inRole = (role: { id: number }) => ({ organisation: home.organisation.id, role: role.id })
const idOf = async (authorization: string) => (await server.as(authorization, api.users).me({})).id

async function statusOfToggle(authorization: string, feature: { id: number }) {
  const { id } = await findDefault(home, feature)
  const path = `/api/v1/environments/${home.environment.api_key}/featurestates/${id}/`
  return (await server.send('PATCH', path, { authorization, body: { enabled: true } })).status
}

test('a role with tags counts for features that carry one of them', async () => {
  const [role, tag, tagged, other] = [await makeRole(home), await makeTag(home), await makeFeature(home), await makeFeature(home)]
  await asAdmin('features').update({ params: { project: home.project.id, feature: tagged.id }, body: { tags: [tag.id] } })
  await asAdmin('roles').update({ params: { organisation: home.organisation.id, role: role.id }, body: { tags: [tag.id] } })
  const permissions = ['VIEW_ENVIRONMENT', 'UPDATE_FEATURE_STATE']
  await asAdmin('roleEnvironmentPermissions').create({ params: inRole(role), body: { environment: home.environment.id, permissions } })
  const params = { environment_key: home.environment.api_key }
  const viewer = home.viewer
  expect(await statusOfToggle(viewer, tagged)).toBe(403)
  const given = await asAdmin('roleUsers').create({ params: inRole(role), body: { user: await idOf(viewer) } })
  expect(await server.as(viewer, api.permissionViews).mineInEnvironment({ params })).toEqual({
    permissions: ['VIEW_ENVIRONMENT'],
    admin: false,
    tag_based_permissions: [{ permissions: ['UPDATE_FEATURE_STATE'], tags: [tag.id] }],
  })
  expect([await statusOfToggle(viewer, tagged), await statusOfToggle(viewer, other)]).toEqual([200, 403])
  // A tag that is deleted narrows what the role allows.
  await asAdmin('tags').delete({ params: { project: home.project.id, tag: tag.id } })
  expect([await statusOfToggle(viewer, tagged), await statusOfToggle(viewer, other)]).toEqual([403, 403])
  await asAdmin('roleUsers').delete({ params: { ...inRole(role), assignment: given.id } })
})

test('nobody comes to hold what a role gives for certain tags by tagging more features', async () => {
  const [role, tag, harmless, feature] = [await makeRole(home), await makeTag(home), await makeTag(home), await makeFeature(home)]
  await asAdmin('roles').update({ params: { organisation: home.organisation.id, role: role.id }, body: { tags: [tag.id] } })
  const granted = { environment: home.environment.id, permissions: ['UPDATE_FEATURE_STATE'] }
  await asAdmin('roleEnvironmentPermissions').create({ params: inRole(role), body: granted })
  const editing = { project: home.project.id, permissions: ['VIEW_PROJECT', 'CREATE_FEATURE'] }
  await asAdmin('roleProjectPermissions').create({ params: inRole(role), body: editing })
  await asAdmin('roleUsers').create({ params: inRole(role), body: { user: await idOf(home.viewer) } })
  const path = `/api/v1/projects/${home.project.id}/features/${feature.id}/`
  const tagAs = (authorization: string, tags: readonly number[]) => server.send('PATCH', path, { authorization, body: { tags } })
  expect((await tagAs(home.viewer, [harmless.id])).status).toBe(200)
  expect(await tagAs(home.viewer, [harmless.id, tag.id])).toMatchObject({
    status: 403,
    body: { detail: expect.stringContaining('UPDATE_FEATURE_STATE') },
  })
  const many = server.as(home.viewer, api.features)
  const params = { project: home.project.id }
  await expect(many.updateMany({ params, body: { features: [feature.id], add_tags: [tag.id] } })).rejects.toMatchObject({ status: 403 })
  expect(await statusOfToggle(home.viewer, feature)).toBe(403)
  expect((await tagAs(home.authorization, [tag.id])).status).toBe(200)
  expect((await tagAs(home.viewer, [tag.id, harmless.id])).status).toBe(200)
  await asAdmin('roles').delete({ params: { organisation: home.organisation.id, role: role.id } })
})

test('a key that is no administrator holds what its roles do, until it becomes one', async () => {
  const role = await makeRole(home)
  const of = { organisation: home.organisation.id }
  const { key, prefix } = await asAdmin('masterApiKeys').create({ params: of, body: { name: 'CI', is_admin: false } })
  const path = `/api/v1/projects/${home.project.id}/`
  const status = async () => (await server.send('GET', path, { authorization: `Api-Key ${key}` })).status
  expect(await status()).toBe(404)
  await asAdmin('roleMasterApiKeys').create({ params: inRole(role), body: { master_api_key: prefix } })
  await asAdmin('roleProjectPermissions').create({
    params: inRole(role),
    body: { project: home.project.id, permissions: ['VIEW_PROJECT'] },
  })
  expect(await status()).toBe(200)
  const { permissions } = await asAdmin('permissionViews').accessToProject({
    params: { project: home.project.id },
    query: { master_api_key: prefix },
  })
  expect(permissions.find(({ allowed }) => allowed)?.through).toMatchObject([{ granted_to: 'role', id: role.id, name: role.name }])
  await asAdmin('masterApiKeys').update({ params: { ...of, prefix }, body: { is_admin: true } })
  await asAdmin('masterApiKeys').update({ params: { ...of, prefix }, body: { is_admin: false } })
  expect(await status()).toBe(404)
})

test('an administrator of a project administers its environments, and no other project', async () => {
  const role = await makeRole(home)
  const user = await idOf(home.member)
  await asAdmin('roleProjectPermissions').create({ params: inRole(role), body: { project: home.project.id, admin: true } })
  await asAdmin('roleUsers').create({ params: inRole(role), body: { user } })
  const other = await asAdmin('projects').create({ body: { name: 'Other', organisation: home.organisation.id } })
  const keys = `/api/v1/environments/${home.environment.api_key}/api-keys/`
  expect((await server.send('GET', keys, { authorization: home.member })).status).toBe(200)
  expect((await server.send('GET', `/api/v1/projects/${other.id}/`, { authorization: home.member })).status).toBe(404)
  await asAdmin('roles').delete({ params: inRole(role) })
  expect((await server.send('GET', keys, { authorization: home.member })).status).toBe(404)
})
